"""One connection: opened when it is needed, and again when it was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore

from skaha._transport._async.backend import Network
from skaha._transport._async.concurrency import Breaker

if TYPE_CHECKING:
    import httpx

    from skaha._transport.connection_settings import Wire

# Seconds after which an idle connection is not used again: servers close theirs about then.
_KEEP_ALIVE = 5.0


class AsyncLane:
    """Sends one request at a time."""

    def __init__(self, wire: Wire) -> None:
        """Connect to nothing yet."""
        self._wire = wire
        self._connection: httpcore.AsyncHTTPConnection | None = None
        self._proxy = _proxy(wire)
        self.breaker = Breaker()

    async def send(self, request: httpx.Request) -> httpcore.Response:
        """Send a request; its answer must be closed before the next one is sent."""
        core = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        if self._proxy is not None:
            return await self._proxy.handle_async_request(core)
        connection = await self._connected_to(core.url.origin)
        return await connection.handle_async_request(core)

    async def _connected_to(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        old = self._connection
        if old is not None:
            if old.can_handle_request(origin) and old.is_available() and not old.has_expired():
                return old
            await old.aclose()
        self._connection = httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self._wire.tls,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=Network(),
        )
        return self._connection

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.aclose()
        if self._proxy is not None:
            await self._proxy.aclose()


def _proxy(wire: Wire) -> httpcore.AsyncHTTPProxy | None:
    if wire.proxy is None:
        return None
    return httpcore.AsyncHTTPProxy(
        wire.proxy,
        proxy_auth=wire.proxy_auth,
        ssl_context=wire.tls,
        max_connections=1,
        keepalive_expiry=_KEEP_ALIVE,
        network_backend=Network(),
    )
