"""Network backend of the sync variant: the blocking sockets of httpcore.

This file and its async counterpart are written by hand, because they hold the differences.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from skaha._sansio.exchange import Exchange

__all__ = ["Backend"]


class Backend(httpcore.NetworkBackend):
    """Opens the network streams of one connection."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers."""
        try:
            stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as error:  # a host name that no server can have
            raise httpcore.ConnectError(str(error)) from error
        return _Stream(stream, self._exchange)


class _Stream(httpcore.NetworkStream):
    def __init__(
        self, stream: httpcore.NetworkStream, exchange: Exchange, tls_layers: int = 0
    ) -> None:
        self._stream = stream
        self._exchange = exchange
        self._tls_layers = tls_layers

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if unsent := self._exchange.on_send():
            # The server may have answered before it closed the connection.
            with suppress(httpcore.WriteError):
                self._stream.write(unsent, timeout)
        data = self._stream.read(max_bytes, timeout)
        self._exchange.on_receive(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if data := self._exchange.on_write(buffer):
            self._stream.write(data, timeout)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        self._exchange.start()
        return _Stream(stream, self._exchange, self._tls_layers + 1)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        # TLS within TLS hides unread bytes: such a connection serves one request.
        if info == "is_readable" and (not self._exchange.is_complete or self._tls_layers > 1):
            return True
        return self._stream.get_extra_info(info)
