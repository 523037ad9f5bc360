"""Retry decisions: which failed request is sent again, and after which pause.

No library does this. They repeat a single request, but here one deadline covers a call of many
requests, and a launch whose response was lost is looked up before it is sent again.

`BearerToken` repeats a request whose token is refused, with another token. Only the result of that
comes here.
"""

from __future__ import annotations

import http
import logging
from typing import TYPE_CHECKING

from httpx import codes

from skaha._sansio.call_context import current_call, current_request
from skaha._sansio.connection_errors import LastingConnectError, was_sent
from skaha._sansio.responses import is_html
from skaha.errors import (
    AnswerError,
    ConnectionFailedError,
    ServerError,
    StatusError,
    TooManyRequestsError,
)

if TYPE_CHECKING:
    import httpx

    from skaha.errors import SkahaError
    from skaha.retry import Retry

log = logging.getLogger("skaha")

TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# A 500 means that the platform met an unexpected problem. It seldom passes.
MAX_INTERNAL_ERRORS = 3
# Statuses by which the platform refuses a launch. After a 408 the server may have read the launch.
_REFUSALS = frozenset(range(400, 500)).intersection(http.HTTPStatus) - {codes.REQUEST_TIMEOUT}
_REPEATABLE_METHODS = frozenset({"GET", "DELETE"})


class RetryState:
    """Attempts of one request."""

    def __init__(self, retry: Retry, request: httpx.Request) -> None:
        """Start with no attempt."""
        self.attempts = 0
        # Failed attempts whose requests may have reached the server.
        self.times_sent = 0
        # Whether the platform may have executed one of the failed attempts.
        self.is_uncertain = False
        self._retry = retry
        self._request = request
        self._internal_errors = 0

    def pause_after(self, error: Exception) -> float | None:
        """Return the seconds to wait before the next attempt; `None` to give up."""
        self.times_sent += was_sent(error)
        self.is_uncertain |= (
            is_uncertain(error) if isinstance(error, StatusError) else was_sent(error)
        )
        self._internal_errors += is_internal_error(error)
        if self.attempts >= self._retry.attempts or not self._may_repeat(error):
            return None
        pause = self._retry.pause(self.attempts, error)
        call = current_call()
        if call is not None:
            if not call.has_time_for(pause):
                return None
            call.retries += 1
        log.debug(
            "%s %s: %s; again in %.2f s",
            self._request.method,
            self._request.url.path,
            error,
            pause,
        )
        return pause

    def _may_repeat(self, error: Exception) -> bool:
        if isinstance(error, AnswerError | LastingConnectError):
            return False
        request = current_request()
        repeatable = self._request.method in _REPEATABLE_METHODS
        if request is not None and request.repeatable is not None:
            repeatable = request.repeatable
        if isinstance(error, StatusError):
            lasting = self._internal_errors >= MAX_INTERNAL_ERRORS
            return repeatable and error.status in TRANSIENT_STATUSES and not lasting
        return repeatable or not was_sent(error)


def note_refusal(error: httpx.RequestError) -> None:
    """Note a lasting error of a connection for the other requests of this call."""
    call = current_call()
    if call is not None and isinstance(error, LastingConnectError):
        call.refusal = error


def raise_if_refused(request: httpx.Request) -> None:
    """Raise the lasting error by which an earlier request of this call got no connection.

    Raises:
        LastingConnectError: If there was one.
    """
    call = current_call()
    if call is not None and call.refusal is not None:
        raise LastingConnectError(str(call.refusal), request=request)


def is_internal_error(error: Exception) -> bool:
    """Return whether the platform answered with status 500."""
    return isinstance(error, StatusError) and error.status == codes.INTERNAL_SERVER_ERROR


def was_not_executed(error: SkahaError) -> bool:
    """Return whether a launch with this error was surely not executed, but may be next time."""
    if isinstance(error, TooManyRequestsError):
        return not is_html(error.response)
    if isinstance(error, ConnectionFailedError):
        return not error.was_sent and not error.is_lasting
    return False


def is_uncertain(error: SkahaError) -> bool:
    """Return whether a launch may have been executed, unless `was_not_executed` excludes it.

    Only a known 4xx status with a text of the platform is a clear refusal. A page comes from
    another server, which may have passed the launch on.
    """
    if isinstance(error, StatusError):
        return error.status not in _REFUSALS or is_html(error.response)
    if isinstance(error, ConnectionFailedError):
        return error.was_sent
    return isinstance(error, AnswerError)


def is_temporary(error: SkahaError) -> bool:
    """Return whether the same request may succeed later, because the platform does not respond."""
    if isinstance(error, ServerError):
        return True
    if isinstance(error, StatusError):
        return error.status in TRANSIENT_STATUSES
    return isinstance(error, ConnectionFailedError) and not error.is_lasting
