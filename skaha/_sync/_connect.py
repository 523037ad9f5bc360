# Generated from skaha/_async/_connect.py by scripts/regenerate.py. Edit that file instead.
"""Connecting to interactive sessions: wait until their addresses respond."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from skaha._sansio.progress import ProgressReporter
from skaha._transport._sync.client import open_for_users
from skaha._transport._sync.concurrency import sleep
from skaha.errors import FailedSessionError, WaitTimeoutError

if TYPE_CHECKING:
    from skaha._sync.session import Session
    from skaha.models import Progress
    from skaha.results import Outcome

_SECONDS_BETWEEN_LOOKS = 1.0


def connect_to(
    session: Session, ids: list[str], timeout: float, progress: Progress | None
) -> Outcome[str]:
    """Return the address of each session that responds in time."""
    deadline = time.monotonic() + timeout
    reporter = ProgressReporter(progress, len(ids))
    statuses = session.wait(ids, until="running", timeout=timeout)

    def connect(session_id: str) -> str:
        if statuses[session_id] != "Running":
            raise FailedSessionError(f"session {session_id} is {statuses[session_id]}")
        url = session.connect_url(session_id)
        _wait_for_response(session_id, url, deadline, session.timeout)
        return url

    return session._request_many(connect, ids, reporter)


def _wait_for_response(session_id: str, url: str, deadline: float, request_timeout: float) -> None:
    # The address belongs to another server, which must not see the token: use another client.
    with open_for_users() as client:
        while True:
            left = max(_SECONDS_BETWEEN_LOOKS, deadline - time.monotonic())
            try:
                response = client.get(url, timeout=min(request_timeout, left))
                if response.status_code < httpx.codes.BAD_REQUEST:
                    return
            except (httpx.RequestError, httpx.InvalidURL):
                pass
            if time.monotonic() > deadline:
                message = f"session {session_id} runs, but its address does not answer"
                raise WaitTimeoutError(message)
            sleep(_SECONDS_BETWEEN_LOOKS)
