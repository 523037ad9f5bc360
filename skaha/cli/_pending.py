"""Why a session has not started yet, for who waits for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from skaha.cli._notes import hushed, note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skaha.cli._sessions import Found
    from skaha.session import Session

# Seconds until the platform is asked first, and at most from then on.
_PATIENCE, _LONGEST = 10.0, 160.0


class Pending:
    """Says once in a while what the platform says of a session that is pending for long."""

    def __init__(self, session: Session, found: Found) -> None:
        """Ask nothing yet."""
        self._session = session
        self._found = found
        self._statuses: Mapping[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def hear(self, statuses: Mapping[str, str]) -> None:
        """Take the statuses of the sessions that are waited for."""
        self._statuses = statuses

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def _run(self) -> None:
        seconds = _PATIENCE
        while not self._over.wait(seconds):
            seconds = min(seconds * 2, _LONGEST)
            pending = [one for one, status in self._statuses.items() if status == "Pending"]
            if pending:
                self._explain(pending[0], len(pending))

    def _explain(self, session_id: str, count: int) -> None:
        from skaha.errors import SkahaError

        try:
            with hushed():
                events = self._session.parsed_events(session_id).get(session_id, [])
        except SkahaError:  # the wait itself says what is wrong
            return
        warnings = dict.fromkeys(one.message for one in events if one.type == "Warning")
        if warnings and not self._over.is_set():
            others = f", like {count - 1} more" if count > 1 else ""
            name = f"{self._found.name(session_id)} ({session_id})"
            note(f"{name} is still pending{others}: {'; '.join(warnings)}", "warning")

    def __exit__(self, *_: object) -> None:
        self._over.set()
