"""Verification of deletions: the platform must not have the sessions any more."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from skaha._async._poller import AsyncPoller
from skaha._async._read import list_sessions
from skaha._sansio.polling import PollingInterval
from skaha._sansio.responses import means_absence
from skaha.errors import SkahaError, StillThereError
from skaha.records import record_id, sessions
from skaha.results import Outcome, ResultDict, attach_partial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha._async._base_client import AsyncBaseClient

# Seconds that the platform may take to end a session and to forget it.
_GRACE_SECONDS = 60
_FIRST_POLL, _LONGEST_POLL = 0.1, 5.0


async def verify_deletions(client: AsyncBaseClient, deleted: Outcome[bool]) -> Outcome[bool]:
    """Return the outcome of deletions, with an error for each session that may still exist."""
    poller = AsyncPoller(client, "destroy", _GRACE_SECONDS)
    interval = PollingInterval(_FIRST_POLL, _LONGEST_POLL)
    ids = list(deleted.values)
    try:
        while problems := await _problems(client, poller, ids):
            ids = list(problems)
            if not poller.seconds_left:
                break
            await poller.pause(interval.next())
    except BaseException as stop:
        attach_partial(stop, ResultDict(deleted.values, deleted))
        raise
    gone = {session_id: True for session_id in deleted.values if session_id not in problems}
    return Outcome(gone, deleted.failures | problems, deleted.retries, deleted.names)


async def _problems(
    client: AsyncBaseClient, poller: AsyncPoller, ids: Sequence[str]
) -> dict[str, SkahaError]:
    """Return an error for each session that still exists, or about which nothing is known.

    A list can lack a session that exists, or even be empty, when the platform has a problem. So a
    session that is not listed is also looked up by its id.
    """
    records = await poller.read(functools.partial(list_sessions, client))
    listed = {record_id(record) for record in sessions(records)}
    looked_up = await poller.look_up([session_id for session_id in ids if session_id not in listed])
    problems: dict[str, SkahaError] = {}
    for session_id in ids:
        error = looked_up.failures.get(session_id)
        record = looked_up.values.get(session_id)
        # An app has the id of its desktop, and may live longer.
        exists = session_id in listed or (record is not None and bool(sessions([record])))
        if error is not None and not means_absence(error):
            problems[session_id] = error
        elif exists:
            problems[session_id] = StillThereError(
                f"destroy of {session_id}: the platform accepted the deletion, but has the session "
                f"after {_GRACE_SECONDS} s"
            )
    return problems
