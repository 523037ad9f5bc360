"""A response that is too large is refused, so that it does not fill the memory."""

import gzip

import pytest
from scripted import Response, json_response

from skaha import Retry
from skaha.errors import AnswerError, ConnectionFailedError


@pytest.fixture
def small_limit(variant, monkeypatch):
    """Lower the limit, so that a test can exceed it without much memory."""
    monkeypatch.setattr(f"skaha._transport._{variant.name}.pool._MAX_RESPONSE_BYTES", 2**20)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * (2**20 + 1), {}),
        (gzip.compress(b" " * 8 * 2**20), {"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "compressed"],
)
def test_a_response_above_the_limit_is_refused(variant, scripted, body, headers):
    """It is not requested again, because it would be too large again."""
    large = Response(200, body, headers=headers)
    scripted.respond = lambda request: Response(200, "b") if request.path.endswith("2") else large
    session = variant.open(server=scripted.url, token="t")
    logs = variant.run(session.logs(["a1", "b2"]))
    assert len(scripted.received) == 2
    assert logs == {"b2": "b"}
    assert isinstance(logs.failures["a1"], AnswerError)
    assert "more than 1 MiB" in str(logs.failures["a1"])


@pytest.mark.usefixtures("small_limit")
def test_a_saved_log_may_be_larger(variant, scripted, scripted_session, tmp_path):
    log = b"a line\n" * 2**18
    scripted.respond = lambda received: (
        Response(200, log) if "view" in received.query else Response(200, b"[]", "application/json")
    )
    saved = variant.run(scripted_session.save_logs("a1", tmp_path))
    assert saved["a1"].read_bytes() == log


@pytest.mark.usefixtures("small_limit")
def test_the_limit_holds_for_another_response_after_a_part_of_a_log(variant, scripted, tmp_path):
    responses = [
        Response(200, b"a part", headers={"Content-Length": "100", "Connection": "close"}),
        Response(200, b"x" * (2**20 + 1), None),
    ]
    scripted.respond = lambda request: (
        responses.pop(0) if "view" in request.query else json_response([])
    )
    session = variant.open(server=scripted.url, token="t", retry=Retry(first_pause=0.001))
    saved = variant.run(session.save_logs("a1", tmp_path))
    assert "more than 1 MiB" in str(saved.failures["a1"])
    assert responses == []


@pytest.mark.usefixtures("small_limit")
def test_a_compressed_response_below_the_limit_is_read(variant, scripted, scripted_session):
    compressed = gzip.compress(b"a few words")
    scripted.respond = lambda _: Response(200, compressed, headers={"Content-Encoding": "gzip"})
    assert variant.run(scripted_session.logs("a1")) == {"a1": "a few words"}


def test_json_that_would_fill_the_memory_is_refused(
    variant, scripted, scripted_session, monkeypatch
):
    """Each `{}` of a list becomes hundreds of bytes."""
    monkeypatch.setattr("skaha._transport.response._MAX_JSON_BYTES", 2**16)
    for length, is_refused in ((2**16 // 3 - 2, False), (2**16, True)):
        body = "[" + ",".join(["{}"] * length) + "]"
        scripted.respond = lambda _, body=body: Response(200, body, "application/json")
        if is_refused:
            with pytest.raises(AnswerError, match="expected a JSON list of objects"):
                variant.run(scripted_session.fetch())
        else:
            assert len(variant.run(scripted_session.fetch())) == length
    # A log is no JSON.
    scripted.respond = lambda _: Response(200, body)
    assert variant.run(scripted_session.logs("a1")) == {"a1": body}


BOMB = gzip.compress(gzip.compress(b"\0" * 2**24))


@pytest.mark.parametrize("compression", ["gzip, gzip", "GZIP,identity,deflate", "br", "zstd"])
@pytest.mark.parametrize(
    "call",
    [
        lambda session, _: session.fetch(),
        lambda session, _: session.logs("a1", tail=3),
        lambda session, path: session.save_logs("a1", path),
    ],
    ids=["fetch", "logs", "save_logs"],
)
def test_a_response_that_could_expand_without_end_is_refused(
    variant, scripted, scripted_session, tmp_path, call, compression
):
    """A single gzip makes a response 1000 times larger at most; two of them, a million times."""

    def respond(received):
        headers = {"Content-Encoding": compression, "x-vo-authenticated": "vrubin"}
        is_log = "view" in received.query
        return Response(200, BOMB if is_log or "logs" not in str(call) else b"[]", headers=headers)

    scripted.respond = respond
    with pytest.raises(ConnectionFailedError, match="compressed in an unusual way") as caught:
        variant.run(call(scripted_session, tmp_path))
    assert compression.split(",")[0].lower() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_encoding_does_not_compress(variant, scripted, scripted_session):
    """Some servers write the charset into the wrong header."""
    scripted.respond = lambda _: Response(200, "a log", headers={"Content-Encoding": "utf-8"})
    assert variant.run(scripted_session.logs("a1")) == {"a1": "a log"}
