"""Text arrives in a container as it was typed."""

import pytest
from cli.conftest import IMAGE


@pytest.mark.parametrize("text", ["é", "M\N{EN DASH}31", "日本語 ☃  😀"])
def test_words_and_variables_arrive(skaha, text):
    words = ["create", IMAGE, "--name", "text", "--wait", "--logs", "--rm"]
    assert text in skaha(*words, "--", "echo", text)
    assert text in skaha(*words, "--env", f"A={text}", "--", "printenv", "A")
