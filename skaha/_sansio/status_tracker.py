"""What has become of sessions, from one look at the list to the next."""

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

# Neither is a word of the platform's: one it does not list any more, and one not yet.
GONE = "Gone"
UNSEEN = "Unseen"
ENDED = FINISHED | {GONE}


class Watch:
    """Sessions that are waited for, until each has one of the wanted statuses, or has ended.

    A new session may take seconds to appear in the list, and a finished one vanishes from it after
    a while: one that was listed and is missing now is gone, one that never was may still appear.
    """

    def __init__(
        self,
        ids: list[str],
        wanted: frozenset[str] = frozenset(),
        appear: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock for those that have to appear."""
        self.ids = ids
        self._wanted = wanted
        self._appear = appear
        self._clock = clock
        self._begun = clock()
        self._statuses: dict[str, str] = {}

    def look(self, records: Iterable[Mapping[str, Any]]) -> bool:
        """Take in a list of all sessions; say whether anything is new."""
        listed = {str(one.get("id")): one for one in sessions(records)}
        before = dict(self._statuses)
        for session_id in self.waiting:
            record = listed.get(session_id)
            if record is not None:
                self._statuses[session_id] = str(known(record.get("status")) or UNSEEN)
                if self._statuses[session_id] != before.get(session_id):
                    _warn_if_expiring(session_id, record)
            elif session_id in self._statuses or self._clock() - self._begun >= self._appear:
                self._statuses[session_id] = GONE
        return self._statuses != before

    @property
    def waiting(self) -> list[str]:
        """The ids that are not yet where they should be."""
        enough = self._wanted | ENDED
        return [one for one in self.ids if self._statuses.get(one) not in enough]

    def statuses(self) -> dict[str, str]:
        """Return the last status of each session, in the order asked for."""
        return {one: self._statuses.get(one, UNSEEN) for one in self.ids}


def _warn_if_expiring(session_id: str, record: Mapping[str, Any]) -> None:
    left = time_left(record) if record.get("status") == "Running" else None
    if left is not None and left < _SOON:
        log.warning("session %s will be ended by the platform in %s: renew it", session_id, left)
