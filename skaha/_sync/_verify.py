# Generated from skaha/_async/_verify.py by scripts/regenerate.py. Edit that file instead.
"""Verification of deletions: the platform must stop listing the sessions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from skaha._sansio.polling import PollingInterval
from skaha._transport._sync.concurrency import sleep
from skaha.errors import SkahaError, StillThereError
from skaha.records import sessions
from skaha.results import Outcome, ResultDict, raise_with_partial

if TYPE_CHECKING:
    from skaha._sync.session import Session

# Seconds that the platform may take to end a session and to forget it.
_GRACE_SECONDS = 60
_FIRST_POLL, _LONGEST_POLL = 0.1, 5.0


def verify_deletions(session: Session, deleted: Outcome[bool]) -> Outcome[bool]:
    """Return the outcome of deletions, with an error for each session that is still listed."""
    deadline = time.monotonic() + _GRACE_SECONDS
    interval = PollingInterval(_FIRST_POLL, _LONGEST_POLL)
    while True:
        try:
            records = session.fetch()
        except SkahaError as error:
            raise_with_partial(error, ResultDict(deleted.values, deleted))
        listed = {str(record.get("id")) for record in sessions(records)}
        left = deleted.values.keys() & listed
        if not left or time.monotonic() > deadline:
            break
        sleep(interval.next())
    message = f"the platform accepted the deletion, but lists the session after {_GRACE_SECONDS} s"
    still_there = {
        session_id: StillThereError(f"destroy of {session_id}: {message}") for session_id in left
    }
    gone = {session_id: True for session_id in deleted.values if session_id not in left}
    return Outcome(gone, deleted.failures | still_there, deleted.retries)
