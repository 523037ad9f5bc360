"""Limits of a connection: a time-out for the header of a request, and a number of requests."""

import asyncio
import itertools

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_HEADER_TIMEOUT = 20.0

# These limits are those of the real platform's container.
KEEP_ALIVE_TIMEOUT = 20
MAX_REQUESTS = 100


class LimitedProtocol(H11Protocol):
    """Close a connection if the header of a request does not arrive in time.

    The time runs from the start of the connection or from the first byte of a later request. The
    time-out of the server itself only runs between two requests.

    The state of each request contains a counter of the connection's requests, `requests`.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self.app_state = {"requests": itertools.count(1)}
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Stop the timer when the header is complete; do not restart it for a part of a header."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()
        elif self.conn.trailing_data[0]:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_HEADER_TIMEOUT, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
