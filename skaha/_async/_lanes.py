"""Many requests at once: one connection a lane, lanes handed out from a free list.

One pool of many connections looks at every connection for every request, which costs more than the
requests do from about twenty in flight on, and closes live connections.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

import httpx

from skaha._answers import too_large
from skaha._async._work import Breaker, Guard, Semaphore
from skaha._width import Width

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

# What an answer may have to fit into memory; a log that is saved to a file may be larger.
_LARGEST_ANSWER = 256 * 2**20


class AsyncLanes(httpx.AsyncBaseTransport):
    """A transport over at most `width` transports of one connection each."""

    def __init__(self, width: int, connect: Callable[[], httpx.AsyncBaseTransport]) -> None:
        """Make the transport of a lane with `connect` when it is first needed."""
        self._room = Semaphore(width)
        self._width = Width(width)
        self._guard = Guard()
        self._connect = connect
        self._lanes: list[_Lane] = []
        self._free: list[_Lane] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a free lane; the lane is free again when the answer is closed."""
        await self._room.acquire()
        try:
            lane = self._free.pop() if self._free else self._new_lane()
        except BaseException:
            self._room.release()
            raise
        lane.breaker.watch(request)
        try:
            response = await lane.transport.handle_async_request(request)
        except BaseException:
            self._give_back(lane)
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _AnswerStream(stream, request, lambda: self._give_back(lane))
        return response

    def _new_lane(self) -> _Lane:
        lane = _Lane(self._connect(), Breaker())
        self._lanes.append(lane)
        return lane

    def _give_back(self, lane: _Lane) -> None:
        lane.breaker.free()
        self._free.append(lane)
        with self._guard:
            stays_closed = self._width.closes_one()
        if not stays_closed:
            self._room.release()

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
            await lane.transport.aclose()


class _Lane(NamedTuple):
    transport: httpx.AsyncBaseTransport
    breaker: Breaker


class _AnswerStream(httpx.AsyncByteStream):
    def __init__(
        self, stream: httpx.AsyncByteStream, request: httpx.Request, closed: Callable[[], None]
    ) -> None:
        self._stream = stream
        self._request = request
        self._closed: Callable[[], None] | None = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = math.inf if "save_to" in self._request.extensions else _LARGEST_ANSWER
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise too_large(self._request, _LARGEST_ANSWER)
            yield part

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        try:
            await self._stream.aclose()
        finally:
            if closed is not None:
                closed()
