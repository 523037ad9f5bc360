"""The end of a response is recognised from its bytes, exactly as the parser of httpcore does."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaha._sansio.exchange import Exchange

GET = b"GET /v1/session HTTP/1.1\r\nHost: example.org\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 3\r\n\r\nabc"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"
TRAILER = CHUNKED.removesuffix(b"\r\n") + b"Checksum: 1\r\nMore: 2\r\n\r\n"
COMPLETE = {
    "a length": (GET, LENGTH),
    "an empty body": (GET, OK + b"content-length:0\r\n\r\n"),
    "lines without a carriage return": (GET, OK + b"Content-Length: 1\n\nx"),
    "chunks": (GET, CHUNKED),
    "chunks and a length": (GET, CHUNKED.replace(b"Transfer", b"Content-Length: 1\r\nTransfer")),
    "a trailer": (GET, TRAILER),
    "interim responses": (GET, CONTINUE + LENGTH),
    "no content": (GET, NO_CONTENT),
    "not modified": (GET, NOT_MODIFIED),
    "the response to HEAD": (HEAD, OK + b"Content-Length: 3\r\n\r\n"),
}
INCOMPLETE = {
    "no length": (GET, OK + b"\r\nabc"),
    "only an interim response": (GET, CONTINUE),
    "no HTTP": (GET, b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "an odd status": (GET, b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
    "an odd length": (GET, OK + b"Content-Length: x\r\n\r\n"),
    "an endless length": (GET, OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc"),
    "a negative chunk": (GET, OK + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"),
    "no end of the head": (GET, LENGTH[:20]),
}


def exchange_of(request: bytes, *parts: bytes) -> Exchange:
    exchange = Exchange()
    send(exchange, request)
    for part in parts:
        exchange.on_receive(part)
    return exchange


def send(exchange: Exchange, request: bytes) -> None:
    assert exchange.on_write(request) == b""
    assert exchange.on_send() == request


@pytest.mark.parametrize("case", COMPLETE)
def test_a_complete_response_is_recognised(case: str) -> None:
    request, response = COMPLETE[case]
    assert exchange_of(request, response).is_complete
    single_bytes = [bytes([byte]) for byte in response]
    assert exchange_of(request, *single_bytes).is_complete
    assert not exchange_of(request, *single_bytes[:-1]).is_complete
    for surplus in (b"\n", LENGTH):
        assert not exchange_of(request, response + surplus).is_complete
        assert not exchange_of(request, *single_bytes, surplus).is_complete


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_response_without_a_clear_end_is_not_complete(case: str) -> None:
    request, response = INCOMPLETE[case]
    assert not exchange_of(request, response).is_complete


def test_a_second_exchange_starts_without_the_bytes_of_the_first() -> None:
    exchange = exchange_of(GET, LENGTH + LENGTH)
    exchange.start()
    assert not exchange.was_sent
    assert exchange.on_write(GET) == b""
    assert not exchange.was_sent
    assert exchange.on_send() == GET
    assert exchange.was_sent
    exchange.on_receive(CHUNKED)
    assert exchange.is_complete


def test_the_request_for_a_tunnel_does_not_count_as_the_request() -> None:
    exchange = Exchange()
    send(exchange, b"CONNECT example.org:443 HTTP/1.1\r\n\r\n")
    assert not exchange.was_sent
    exchange.start()
    send(exchange, b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n")
    send(exchange, b"CONNECT ")
    assert exchange.was_sent


def test_the_head_and_the_body_leave_together_and_a_large_body_in_parts() -> None:
    exchange = Exchange()
    part = b"a" * 40_000
    assert [exchange.on_write(data) for data in (GET, part, part)] == [b"", b"", GET + part + part]
    assert exchange.on_write(part) == b""
    assert exchange.on_send() == part
    assert exchange.on_send() == b""
    assert exchange.was_sent


def ended_for_h11(request: bytes, response: bytes) -> bool | None:
    """Return whether h11 ends the response with its last byte; `None` for an invalid response."""
    connection = h11.Connection(h11.CLIENT)
    method = request.split()[0]
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "example.org")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(response)
    try:
        while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.EndOfMessage):
                break
    except h11.RemoteProtocolError:
        return None
    has_ended = connection.their_state in (h11.DONE, h11.MUST_CLOSE)
    return has_ended and not connection.trailing_data[0]


PIECES = [
    *(response for _, response in [*COMPLETE.values(), *INCOMPLETE.values()]),
    *[
        OK,
        b"HTTP/1.1 204 \r\n",
        b"\r\n",
        b"\n",
        b"Content-Length: 3\r\n",
        b"abc",
        b"3\r\n",
        b"0\r\n",
    ],
    *[b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"\0", b"A: b\r\n"],
]


@given(
    request=st.sampled_from([GET, HEAD]),
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    data=st.data(),
)
def test_the_end_of_a_response_agrees_with_h11(
    request: bytes, pieces: list[bytes], data: st.DataObject
) -> None:
    response = b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(response)), max_size=5))
    ends = [*sorted(cuts), len(response)]
    parts = [response[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    exchange = exchange_of(request, *parts)
    expected = ended_for_h11(request, response)
    # After an invalid response the connection is closed.
    assert expected is None or exchange.is_complete == expected
