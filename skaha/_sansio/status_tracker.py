"""Statuses of sessions that a call waits for."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from skaha.records import FINISHED, known, sessions, time_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

log = logging.getLogger("skaha")

_SOON = timedelta(hours=1)

# Our own statuses: vanished from the list; not listed yet.
GONE = "Gone"
UNSEEN = "Unseen"
ENDED = FINISHED | {GONE}


class StatusTracker:
    """Sessions, until each has a wanted status or has ended.

    A new session may take seconds to appear in the list. A finished session vanishes from the list
    after a while. So a session that was listed and is missing now is gone, and a session that was
    never listed may still appear.
    """

    def __init__(
        self,
        ids: list[str],
        wanted: frozenset[str] = frozenset(),
        appear: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock for the sessions that have to appear.

        Args:
            ids: Session ids.
            wanted: Statuses to wait for, besides the end.
            appear: Seconds after which a session that was never listed counts as gone.
            clock: Returns the current time in seconds.
        """
        self.ids = ids
        self._wanted = wanted
        self._appear = appear
        self._clock = clock
        self._start = clock()
        self._statuses: dict[str, str] = {}

    def update(self, records: Iterable[Mapping[str, Any]]) -> bool:
        """Read a list of all sessions; return whether a status changed."""
        listed = {str(record.get("id")): record for record in sessions(records)}
        before = dict(self._statuses)
        for session_id in self.pending:
            record = listed.get(session_id)
            if record is not None:
                self._statuses[session_id] = str(known(record.get("status")) or UNSEEN)
                if self._statuses[session_id] != before.get(session_id):
                    _warn_if_expiring(session_id, record)
            elif session_id in self._statuses or self._clock() - self._start >= self._appear:
                self._statuses[session_id] = GONE
        return self._statuses != before

    @property
    def pending(self) -> list[str]:
        """Ids of the sessions that have no wanted status yet and have not ended."""
        enough = self._wanted | ENDED
        return [
            session_id for session_id in self.ids if self._statuses.get(session_id) not in enough
        ]

    def statuses(self) -> dict[str, str]:
        """Return the last status of each session, in the order of the ids."""
        return {session_id: self._statuses.get(session_id, UNSEEN) for session_id in self.ids}


def _warn_if_expiring(session_id: str, record: Mapping[str, Any]) -> None:
    left = time_left(record) if record.get("status") == "Running" else None
    if left is not None and left < _SOON:
        log.warning("session %s will be ended by the platform in %s: renew it", session_id, left)
