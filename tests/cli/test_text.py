"""Text arrives in a container as it was typed."""

import pytest
from cli.conftest import IMAGE

LAUNCH = ["create", IMAGE, "--name", "text", "--wait", "--logs", "--rm"]
TEXTS = ["é", "M\N{EN DASH}31", "日本語 ☃  😀"]


@pytest.mark.parametrize("text", [*TEXTS, "plot x y", "N", "0o17"])
def test_words_arrive(skaha, text):
    assert text in skaha(*LAUNCH, "--", "echo", *text.split(" "), text)


@pytest.mark.parametrize("text", TEXTS)
def test_variables_arrive(skaha, text):
    assert text in skaha(*LAUNCH, "--env", f"A={text}", "--", "printenv", "A")


def test_a_variable_that_the_platform_cannot_carry_is_refused(skaha):
    skaha(*LAUNCH, "--env", "A=N", "--", "printenv", "A", code=2)
    assert "export A=" in skaha.err
