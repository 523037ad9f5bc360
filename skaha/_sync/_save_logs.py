# Generated from skaha/_async/_save_logs.py by scripts/regenerate.py. Edit that file instead.
"""Saved logs: the paths of the files, and the download of one log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from skaha.records import known, sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from skaha._transport.api_client import Api
    from skaha.models import SessionRecord

# Letters of a session name in a file name, whose length is limited.
_MAX_NAME_LENGTH = 100


def paths_of_logs(
    directory: str | PathLike[str], ids: Sequence[str], records: Iterable[SessionRecord]
) -> dict[str, Path]:
    """Create the directory; return the path of the log of each session."""
    folder = Path(directory).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    names = {str(record.get("id")): str(record.get("name", "")) for record in sessions(records)}
    return {
        session_id: folder / _file_name(names.get(session_id), session_id) for session_id in ids
    }


def _file_name(name: str | None, session_id: str) -> str:
    # The platform chose the name, so only the letters of valid names may reach the file system.
    safe_name = re.sub(r"[^A-Za-z0-9-]", "", known(name) or "")[:_MAX_NAME_LENGTH]
    return f"{safe_name}-{session_id}.log" if safe_name else f"{session_id}.log"


def save_log(api: Api, session_id: str, path: Path) -> None:
    """Save the log of one session to a file."""
    # A generated endpoint reads the whole response into memory, so this is the only request that
    # is built without one.
    client = api.get_httpx_client()
    request = client.build_request("GET", f"/v1/session/{session_id}", params={"view": "logs"})
    client.download(request, path)
