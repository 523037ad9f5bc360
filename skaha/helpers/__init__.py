"""Helpers for programs that launch sessions, and for programs inside a session."""

from __future__ import annotations

from skaha._lazy import importing

__getattr__, __dir__ = importing(
    __name__,
    {
        "distributed": "skaha.helpers.distributed",
        "names": "skaha.helpers.names",
        "progress": "skaha.helpers.progress",
        "shell": "skaha.helpers.shell",
    },
)
