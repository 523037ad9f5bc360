"""Statuses of sessions that a call waits for."""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from skaha._sansio.short_lists import sessions_listed
from skaha.errors import InvalidInputError
from skaha.models import STATUS
from skaha.records import (
    FINISHED,
    GONE,
    may_restart,
    printable,
    record_id,
    session_name,
    sessions,
    status_of,
    time_left,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

log = logging.getLogger("skaha")

_SOON = timedelta(hours=1)
# Seconds between two checks of all expiry times: parsing them takes as long as reading the list.
_SECONDS_BETWEEN_EXPIRY_CHECKS = 60.0
# Seconds for which a session must be missing from the list before it is looked up by its id.
_LOOK_UP_AFTER = 3.0
# Seconds for which an interactive session must stay failed before it counts as ended: Kubernetes
# starts it again.
RESTART_SECONDS = 30.0
# Look-ups in a row without the session, after which it is gone.
_MIN_LOOK_UPS = 2

# Our own status of a session that the platform does not list yet.
UNSEEN = "Unseen"
# The status of a record without a status.
_NO_STATUS = "Unknown"
_KNOWN = frozenset(get_args(STATUS))


class StatusTracker:
    """Sessions, until each has a wanted status or has ended.

    A new session may take seconds to appear in the list, and a finished session vanishes from it
    after a while. But a list can also lack a session that runs, or even be empty, when the platform
    has a problem. So a missing session is looked up by its id, twice, before it counts as gone.
    """

    def __init__(
        self,
        ids: list[str],
        wanted: frozenset[str] = frozenset(),
        appear: float = 60,
        restart: float | None = None,
    ) -> None:
        """Start the clock for the sessions that have to appear.

        Args:
            ids: Session ids.
            wanted: Statuses to wait for, besides the end.
            appear: Seconds after which a session that was never listed is looked up by its id.
            restart: Seconds for which an interactive session must stay failed before it counts as
                ended; `None` for the default.
        """
        self.ids = ids
        self._wanted = wanted
        self._appear = appear
        self._restart = RESTART_SECONDS if restart is None else restart
        self._statuses: dict[str, str] = {}
        self.names: dict[str, str] = {}
        start = time.monotonic()
        # Since when each session is missing from the list.
        self._missing_since = dict.fromkeys(ids, start)
        self._last_look = start
        self._failed_look_ups = Counter[str]()
        # Since when each session is failed that the platform may start again.
        self._failed_since: dict[str, float] = {}
        self._odd_statuses: set[str] = set()
        self._expiry_check_due = start
        # The sessions that expire soon, and the time left of those that are not in a warning yet.
        self._expiring: set[str] = set()
        self._times_left: dict[str, timedelta] = {}

    def add(self, ids: Iterable[str]) -> None:
        """Add sessions; their clock starts now."""
        known_ids, now = set(self.ids), time.monotonic()
        for session_id in ids:
            if session_id not in known_ids:
                self.ids.append(session_id)
                self._missing_since[session_id] = now

    def read_list(self, records: Iterable[Mapping[str, Any]]) -> bool:
        """Read a list of all sessions; return whether a status changed.

        Raises:
            InvalidInputError: If a session has the name that was given as an id.
        """
        listed = {record_id(record): record for record in sessions(records)}
        before = dict(self._statuses)
        never_listed: list[str] = []
        for session_id in self.pending:
            if session_id in listed:
                self._missing_since.pop(session_id, None)
                self._take(session_id, listed[session_id])
            else:
                self._missing_since.setdefault(session_id, time.monotonic())
                if session_id not in self._statuses:
                    never_listed.append(session_id)
        if never_listed:
            _check_not_names(never_listed, listed)
        self._last_look = time.monotonic()
        self._warn_if_expiring()
        return self._statuses != before

    @property
    def is_any_missing(self) -> bool:
        """Whether the last list lacks a session that an earlier list had."""
        return any(session_id in self._statuses for session_id in self._missing())

    @property
    def to_look_up(self) -> list[str]:
        """Ids of the sessions that are missing for so long that they must be looked up by id."""
        now = time.monotonic()
        return [
            session_id
            for session_id in self._missing()
            if now - self._missing_since[session_id]
            >= (_LOOK_UP_AFTER if session_id in self._statuses else self._appear)
        ]

    def _missing(self) -> list[str]:
        if not self._missing_since:
            return []
        pending = set(self.pending)
        return [session_id for session_id in self._missing_since if session_id in pending]

    def read_look_ups(
        self, records: Mapping[str, Mapping[str, Any]], absent: Collection[str]
    ) -> bool:
        """Read the result of look-ups by id; return whether a status changed.

        Args:
            records: The record of each session that exists, by id.
            absent: Ids that the platform says do not exist.
        """
        before = dict(self._statuses)
        for session_id, record in records.items():
            # An app has the id of its desktop.
            if sessions([record]):
                self._missing_since[session_id] = time.monotonic()
                self._take(session_id, record)
        for session_id in absent:
            self._failed_look_ups[session_id] += 1
            if self._failed_look_ups[session_id] >= _MIN_LOOK_UPS:
                self._statuses[session_id] = GONE
        self._last_look = time.monotonic()
        self._warn_if_expiring()
        return self._statuses != before

    def _take(self, session_id: str, record: Mapping[str, Any]) -> None:
        self._failed_look_ups.pop(session_id, None)
        status = status_of(record)
        word = _NO_STATUS if status is None else str(status)
        is_new = word != self._statuses.get(session_id)
        if word == "Running" and (is_new or time.monotonic() >= self._expiry_check_due):
            self._check_time_left(session_id, record)
        if not is_new:
            return
        self._statuses[session_id] = word
        self.names[session_id] = session_name(record)
        if status is None or word not in _KNOWN:
            self._warn_about_status(session_id, "no status" if status is None else f"{word!r}")
        if may_restart(record):
            self._failed_since.setdefault(session_id, time.monotonic())
        else:
            self._failed_since.pop(session_id, None)

    def _check_time_left(self, session_id: str, record: Mapping[str, Any]) -> None:
        left = time_left(record)
        if left is None or left >= _SOON:
            # A renewal may have moved the expiry.
            self._expiring.discard(session_id)
        elif session_id not in self._expiring:
            self._expiring.add(session_id)
            self._times_left[session_id] = left

    def _warn_if_expiring(self) -> None:
        """Warn once about the sessions that run and expire soon: one message for all of them."""
        if self._last_look >= self._expiry_check_due:
            self._expiry_check_due = self._last_look + _SECONDS_BETWEEN_EXPIRY_CHECKS
        times, self._times_left = self._times_left, {}
        late = [session_id for session_id, left in times.items() if left <= timedelta(0)]
        soon = [session_id for session_id, left in times.items() if left > timedelta(0)]
        if late:
            log.warning(
                "%s passed the expiry time, and the platform may end %s at any time: renew %s",
                sessions_listed(late),
                _pronoun(late),
                _pronoun(late),
            )
        if soon:
            minutes = max(1, round(min(times[key] for key in soon).total_seconds() / 60))
            log.warning(
                "%s will be ended by the platform%s in %d min: renew %s",
                sessions_listed(soon),
                ", the first one" if len(soon) > 1 else "",
                minutes,
                _pronoun(soon),
            )

    def _warn_about_status(self, session_id: str, status: str) -> None:
        if status not in self._odd_statuses:
            self._odd_statuses.add(status)
            log.warning(
                "session %s has an unknown status, %s: it counts as not finished",
                session_id,
                status,
            )

    @property
    def pending(self) -> list[str]:
        """Ids of the sessions that have no wanted status yet and have not ended."""
        return [session_id for session_id in self.ids if not self._is_done(session_id)]

    def _is_done(self, session_id: str) -> bool:
        status = self._statuses.get(session_id)
        if status == GONE or status in self._wanted:
            return True
        if session_id in self._failed_since:
            # Not the current time: the next list may show that the session runs again.
            return self._last_look - self._failed_since[session_id] >= self._restart
        return status in FINISHED

    def ended(self) -> dict[str, str]:
        """Return the status of each session that is not pending."""
        return {
            session_id: self.status(session_id)
            for session_id in self.ids
            if self._is_done(session_id)
        }

    @property
    def waiting(self) -> list[str]:
        """Ids of the sessions whose status is `Pending`, although the call waits for another."""
        return [
            session_id for session_id in self.pending if self._statuses.get(session_id) == "Pending"
        ]

    def has_started(self, session_id: str) -> bool:
        """Return whether a session can have a log: it is listed and not `Pending`, or has ended."""
        return self.status(session_id) not in (UNSEEN, "Pending")

    def status(self, session_id: str) -> str:
        """Return the last status of a session."""
        return self._statuses.get(session_id, UNSEEN)

    def statuses(self) -> dict[str, str]:
        """Return the last status of each session, in the order of the ids."""
        return {session_id: self.status(session_id) for session_id in self.ids}

    def label(self, session_id: str) -> str:
        """Return the name and the id of a session, for a message."""
        name = printable(self.names.get(session_id, ""))
        return f"{name} ({session_id})" if name else session_id


def _check_not_names(ids: Sequence[str], listed: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise if an id is the name of a listed session."""
    ids_by_name = {session_name(record): listed_id for listed_id, record in listed.items()}
    for name in ids:
        if session_id := ids_by_name.get(name.lower()):
            raise InvalidInputError(
                f"{name!r} is the name of a session: give its id, {session_id!r}"
            )


def _pronoun(ids: Sequence[str]) -> str:
    return "it" if len(ids) == 1 else "them"
