# Generated from skaha/_async/_wait.py by scripts/regenerate.py. Edit that file instead.
"""Waiting for sessions, with one list request for each look, however many sessions there are."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from skaha._sansio.call_context import call_context
from skaha._sansio.polling import PollingInterval
from skaha._sansio.status_tracker import StatusTracker
from skaha._transport._sync.concurrency import sleep
from skaha.errors import SkahaError, WaitTimeoutError
from skaha.results import Outcome, ResultDict, attach_partial

if TYPE_CHECKING:
    from collections.abc import Callable

    from skaha._sync.session import Session

# Number of sessions that a message names.
_MAX_NAMED = 10


def wait_for(
    session: Session,
    ids: list[str],
    wanted: frozenset[str],
    timeout: float | None,
    *,
    poll: float,
    longest_poll: float,
    appear: float,
    progress: Callable[[dict[str, str]], object] | None,
) -> ResultDict[str]:
    """Wait as `Session.wait` promises."""
    tracker = StatusTracker(ids, wanted, appear)
    interval = PollingInterval(poll, longest_poll)
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    try:
        while tracker.pending:
            has_changed = _look(session, tracker, deadline, timeout)
            if has_changed and progress is not None:
                progress(tracker.statuses())
            if tracker.pending:
                _pause(interval.next(), tracker, deadline, timeout)
    except BaseException as stop:
        attach_partial(stop, _result(tracker))
        raise
    return _result(tracker)


def _look(session: Session, tracker: StatusTracker, deadline: float, timeout: float | None) -> bool:
    """Read the list, with retries until the time is over; return whether a status changed."""
    try:
        with call_context(session.retry, at_most=deadline - time.monotonic()):
            return tracker.update(session.fetch())
    except SkahaError as error:
        if time.monotonic() + session.retry.first_pause >= deadline:
            raise _timed_out(tracker, timeout) from error
        raise


def _pause(seconds: float, tracker: StatusTracker, deadline: float, timeout: float | None) -> None:
    """Wait until the next look, unless the time is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise _timed_out(tracker, timeout)
    sleep(min(seconds, left))


def _result(tracker: StatusTracker) -> ResultDict[str]:
    return ResultDict(tracker.statuses(), Outcome())


def _timed_out(tracker: StatusTracker, timeout: float | None) -> WaitTimeoutError:
    statuses = tracker.statuses()
    pending = [f"{session_id} is {statuses[session_id]}" for session_id in tracker.pending]
    more = f" and {len(pending) - _MAX_NAMED} more" if len(pending) > _MAX_NAMED else ""
    error = WaitTimeoutError(f"after {timeout:g} s, {', '.join(pending[:_MAX_NAMED])}{more}")
    error.subject = "wait"
    error.partial = _result(tracker)
    return error
