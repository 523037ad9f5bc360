"""The log of a session as a stream."""

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import closing
from pathlib import Path

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from skaha.local._api._platform import Platform
from skaha.local._session import Session

_BLOCK_SIZE = 256 * 1024
_SLOW_INTERVAL = 0.05


def log_response(platform: Platform, session: Session | None) -> Response:
    """Return the log of a session; a session that does not exist has an empty log."""
    blocks = _read_blocks(None if session is None else platform.runtime.log(session))
    return _LogResponse(blocks, platform.injector.faults.log_rate)


class _LogResponse(StreamingResponse):
    """A response that closes its log, also if the client does not read all of it.

    A log that is open keeps its room on the disk after the deletion of its session.
    """

    def __init__(self, blocks: Generator[bytes, None, None], rate: float | None) -> None:
        self._blocks = blocks
        content = _slow_down(blocks, rate) if rate else blocks
        super().__init__(content, headers={"content-type": "text/plain"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the log."""
        with closing(self._blocks):
            await super().__call__(scope, receive, send)


def _read_blocks(log: Path | None) -> Generator[bytes, None, None]:
    """Yield the present content of a log; nothing without a log.

    A log may grow faster than the client reads, so the end of the file may never come.
    """
    if log is None:
        return
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return
    with file:
        remaining = os.fstat(file.fileno()).st_size
        while remaining > 0 and (block := file.read(min(remaining, _BLOCK_SIZE))):
            remaining -= len(block)
            yield block


async def _slow_down(blocks: Iterator[bytes], rate: float) -> AsyncIterator[bytes]:
    size = max(1, int(rate * _SLOW_INTERVAL))
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]
            await asyncio.sleep(size / rate)
