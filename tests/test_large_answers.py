"""No answer takes the machine down."""

import gzip

import pytest
from scripted import Answer

from skaha.errors import AnswerError


@pytest.fixture
def small_limit(variant, monkeypatch):
    """A limit that a test can go beyond without filling the memory itself."""
    monkeypatch.setattr(f"skaha._transport._{variant.name}.pool._MAX_RESPONSE_BYTES", 2**20)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * (2**20 + 1), {}),
        (gzip.compress(b" " * 8 * 2**20), {"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "packed"],
)
def test_an_answer_that_does_not_fit_is_refused(variant, scripted, scripted_session, body, headers):
    large = Answer(200, body, headers=headers)
    scripted.answer = lambda request: Answer(200, "b") if request.path.endswith("2") else large
    found = variant.run(scripted_session.logs(["a1", "b2"]))
    assert found == {"b2": "b"}
    assert isinstance(found.failures["a1"], AnswerError)
    assert "more than 1 MiB" in str(found.failures["a1"])


@pytest.mark.usefixtures("small_limit")
def test_what_is_saved_may_be_larger(variant, scripted, scripted_session, tmp_path):
    log = b"a line\n" * 2**18
    scripted.answer = lambda received: (
        Answer(200, log) if "view" in received.query else Answer(200, b"[]", "application/json")
    )
    saved = variant.run(scripted_session.save_logs("a1", tmp_path))
    assert saved["a1"].read_bytes() == log


@pytest.mark.usefixtures("small_limit")
def test_an_answer_that_fits_is_read_packed_or_not(variant, scripted, scripted_session):
    packed = gzip.compress(b"a few words")
    scripted.answer = lambda _: Answer(200, packed, headers={"Content-Encoding": "gzip"})
    assert variant.run(scripted_session.logs("a1")) == {"a1": "a few words"}
