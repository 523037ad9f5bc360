"""The platform's warnings about sessions that stay pending."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from skaha.cli._stderr import muted_log, note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skaha.cli._sessions import SelectedSessions
    from skaha.session import Session

# As often as a wait lists the sessions in the long run.
_INTERVAL_SECONDS = 15.0


class PendingEvents:
    """Show the warnings about a pending session at a regular interval, in a `with` block."""

    def __init__(self, session: Session, sessions: SelectedSessions) -> None:
        """Keep the client and the sessions of a wait."""
        self._session = session
        self._sessions = sessions
        self._statuses: Mapping[str, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def update(self, statuses: Mapping[str, str]) -> None:
        """Take the statuses of the sessions, by id."""
        self._statuses = statuses

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._ended.wait(_INTERVAL_SECONDS):
            pending = [
                session_id for session_id, status in self._statuses.items() if status == "Pending"
            ]
            if pending:
                self._show_warnings(pending[0], len(pending))

    def _show_warnings(self, session_id: str, count: int) -> None:
        from skaha.errors import SkahaError

        try:
            with muted_log():
                events = self._session.parsed_events(session_id).get(session_id, [])
        except SkahaError:  # the wait reports the same error
            return
        warnings = dict.fromkeys(event.message for event in events if event.type == "Warning")
        if warnings and not self._ended.is_set():
            others = f", like {count - 1} more" if count > 1 else ""
            name = f"{self._sessions.name(session_id)} ({session_id})"
            note(f"{name} is still pending{others}: {'; '.join(warnings)}", "warning")

    def __exit__(self, *_: object) -> None:
        self._ended.set()
