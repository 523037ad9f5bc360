"""A connection is used again only if the server sent nothing but the response to its request."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import httpcore
import httpx
import pytest
import trustme
import uvloop
from faults import faulty as f
from faults.conftest import IMAGE, QUICK, tls_of
from faults.faulty import FaultyPlatform

import skaha
from skaha._sansio.exchange import Exchange
from skaha._transport._async.backend import AsyncBackend

TOKEN = "a-token"


class RawServer:
    """A server that sends scripted bytes for each request and keeps its connections open.

    Args:
        responses: The parts of each response. Each part is sent separately.
        tls: The TLS context; without it, plain http.
    """

    def __init__(self, responses: Sequence[Sequence[bytes]], tls: ssl.SSLContext | None) -> None:
        self.responses = iter(responses)
        self.connections = 0
        self.has_sent_all = threading.Event()
        # Called before each further part of a response.
        self.before_next_part: Callable[[], object] = lambda: None
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/skaha"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close_connections()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close_connections(self) -> None:
        # Each thread closes its own connection: a closed number could be that of another socket.
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while connection.recv(65536):
                self.has_sent_all.clear()
                first, *others = next(self.responses)
                connection.sendall(first)
                for part in others:
                    self.before_next_part()
                    connection.sendall(part)
                self.has_sent_all.set()


def response(
    body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json"
) -> bytes:
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"1\r\n[\r\n1\r\n]\r\n0\r\n\r\n"
)
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n" * 3
SMUGGLED = response(b'[{"id": "smuggled"}]')
EMPTY = response(b"[]")

CLEAN = {
    "a length": [EMPTY],
    "chunks": [CHUNKED],
    "many parts": [bytes([byte]) for byte in CHUNKED],
    "interim responses": [INTERIM + EMPTY],
    "interim responses in parts": [INTERIM[:30], INTERIM[30:], EMPTY],
}
SURPLUS = {
    "a response in the same segment": [EMPTY + SMUGGLED],
    "a response after chunks": [CHUNKED + SMUGGLED],
    "a response in another segment": [EMPTY, SMUGGLED],
    "the beginning of a response": [EMPTY + SMUGGLED[:20]],
    "the beginning of a response in another segment": [EMPTY, SMUGGLED[:20]],
    "an interim response": [EMPTY + INTERIM],
    "a line feed": [EMPTY + b"\r\n"],
    "a body of another length": [response(b"[]") + b" "],
}


@pytest.fixture(params=[False, True], ids=["http", "https"])
def tls(request: pytest.FixtureRequest, trusted: trustme.CA) -> ssl.SSLContext | None:
    return tls_of(trusted) if request.param else None


@pytest.mark.parametrize("case", CLEAN)
def test_a_connection_is_used_again(variant: Any, tls: ssl.SSLContext | None, case: str) -> None:
    with RawServer([CLEAN[case]] * 3, tls) as server:
        session = variant.open(server=server.url, token=TOKEN, retry=False)
        for _ in range(3):
            assert variant.run(session.fetch()) == []
        assert server.connections == 1


@pytest.mark.parametrize("case", SURPLUS)
def test_a_connection_with_unread_bytes_is_closed(
    variant: Any, tls: ssl.SSLContext | None, case: str
) -> None:
    with RawServer([SURPLUS[case]] * 3, tls) as server:
        session = variant.open(server=server.url, token=TOKEN, retry=False)
        for number in (1, 2, 3):
            assert variant.run(session.fetch()) == []
            assert server.connections == number
            assert server.has_sent_all.wait(10)


def test_a_connection_that_the_server_has_closed_is_not_used_again(
    variant: Any, tls: ssl.SSLContext | None
) -> None:
    with RawServer([[EMPTY]] * 2, tls) as server:
        session = variant.open(server=server.url, token=TOKEN, retry=False)
        for number in (1, 2):
            assert variant.run(session.fetch()) == []
            assert server.connections == number
            server.close_connections()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_every_event_loop_notices_the_end_of_a_connection(
    tls: ssl.SSLContext | None, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with RawServer([[EMPTY]] * 2, tls) as server:

        async def fetch_twice() -> None:
            async with skaha.AsyncSession(server=server.url, token=TOKEN, retry=False) as session:
                assert await session.fetch() == []
                server.close_connections()
                await asyncio.sleep(0.05)  # the event loop reads the end
                assert await session.fetch() == []

        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(fetch_twice())
        assert server.connections == 2


def test_a_connection_with_bytes_that_the_event_loop_has_not_read_is_closed() -> None:
    has_first = threading.Event()
    with RawServer([[EMPTY, SMUGGLED], [EMPTY]], None) as server:
        server.before_next_part = lambda: has_first.wait(10)

        async def fetch_twice() -> list[Any]:
            async with skaha.AsyncSession(server=server.url, token=TOKEN, retry=False) as session:
                first = await session.fetch()
                has_first.set()
                # Block the event loop until the bytes are there.
                assert server.has_sent_all.wait(10)
                return [first, await session.fetch()]

        assert asyncio.run(fetch_twice()) == [[], []]
        assert server.connections == 2


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_bytes_after_a_status_without_a_body_are_surplus(variant: Any, status: bytes) -> None:
    """Such a response ends after its head, even if it states a length."""
    end = response(b"abc", b"HTTP/1.1 " + status)
    with RawServer([[end[:-3]], [end], [EMPTY]], None) as server:
        session = variant.open(server=server.url, token=TOKEN, retry=False)
        client = session.api
        for expected in (1, 1, 2):
            if variant.name == "sync":
                send = client.get_httpx_client().build_request
                with contextlib.suppress(Exception):
                    client.get_httpx_client().send(send("GET", "/v1/session"))
            else:
                variant.run(_get(client))
            assert server.connections == expected


async def _get(client: Any) -> None:
    http = client.get_async_httpx_client()
    with contextlib.suppress(Exception):
        await http.send(http.build_request("GET", "/v1/session"))


def test_no_replica_gets_the_id_of_another_response(variant: Any) -> None:
    """After some launches, the platform sends a second response without a request."""
    with FaultyPlatform(7, 0.3, [f.SURPLUS]) as platform:
        session = variant.open(server=platform.url, token=TOKEN, retry=QUICK, concurrency=4)
        launched = variant.run(session.create("run", IMAGE, replicas=60))
        assert platform.ids_by_name() == {name: [key] for name, key in launched.names.items()}
        assert len(platform.requests("POST")) == 60
        assert platform.connections > 4


@pytest.fixture
def early_bytes(trusted: trustme.CA) -> Iterator[tuple[str, int]]:
    """Start a server that sends bytes before the TLS handshake; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.sendall(SMUGGLED)
            with tls_of(trusted).wrap_socket(connection, server_side=True) as wrapped:
                wrapped.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()


def test_bytes_before_the_tls_handshake_end_the_connection(
    early_bytes: tuple[str, int],
) -> None:
    """A proxy could send such bytes in the name of the server."""

    async def connect() -> None:
        stream = await AsyncBackend(Exchange()).connect_tcp(*early_bytes)
        while not stream._reader.unread:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        with pytest.raises(httpcore.ConnectError, match="before the TLS handshake"):
            await stream.start_tls(httpx.create_ssl_context(), "127.0.0.1", timeout=10)

    asyncio.run(connect())
