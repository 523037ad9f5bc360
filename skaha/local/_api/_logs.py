"""The log of a session as a stream."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from skaha.local._api._platform import Platform
from skaha.local._session import Session

_BLOCK_SIZE = 256 * 1024
_SLOW_INTERVAL = 0.05


def log_response(platform: Platform, session: Session | None) -> Response:
    """Return the log of a session; a session that does not exist has an empty log."""
    blocks = iter(()) if session is None else _read_blocks(platform.runtime.log(session))
    rate = platform.injector.faults.log_rate
    content = _slow_down(blocks, rate) if rate else blocks
    return StreamingResponse(content, headers={"content-type": "text/plain"})


def _read_blocks(log: Path) -> Iterator[bytes]:
    """Yield the present content of a log.

    A log may grow faster than the client reads, so the end of the file may never come.
    """
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
