"""Waiting for sessions, with one list request for each look, however many sessions there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._async._poller import AsyncPoller
from skaha._sansio.polling import PollingInterval
from skaha._sansio.short_lists import short_list
from skaha._sansio.status_tracker import StatusTracker, described
from skaha.errors import SkahaError, WaitTimeoutError
from skaha.results import Outcome, ResultDict, attach_partial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skaha._async._base_client import AsyncBaseClient


async def wait_for(
    client: AsyncBaseClient,
    ids: list[str],
    wanted: frozenset[str],
    timeout: float | None,
    *,
    poll: float,
    longest_poll: float,
    appear: float,
    restart: float,
    progress: Callable[[dict[str, str]], object] | None,
    names: Mapping[str, str],
) -> ResultDict[str]:
    """Wait as `AsyncSession.wait` promises."""
    tracker = StatusTracker(ids, wanted, appear, restart)
    tracker.names.update(names)
    interval = PollingInterval(poll, longest_poll)
    poller = AsyncPoller(client, "wait", timeout)
    try:
        pending = tracker.pending
        while pending:
            if await _look(poller, tracker, timeout) and progress is not None:
                progress(tracker.statuses())
            if tracker.is_any_missing:
                interval.reset()
            if pending := tracker.pending:
                await _raise_if_over(poller, tracker, timeout)
                await poller.pause(interval.next())
    except BaseException as stop:
        attach_partial(stop, _result(tracker))
        raise
    return _result(tracker)


async def _look(poller: AsyncPoller, tracker: StatusTracker, timeout: float | None) -> bool:
    try:
        return await poller.look(tracker)
    except SkahaError as error:
        if poller.seconds_left:
            raise
        reason = f"the platform does not respond: {error}"
        raise _timed_out(tracker, timeout, reason) from error


async def _raise_if_over(
    poller: AsyncPoller, tracker: StatusTracker, timeout: float | None
) -> None:
    if poller.seconds_left:
        return
    reason = await poller.reason_for_waiting(tracker)
    if reason:
        label = tracker.label(tracker.waiting[0])
        reason = f"the platform's warnings about {label}: {reason}"
    raise _timed_out(tracker, timeout, reason)


def _result(tracker: StatusTracker) -> ResultDict[str]:
    return ResultDict(tracker.statuses(), Outcome(names=tracker.names), ("id", "status"))


def _timed_out(tracker: StatusTracker, timeout: float | None, reason: str) -> WaitTimeoutError:
    statuses = tracker.statuses()
    pending = [
        f"{session_id} is {described(statuses[session_id])}" for session_id in tracker.pending
    ]
    message = f"after {timeout:g} s, {short_list(pending)}"
    error = WaitTimeoutError(f"{message}; {reason}" if reason else message)
    error.subject = "wait"
    error.partial = _result(tracker)
    return error
