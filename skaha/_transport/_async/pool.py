"""Many requests at once: one connection a lane, lanes handed out from a free list.

One pool of many connections looks at every connection for every request, which costs more than the
requests do from about twenty in flight on, and closes live connections.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import httpx

from skaha._sansio.adaptive_limit import Width
from skaha._sansio.responses import too_large
from skaha._transport._async.concurrency import Guard, Semaphore
from skaha._transport._async.connection import AsyncLane
from skaha._transport.httpcore_errors import CORE_ERRORS, as_httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpcore

    from skaha._transport.connection_settings import Wire

# What an answer may have to fit into memory; a log that is saved to a file may be larger.
_LARGEST_ANSWER: float = 256 * 2**20
# How many times larger than itself a packed answer can become; nobody asked for a packed one.
_MOST_UNPACKED = 1000


class AsyncLanes(httpx.AsyncBaseTransport):
    """A transport over as many lanes as may be in flight at once."""

    def __init__(self, wire: Wire) -> None:
        """Open lanes when they are first needed."""
        self._wire = wire
        self._room = Semaphore(wire.concurrency)
        self._width = Width(wire.concurrency)
        self._guard = Guard()
        self._lanes: list[AsyncLane] = []
        self._free: list[AsyncLane] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a free lane; the lane is free again when the answer is closed."""
        await self._room.acquire()
        while self._closes_one():
            await self._room.acquire()
        with self._guard:
            lane = self._free.pop() if self._free else self._new_lane()
        try:
            lane.breaker.watch(request)
            answer = await lane.send(request)
        except BaseException as error:
            self._give_back(lane)
            if isinstance(error, CORE_ERRORS):
                raise as_httpx(error, request) from error
            raise
        stream = _AnswerStream(answer, request, lambda: self._give_back(lane))
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=stream,
            extensions=answer.extensions,
        )

    def _new_lane(self) -> AsyncLane:
        lane = AsyncLane(self._wire)
        self._lanes.append(lane)
        return lane

    def _give_back(self, lane: AsyncLane) -> None:
        lane.breaker.free()
        self._free.append(lane)
        with self._guard:
            self._width.hear()
        if not self._closes_one():
            self._room.release()

    def _closes_one(self) -> bool:
        with self._guard:
            return self._width.closes_one()

    def narrow(self) -> None:
        """Halve the width: the platform has more to do than it can."""
        with self._guard:
            self._width.narrow()

    def widen(self) -> None:
        """Count a success: enough of them open one more lane."""
        with self._guard:
            opens = self._width.widen()
        if opens:
            self._room.release()

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in self._lanes:
            await lane.aclose()


class _AnswerStream(httpx.AsyncByteStream):
    def __init__(
        self, answer: httpcore.Response, request: httpx.Request, closed: Callable[[], None]
    ) -> None:
        self._answer = answer
        self._request = request
        self._closed: Callable[[], None] | None = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = _LARGEST_ANSWER
        if any(name.lower() == b"content-encoding" for name, _ in self._answer.headers):
            left //= _MOST_UNPACKED
        if "save_to" in self._request.extensions:
            left = math.inf
        try:
            async for part in self._answer.aiter_stream():
                left -= len(part)
                if left < 0:
                    raise too_large(self._request, _LARGEST_ANSWER)
                yield part
        except CORE_ERRORS as error:
            raise as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        try:
            await self._answer.aclose()
        finally:
            if closed is not None:
                closed()
