"""Helpers for programs that launch sessions, and for programs inside a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._lazy import importing

if TYPE_CHECKING:
    from skaha.helpers import distributed as distributed
    from skaha.helpers import names as names
    from skaha.helpers import progress as progress
    from skaha.helpers import shell as shell
else:
    __getattr__, __dir__ = importing(
        __name__,
        {
            "distributed": "skaha.helpers.distributed",
            "names": "skaha.helpers.names",
            "progress": "skaha.helpers.progress",
            "shell": "skaha.helpers.shell",
        },
    )
