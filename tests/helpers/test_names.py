"""Allowed names from any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaha import Session
from skaha._sansio.validation import check_job_name
from skaha.errors import InvalidInputError
from skaha.helpers import names

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"


@settings(max_examples=30)  # a preview of 9,999 replicas takes a while
@given(st.text() | st.from_regex(r"[yYnN]|0o[0-7]{1,3}|-+[0-9]{0,3}", fullmatch=True))
def test_any_text_gives_a_name_for_replicas_and_for_jobs(text):
    name = names.from_text(text)
    assert names.from_text(name) == name
    session = Session(server="http://127.0.0.1:9/skaha", token="t")
    assert session.preview(name, IMAGE, replicas=9999)[0]["name"] == f"{name}-1"
    assert check_job_name(name, ()) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sweep-7", "sweep-7"),
        ("POSSUM_EMU 2137-53", "possum-emu-2137-53"),
        ("/arc/home/me/Ångström.fits", "arc-home-me-angstrom-fits"),
        ("M\N{EN DASH}31", "m-31"),
        ("Straße", "strasse"),
        ("", "session"),
        ("日本", "session"),
        ("N", "session-n"),
        ("x" * 80, "x" * 50),
    ],
)
def test_the_name_keeps_as_much_of_the_text_as_possible(text, expected):
    assert names.from_text(text) == expected


@pytest.mark.parametrize("value", [None, 5, b"a", ["a"]])
def test_a_value_that_is_not_a_text_is_refused(value):
    with pytest.raises(InvalidInputError, match="takes a text, not"):
        names.from_text(value)
