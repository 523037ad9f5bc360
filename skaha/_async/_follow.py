"""Following logs: new lines of all sessions, look by look."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from skaha._async._poller import AsyncPoller
from skaha._sansio.log_tail import LogTail
from skaha._sansio.polling import FailureCounter, PollingInterval
from skaha._sansio.responses import log_of
from skaha._sansio.short_lists import sessions_listed
from skaha._sansio.status_tracker import StatusTracker
from skaha.records import GONE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from skaha._async._base_client import AsyncBaseClient
    from skaha.errors import SkahaError
    from skaha.results import Outcome

log = logging.getLogger("skaha")


async def follow_logs(
    client: AsyncBaseClient, ids: list[str], tail: int | None, *, poll: float, longest_poll: float
) -> AsyncIterator[tuple[str, str]]:
    """Yield lines as `AsyncSession.follow` promises."""
    tracker = StatusTracker(ids)
    interval = PollingInterval(poll, longest_poll)
    poller = AsyncPoller(client, "follow")
    tails = {session_id: LogTail(tail) for session_id in ids}
    failures = FailureCounter(client.retry)
    number_of_unreadable = 0
    while tails:
        # A log that is read after the end of its session is complete.
        await poller.look(tracker)
        ended = tails.keys() - set(tracker.pending)
        # A session has no log before it starts.
        started = [session_id for session_id in tails if tracker.has_started(session_id)]
        with poller.single_requests():
            outcome = await _read_lines(client, {key: tails[key] for key in started}, ended)
        for session_id, lines in outcome.values.items():
            failures.forget(session_id)
            for line in lines:
                yield session_id, line
            if session_id in ended:
                del tails[session_id]
        _warn_if_gone(tracker, [session_id for session_id in outcome.values if session_id in ended])
        errors = _unreadable(outcome, failures)
        tails = {session_id: tail for session_id, tail in tails.items() if session_id not in errors}
        number_of_unreadable += len(errors)
        _report(errors, is_all=number_of_unreadable == len(ids))
        if any(outcome.values.values()) or tracker.is_any_missing:
            interval.reset()
        if tails:
            await poller.pause(interval.next())


def _warn_if_gone(tracker: StatusTracker, ended: Sequence[str]) -> None:
    if gone := [session_id for session_id in ended if tracker.status(session_id) == GONE]:
        log.warning("follow: the platform no longer has %s", sessions_listed(gone))


def _report(errors: Mapping[str, SkahaError], *, is_all: bool) -> None:
    """Warn about the logs that can never be read; raise if these are all logs."""
    if errors:
        first = next(iter(errors.values()))
        if is_all:
            raise first
        log.warning("follow ends for %s: %s", sessions_listed([*errors]), first)


def _unreadable(outcome: Outcome[list[str]], failures: FailureCounter) -> dict[str, SkahaError]:
    """Return the error of each log that can never be read, such as a log of too many bytes.

    Raises:
        SkahaError: If the platform failed too often. Until then, the next look reads the log.
    """
    unreadable = {}
    for session_id, error in outcome.failures.items():
        if not error.concerns_platform:
            unreadable[session_id] = error
        elif failures.is_last(session_id):
            raise error
    return unreadable


async def _read_lines(
    client: AsyncBaseClient, tails: Mapping[str, LogTail], ended: Collection[str]
) -> Outcome[list[str]]:
    """Read many logs and return the new lines of each; no log stays in memory."""

    async def read(session_id: str) -> list[str]:
        from skaha_api.api.session import get_session_logs

        with client._request(f"logs of {session_id}"):
            response = await get_session_logs.asyncio_detailed(session_id, client=client.api)
            log_of(response.parsed)
        return tails[session_id].feed(response.content, ended=session_id in ended)

    return await client._request_many(read, list(tails))
