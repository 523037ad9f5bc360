"""Looks of a call that polls: through outages, until the time of the call is over."""

from __future__ import annotations

import functools
import logging
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from skaha._async._read import list_sessions, read_events, read_record
from skaha._sansio.call_context import call_context
from skaha._sansio.polling import OutageTracker
from skaha._sansio.responses import means_absence
from skaha._transport._async.concurrency import sleep
from skaha.errors import SkahaError
from skaha.records import describe_end, parse_events, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skaha._async._base_client import AsyncBaseClient
    from skaha._sansio.status_tracker import StatusTracker
    from skaha._transport._async.concurrency import Method
    from skaha.models import SessionRecord
    from skaha.results import Outcome

T = TypeVar("T")

log = logging.getLogger("skaha")

# Seconds between two looks at the events of a session that stays pending.
_SECONDS_BETWEEN_EVENTS = 15.0
_MAX_REASON_LENGTH = 500
# Failed sessions with an empty log whose events one call reads.
_MAX_EXPLAINED = 10


class AsyncPoller:
    """Looks at sessions for one call."""

    def __init__(self, client: AsyncBaseClient, subject: str, timeout: float | None = None) -> None:
        """Start the clock.

        Args:
            client: The client.
            subject: Name of the call, for its messages.
            timeout: Seconds until the call is over; `None` for no limit.
        """
        self._client = client
        self._subject = subject
        self._end = math.inf if timeout is None else time.monotonic() + timeout
        self._outage = OutageTracker(subject, client.retry, has_time_limit=timeout is not None)
        self._events_due = time.monotonic() + _SECONDS_BETWEEN_EVENTS
        self._shown_reason = ""
        self._explained = 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the call is over; 0 if it is over."""
        return max(0.0, self._end - time.monotonic())

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until the call is over."""
        await sleep(min(seconds, self.seconds_left))

    async def read(self, read: Method[[], T], *, repeats: bool = False) -> T:
        """Return the result of `read`. If the platform does not respond, try again later.

        Args:
            read: A function that reads from the platform.
            repeats: Whether `read` also repeats single requests.

        Raises:
            SkahaError: If `read` fails for a lasting reason, or when the call is over.
        """
        while True:
            try:
                with call_context(self._client.retry, repeats=repeats, end=self._end):
                    result = await read()
            except SkahaError as error:
                pause = self._outage.pause_after(error)
                if pause is None or not self.seconds_left:
                    raise
                await self.pause(pause)
            else:
                self._outage.end()
                return result

    @contextmanager
    def single_requests(self) -> Iterator[None]:
        """Send each request in this block once, and not for longer than the call may take."""
        with call_context(self._client.retry, repeats=False, end=self._end):
            yield

    async def look(self, tracker: StatusTracker) -> bool:
        """Update the statuses of sessions; return whether one changed."""
        records = await self.read(functools.partial(list_sessions, self._client))
        return await self.update(tracker, records)

    async def update(self, tracker: StatusTracker, records: Sequence[SessionRecord]) -> bool:
        """Update the statuses of sessions from a list; return whether one changed."""
        has_changed = tracker.read_list(records)
        if missing := tracker.to_look_up:
            outcome = await self.look_up(missing)
            # Any other error tells nothing about the session.
            absent = [
                session_id for session_id, error in outcome.failures.items() if means_absence(error)
            ]
            has_changed |= tracker.read_look_ups(outcome.values, absent)
        if time.monotonic() >= self._events_due and tracker.waiting:
            self._events_due = time.monotonic() + _SECONDS_BETWEEN_EVENTS
            await self._show_reason(tracker)
        return has_changed

    async def look_up(self, ids: Sequence[str]) -> Outcome[SessionRecord]:
        """Look sessions up by their ids."""

        async def look_up(session_id: str) -> SessionRecord:
            return await read_record(self._client, session_id, f"{self._subject} of {session_id}")

        with self.single_requests():
            return await self._client._request_many(look_up, ids)

    async def _show_reason(self, tracker: StatusTracker) -> None:
        reason = await self.reason_for_waiting(tracker)
        if reason and reason != self._shown_reason:
            self._shown_reason = reason
            count = len(tracker.waiting) - 1
            others = f", like {count} more" if count else ""
            label = tracker.label(tracker.waiting[0])
            log.warning("%s is still pending%s: %s", label, others, reason)

    async def reason_for_waiting(self, tracker: StatusTracker) -> str:
        """Return the platform's warnings about the first pending session; empty without any."""
        return await self.warnings_about(tracker.waiting[0]) if tracker.waiting else ""

    async def warnings_about(self, session_id: str) -> str:
        """Return the platform's warnings about a session; empty without any."""
        try:
            with self.single_requests():
                table = await read_events(self._client, session_id)
        except SkahaError as error:
            log.debug("the events are not known: %s", error)
            return ""
        warnings = [event.message for event in parse_events(table) if event.type == "Warning"]
        return _short("; ".join(dict.fromkeys(warnings)))

    async def describe_failure(self, session_id: str, status: str, log: str) -> str:
        """Return how a session failed, with the last line of its log.

        If the log is empty, the platform's warnings take its place, as long as this call has not
        asked for too many of them.
        """
        if line := log.rstrip().rpartition("\n")[2]:
            return f"{describe_end(status)}; the last line of its log: {_short(line)}"
        if self._explained < _MAX_EXPLAINED:
            self._explained += 1
            if reason := await self.warnings_about(session_id):
                end = f"{describe_end(status)} with an empty log"
                return f"{end}; the platform's warnings: {reason}"
        return describe_end(status, log)


def _short(text: str) -> str:
    """Return the beginning of a text from the platform."""
    shown = printable(text)
    return shown if len(shown) <= _MAX_REASON_LENGTH else f"{shown[:_MAX_REASON_LENGTH]} …"
