"""Network backend of the async variant: the streams of asyncio.

The backend of httpcore goes through anyio, which costs a third of the CPU time of a request.
This file and its sync counterpart are written by hand, because they hold the differences.
"""

from __future__ import annotations

import asyncio
import select
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from skaha._sansio.exchange import Exchange

__all__ = ["AsyncBackend"]

# Seconds after which the next address of a host is tried, besides the previous ones.
_NEXT_ADDRESS_DELAY = 0.25


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Opens the network streams of one connection."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the address of the host that answers first."""
        loop = asyncio.get_running_loop()
        reader = _Reader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        # Other event loops, such as uvloop, try one address after another.
        options: dict[str, Any] = {}
        if isinstance(loop, asyncio.BaseEventLoop):
            options["happy_eyeballs_delay"] = _NEXT_ADDRESS_DELAY
        with _as_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                transport, _ = await loop.create_connection(lambda: protocol, host, port, **options)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return _Stream(reader, writer, self._exchange)


class _Reader(asyncio.StreamReader):
    """A stream reader that counts its unread bytes."""

    unread = 0

    def feed_data(self, data: Iterable[Any]) -> None:
        self.unread += len(bytes(data))
        super().feed_data(data)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter, exchange: Exchange) -> None:
        self._reader = reader
        self._writer = writer
        self._exchange = exchange

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if unsent := self._exchange.on_send():
            # The server may have answered before it closed the connection.
            with suppress(httpcore.WriteError):
                await self._send(unsent, timeout)
        with _as_httpcore(httpcore.ReadTimeout, httpcore.ReadError):
            async with asyncio.timeout(timeout):
                data = await self._reader.read(max_bytes)
        self._reader.unread -= len(data)
        self._exchange.on_receive(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if data := self._exchange.on_write(buffer):
            await self._send(data, timeout)

    async def _send(self, data: bytes, timeout: float | None) -> None:
        with _as_httpcore(httpcore.WriteTimeout, httpcore.WriteError):
            self._writer.write(data)
            async with asyncio.timeout(timeout):
                await self._writer.drain()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with _as_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            await self.aclose()
            raise
        if self._reader.unread:
            # They would look like bytes of the server, although TLS does not protect them.
            await self.aclose()
            raise httpcore.ConnectError("bytes came before the TLS handshake")
        self._exchange.start()
        return self

    async def aclose(self) -> None:
        self._writer.close()
        # Do not wait for the other side, which may never answer.
        self._writer.transport.abort()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return not self._exchange.is_complete or self._has_unread_bytes()
        return self._writer.get_extra_info(info)

    def _has_unread_bytes(self) -> bool:
        reader, writer = self._reader, self._writer
        if reader.unread or writer.is_closing():
            return True
        # The event loop may not have read them from the socket yet. The end is readable, too.
        poll = select.poll()
        poll.register(writer.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))


@contextmanager
def _as_httpcore(on_timeout: type[Exception], on_failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise on_timeout(str(error)) from error
    except (OSError, EOFError, UnicodeError) as error:
        raise on_failure(str(error) or type(error).__name__) from error
