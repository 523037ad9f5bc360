"""Logs that are read part by part: saved to a file, or reduced to their last lines.

A generated endpoint reads the whole response into memory, and a log may be larger than the memory.
So these are the only requests that are built without an endpoint.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from skaha._sansio.log_tail import LastLines
from skaha._sansio.responses import too_large
from skaha.errors import ShorterLogError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    import httpx

    from skaha._transport.api_client import Api

# Letters of a session name in a file name, whose length is limited.
_MAX_NAME_LENGTH = 100
# Bytes of the last lines of a log that still fit into memory.
_MAX_TAIL_BYTES = 256 * 2**20


async def read_last_lines(api: Api, session_id: str, count: int) -> str:
    """Return the last lines of the log of one session."""
    request = _log_request(api, session_id)

    async def read(parts: AsyncIterator[bytes]) -> str:
        lines = LastLines(count)
        async for part in parts:
            if lines.feed(part) > _MAX_TAIL_BYTES:
                raise too_large(request, _MAX_TAIL_BYTES)
        return lines.text()

    return await api.get_async_httpx_client().read_parts(request, read)


async def download_log(api: Api, session_id: str, path: Path) -> None:
    """Write the log of one session to a new file."""

    async def write(parts: AsyncIterator[bytes]) -> None:
        with path.open("wb") as file:
            async for part in parts:
                file.write(part)

    await api.get_async_httpx_client().read_parts(_log_request(api, session_id), write)


def _log_request(api: Api, session_id: str) -> httpx.Request:
    client = api.get_async_httpx_client()
    return client.build_request("GET", f"/v1/session/{session_id}", params={"view": "logs"})


def paths_of_logs(folder: Path, ids: Sequence[str], names: Mapping[str, str]) -> dict[str, Path]:
    """Create the directory; return the path of the log of each session."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        session_id: folder / _file_name(names.get(session_id, ""), session_id) for session_id in ids
    }


def _file_name(name: str, session_id: str) -> str:
    # The platform chose the name, so only the letters of valid names may reach the file system.
    safe_name = re.sub(r"[^A-Za-z0-9-]", "", name)[:_MAX_NAME_LENGTH]
    return f"{safe_name}-{session_id}.log" if safe_name else f"{session_id}.log"


def partial_path(path: Path) -> Path:
    """Return the path of a new file beside `path`: other programs may save the same log now."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")


def check_size(partial: Path, path: Path) -> int:
    """Return the size of a downloaded log that may replace the saved log at `path`.

    Raises:
        ShorterLogError: If the saved log is longer.
    """
    size = partial.stat().st_size
    saved_size = path.stat().st_size if path.is_file() else 0
    if size < saved_size:
        # The platform also sends an empty log if the container is deleted or cannot be read now.
        # After a restart of the container, it sends only the new log.
        raise ShorterLogError(
            f"the platform sent {size} bytes, but {path} has {saved_size} bytes from an earlier "
            "call; the file is unchanged: move it away to save the shorter log"
        )
    return size
