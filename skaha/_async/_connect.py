"""Connecting to interactive sessions: wait until their addresses respond."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from skaha._sansio.connection_errors import LastingConnectError, connection_error
from skaha._sansio.progress import ProgressReporter
from skaha._transport._async.client import open_client
from skaha._transport._async.concurrency import sleep
from skaha.errors import FailedSessionError, WaitTimeoutError

if TYPE_CHECKING:
    from skaha._async.session import AsyncSession
    from skaha.models import Progress
    from skaha.results import Outcome

_SECONDS_BETWEEN_LOOKS = 1.0


async def connect_to(
    session: AsyncSession, ids: list[str], timeout: float, progress: Progress | None
) -> Outcome[str]:
    """Return the address of each session that responds in time."""
    deadline = time.monotonic() + timeout
    reporter = ProgressReporter(progress, len(ids))
    statuses = await session.wait(ids, until="running", timeout=timeout)

    async def connect(session_id: str) -> str:
        if statuses[session_id] != "Running":
            raise FailedSessionError(f"session {session_id} is {statuses[session_id]}")
        url = await session.connect_url(session_id)
        await _wait_for_response(session_id, url, deadline, session.timeout)
        return url

    return await session._request_many(connect, ids, reporter)


async def _wait_for_response(
    session_id: str, url: str, deadline: float, request_timeout: float
) -> None:
    # The address belongs to another server, which must not see the token: use another client.
    async with open_client(follow_redirects=True) as client:
        while True:
            left = max(_SECONDS_BETWEEN_LOOKS, deadline - time.monotonic())
            try:
                response = await client.get(url, timeout=min(request_timeout, left))
                if response.status_code < httpx.codes.BAD_REQUEST:
                    return
            except LastingConnectError as error:
                raise connection_error(error) from error
            except (httpx.RequestError, httpx.InvalidURL):
                pass
            if time.monotonic() > deadline:
                message = f"session {session_id} runs, but its address does not answer"
                raise WaitTimeoutError(message)
            await sleep(_SECONDS_BETWEEN_LOOKS)
