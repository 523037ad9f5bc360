"""Connecting to interactive sessions: wait until their addresses respond."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from skaha._async._poller import AsyncPoller
from skaha._async._read import read_address
from skaha._sansio.connection_errors import LastingConnectError
from skaha._sansio.progress import ProgressReporter
from skaha._sansio.retrying import is_temporary
from skaha._sansio.status_tracker import StatusTracker, described
from skaha._transport._async.concurrency import call_blocking
from skaha._transport._async.pool import AsyncConnectionPool
from skaha._transport.connection_settings import HEADERS, NetworkSettings
from skaha.errors import (
    ConnectionFailedError,
    FailedSessionError,
    InvalidInputError,
    SkahaError,
    WaitTimeoutError,
)
from skaha.records import printable
from skaha.results import Outcome, ResultDict, attach_partial, raise_with_partial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skaha._async._base_client import AsyncBaseClient
    from skaha.models import Progress

_SECONDS_BETWEEN_LOOKS = 1.0
_MAX_REDIRECTS = 20
# Seconds that an address gets to respond at least, so that a short time limit allows one attempt.
_MIN_TIMEOUT = 1.0


class AsyncConnector:
    """Connects to sessions for one call."""

    def __init__(
        self,
        client: AsyncBaseClient,
        ids: list[str],
        timeout: float,
        progress: Progress | None,
        on_response: Callable[[str], object] | None,
        names: Mapping[str, str],
    ) -> None:
        """Start the clock.

        Args:
            client: The client.
            ids: Session ids.
            timeout: Seconds until the call is over.
            progress: The function that receives progress reports.
            on_response: Called with the address of each session as soon as it responds.
            names: The names of sessions by id, as far as they are known.
        """
        self._client = client
        self._ids = ids
        self._timeout = timeout
        self._poller = AsyncPoller(client, "connect", timeout)
        self._tracker = StatusTracker(ids, frozenset({"Running"}))
        self._tracker.names.update(names)
        self._reporter = ProgressReporter(progress, len(ids))
        self._on_response = on_response
        self._outcomes: dict[str, str | SkahaError] = {}
        self._urls: dict[str, str] = {}
        # Why each address did not respond at the last attempt.
        self._reasons: dict[str, str] = {}

    async def run(self) -> Outcome[str]:
        """Return the address of each session that responds in time.

        Raises:
            WaitTimeoutError: If no session responds in time; the statuses are its `partial`.
        """
        try:
            # The addresses belong to another server, which must not see the token.
            async with AsyncConnectionPool(NetworkSettings()) as pool:
                while len(self._outcomes) < len(self._ids):
                    await self._look()
                    await self._try_addresses(pool)
                    if not self._poller.seconds_left:
                        await self._give_up()
                    elif len(self._outcomes) < len(self._ids):
                        await self._poller.pause(_SECONDS_BETWEEN_LOOKS)
        except BaseException as stop:
            outcome = self._outcome()
            attach_partial(stop, ResultDict(outcome.values, outcome))
            raise
        outcome = self._outcome()
        errors = list(outcome.failures.values())
        if errors and not outcome.values and isinstance(errors[0], WaitTimeoutError):
            statuses = ResultDict(self._tracker.statuses(), outcome, ("id", "status"))
            raise_with_partial(errors[0], statuses)
        return outcome

    def _outcome(self) -> Outcome[str]:
        return Outcome.of(self._ids, self._outcomes, 0, self._tracker.names)

    def _finish(self, session_id: str, outcome: str | SkahaError) -> None:
        self._outcomes[session_id] = outcome
        self._reporter.add(outcome)

    async def _look(self) -> None:
        """Update the statuses, unless all sessions run or have ended."""
        if not self._tracker.pending:
            return
        try:
            await self._poller.look(self._tracker)
        except SkahaError as error:
            if self._poller.seconds_left:
                raise
            for session_id in self._tracker.pending:
                self._reasons[session_id] = f"the platform does not respond: {error}"

    async def _try_addresses(self, pool: AsyncConnectionPool) -> None:
        """Try the address of each session that runs."""

        async def reason_of_silence(session_id: str) -> str:
            status = self._tracker.status(session_id)
            if status != "Running":
                raise FailedSessionError(f"session {session_id} is {status}")
            if session_id not in self._urls:
                self._urls[session_id] = await read_address(self._client, session_id)
            return await self._reason_of_silence(pool, session_id)

        done = {*self._outcomes, *self._tracker.pending}
        ids = [session_id for session_id in self._ids if session_id not in done]
        with self._poller.single_requests():
            outcome = await self._client._request_many(reason_of_silence, ids)
        for session_id, reason in outcome.values.items():
            if reason:
                self._reasons[session_id] = reason
            else:
                self._finish(session_id, self._urls[session_id])
                if self._on_response is not None:
                    await call_blocking(self._on_response, self._urls[session_id])
        for session_id, error in outcome.failures.items():
            if is_temporary(error):
                self._reasons[session_id] = str(error)
            else:
                self._finish(session_id, error)

    async def _reason_of_silence(self, pool: AsyncConnectionPool, session_id: str) -> str:
        """Return why the address of a session does not respond; an empty text if it does.

        Raises:
            InvalidInputError: If the address cannot be the address of a page.
            ConnectionFailedError: If a proxy or TLS refuses the connection.
        """
        timeout = max(_MIN_TIMEOUT, self._poller.seconds_left)
        url = _page_url(self._urls[session_id])
        if isinstance(url, str):
            raise InvalidInputError(f"session {session_id} has an address that {url}")
        try:
            status = await _page_status(pool, url, min(self._client.timeout, timeout))
        except LastingConnectError as error:
            refusal = str(error)
        except httpx.RequestError as error:
            return printable(str(error)) or type(error).__name__
        else:
            return "" if status < httpx.codes.BAD_REQUEST else f"it answers {status}"
        # Raise outside of the handler: the inner error holds the address, which is a secret.
        failure = ConnectionFailedError(
            f"the address of session {session_id} cannot be reached: {refusal}"
        )
        failure.was_sent, failure.is_lasting = False, True
        raise failure

    async def _give_up(self) -> None:
        """Give each session that does not respond an error with the reason."""
        warning = await self._poller.reason_for_waiting(self._tracker)
        for session_id, status in self._tracker.statuses().items():
            if session_id in self._outcomes:
                continue
            message = f"session {session_id} is {described(status)} after {self._timeout:g} s"
            if status == "Running":
                message = f"session {session_id} runs, but its address does not respond"
            if reason := self._reasons.get(session_id) or warning:
                message = f"{message}: {reason}"
            self._finish(session_id, WaitTimeoutError(message))


async def _page_status(pool: AsyncConnectionPool, url: httpx.URL, timeout: float) -> int:
    """Return the status of a page, after redirects.

    An httpx client would log the address, which is a secret, and read the whole page.
    """
    extensions = {"timeout": httpx.Timeout(timeout).as_dict()}
    for _ in range(_MAX_REDIRECTS + 1):
        request = httpx.Request("GET", url, headers=HEADERS, extensions=extensions)
        response = await pool.handle_async_request(request)
        await response.aclose()
        if not response.has_redirect_location:
            return response.status_code
        target = _page_url(response.headers["Location"], url)
        if isinstance(target, str):
            message = f"it redirects to an address that {target}"
            raise httpx.UnsupportedProtocol(message, request=request)
        url = target
    raise httpx.TooManyRedirects("too many redirects", request=request)


def _page_url(address: str, base: httpx.URL | None = None) -> httpx.URL | str:
    """Return the URL of a page, or the reason why it can never respond.

    The reason is the end of a sentence. It does not show the address, which is a secret.

    Args:
        address: The URL, or a redirect.
        base: The URL of the page with the redirect.
    """
    try:
        url = httpx.URL(address) if base is None else base.join(address)
        host = url.host
        # httpx accepts brackets that are not closed, and any port.
        _ = urlsplit(address).port
    except (httpx.InvalidURL, ValueError) as error:
        return f"is not a URL: {printable(str(error))}"
    if url.scheme not in ("http", "https") or not host:
        return "does not start with https:// or http://"
    return url
