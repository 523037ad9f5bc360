"""Trying again, within the one deadline of a call.

No library does this: they repeat one request by itself, while here one deadline spans a call of
many requests, and a launch whose answer was lost is looked up before it is repeated.
"""

from __future__ import annotations

import logging
import math
import ssl
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx
from httpx import codes

from skaha.errors import AnswerError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha.retry import Retry

log = logging.getLogger("skaha")

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
# The platform says by 500 that it met something unexpected: that may pass, but seldom does.
INTERNAL_ERRORS_TAKEN = 3
# Failures after which the server cannot have seen the request.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)

_REPEATABLE = frozenset({"GET", "DELETE"})


class Effort:
    """One call of the facade: until when it may try again, and what it has tried again."""

    def __init__(self, seconds: float) -> None:
        """Have so many seconds, from now."""
        self.deadline = time.monotonic() + seconds
        self.retried: list[str] = []

    @property
    def retries(self) -> int:
        """How many requests were sent again."""
        return len(self.retried)

    def allows(self, pause: float) -> bool:
        """Say whether there is time for this pause."""
        return time.monotonic() + pause <= self.deadline


_current: ContextVar[Effort | None] = ContextVar("skaha-effort", default=None)


@contextmanager
def effort(retry: Retry, at_most: float = math.inf) -> Iterator[Effort]:
    """Make the requests in this block one effort, or a part of the one around it.

    Args:
        retry: How to try again.
        at_most: Seconds after which nothing is tried again, if that is sooner.
    """
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    mine = Effort(min(retry.deadline, at_most))
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)


class Trial:
    """One request: how often it was sent, and whether to send it again."""

    def __init__(self, retry: Retry, request: httpx.Request) -> None:
        """Have sent it never yet."""
        self.attempts = 0
        self._retry = retry
        self._request = request
        self._internal_errors = 0

    def pause_after(self, error: Exception) -> float | None:
        """Return the seconds to wait before the request is sent again; `None` to give up."""
        internal = isinstance(error, StatusError) and error.status == codes.INTERNAL_SERVER_ERROR
        self._internal_errors += internal
        if self.attempts >= self._retry.attempts or not self._may_repeat(error):
            return None
        pause = self._retry.pause(self.attempts, error)
        current = _current.get()
        if current is not None and not current.allows(pause):
            return None
        note = f"{self._request.method} {self._request.url.path}: {error}; again in {pause:.2f} s"
        log.debug("%s", note)
        if current is not None:
            current.retried.append(note)
        return pause

    def _may_repeat(self, error: Exception) -> bool:
        if isinstance(error, AnswerError) or _is_about_certificates(error):
            return False
        repeatable = self._request.extensions.get("repeatable", self._request.method in _REPEATABLE)
        if isinstance(error, StatusError):
            lasting = self._internal_errors >= INTERNAL_ERRORS_TAKEN
            return bool(repeatable) and error.status in TRANSIENT and not lasting
        return bool(repeatable) or isinstance(error, NEVER_SENT)


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
