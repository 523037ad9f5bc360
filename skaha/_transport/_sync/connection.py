# Made from skaha/_transport/_async/connection.py by scripts/regenerate.py: edit that one.
"""One connection: opened when it is needed, and again when it was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore

from skaha._transport._sync.backend import Network
from skaha._transport._sync.concurrency import Breaker

if TYPE_CHECKING:
    import httpx

    from skaha._transport.connection_settings import Wire

# Seconds after which an idle connection is not used again: servers close theirs about then.
_KEEP_ALIVE = 5.0


class Lane:
    """Sends one request at a time."""

    def __init__(self, wire: Wire) -> None:
        """Connect to nothing yet."""
        self._wire = wire
        self._connection: httpcore.HTTPConnection | None = None
        self._proxy = _proxy(wire)
        self.breaker = Breaker()

    def send(self, request: httpx.Request) -> httpcore.Response:
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
            return self._proxy.handle_request(core)
        connection = self._connected_to(core.url.origin)
        return connection.handle_request(core)

    def _connected_to(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        old = self._connection
        if old is not None:
            if old.can_handle_request(origin) and old.is_available() and not old.has_expired():
                return old
            old.close()
        self._connection = httpcore.HTTPConnection(
            origin,
            ssl_context=self._wire.tls,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=Network(),
        )
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        if self._proxy is not None:
            self._proxy.close()


def _proxy(wire: Wire) -> httpcore.HTTPProxy | None:
    if wire.proxy is None:
        return None
    return httpcore.HTTPProxy(
        wire.proxy,
        proxy_auth=wire.proxy_auth,
        ssl_context=wire.tls,
        max_connections=1,
        keepalive_expiry=_KEEP_ALIVE,
        network_backend=Network(),
    )
