"""What the scheduler asks of whatever runs a session.

A runtime starts the work of a session, finds it again after the daemon was restarted, and keeps
its log in a file. `_process` runs commands of this machine, `_container` real images.
"""

from pathlib import Path
from typing import Protocol

from skaha.local._session import Event, Session


class StartError(Exception):
    """The session cannot start and never will; the message is for its events."""


class ImageAbsentError(Exception):
    """The session's image cannot be had here; the message is for its events."""


class Work(Protocol):
    """What runs for one session."""

    async def ready(self) -> None:
        """Wait until the session can be used; one that nobody connects to is so at once."""

    async def wait(self) -> int | None:
        """Wait for the end; return the exit status, None where nobody knows it any more."""

    async def stop(self, grace: float) -> None:
        """End everything that runs: ask first, kill after `grace` seconds."""


class Runtime(Protocol):
    """A way to run sessions."""

    def objection(self, kind: str) -> str | None:
        """Return why sessions of a kind are not accepted at all, and what would help."""

    def notes(self, session: Session) -> list[Event]:
        """Return the events that say how this runtime differs from the real platform."""

    async def prepare(self, session: Session) -> None:
        """Get what the session needs; it may take long, and be cancelled.

        Raises:
            ImageAbsentError: Its image cannot be had.
        """

    async def start(self, session: Session) -> Work:
        """Start the work of a session.

        Raises:
            StartError: It cannot start.
        """

    async def adopt(self, session: Session) -> Work | None:
        """Find the work of a session that was begun before; None if it never began."""

    def log(self, session: Session) -> Path:
        """Return the file that holds what the session wrote, which may not exist yet."""

    def address(self, session: Session) -> str | None:
        """Return the URL that an interactive session answers below, None if it has none."""

    def secret(self, session: Session) -> str:
        """Return what opens an interactive session to its owner."""

    def discard(self, session: Session) -> None:
        """Remove what is kept of a session whose work has ended."""
