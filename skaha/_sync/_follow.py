# Generated from skaha/_async/_follow.py by scripts/regenerate.py. Edit that file instead.
"""Following logs: new lines of all sessions, look by look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._sansio.log_tail import LogTail
from skaha._sansio.polling import PollingInterval
from skaha._sansio.responses import text_of
from skaha._sansio.status_tracker import StatusTracker
from skaha._transport._sync.concurrency import sleep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skaha._sync.session import Session


def follow_logs(
    session: Session, ids: list[str], tail: int | None, *, poll: float, longest_poll: float
) -> Iterator[tuple[str, str]]:
    """Yield lines as `Session.follow` promises."""
    tracker = StatusTracker(ids)
    interval = PollingInterval(poll, longest_poll)
    tails = {session_id: LogTail(tail) for session_id in ids}
    while tails:
        # A log that is read after the end of its session is complete.
        tracker.update(session.fetch())
        ended = tails.keys() - set(tracker.pending)
        has_new_lines = False
        for session_id, log in (_read_logs(session, list(tails))).items():
            for line in tails[session_id].feed(log, ended=session_id in ended):
                has_new_lines = True
                yield session_id, line
            if session_id in ended:
                del tails[session_id]
        if has_new_lines:
            interval.reset()
        if tails:
            sleep(interval.next())


def _read_logs(session: Session, ids: Sequence[str]) -> dict[str, bytes]:
    def read(session_id: str) -> bytes:
        from skaha_api.api.session import get_session_logs

        with session._request(f"logs of {session_id}"):
            response = get_session_logs.sync_detailed(session_id, client=session.api)
            text_of(response.parsed)
            return response.content

    outcome = session._request_many(read, ids)
    # A log that cannot be read now is read at the next look, unless no log could be read.
    for error in outcome.failures.values():
        if not outcome.values or not error.concerns_platform:
            raise error
    return outcome.values
