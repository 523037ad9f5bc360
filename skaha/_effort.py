"""Trying again, within the one deadline of a call.

No library does this: they repeat one request by itself, while here one deadline spans a call of
many requests, and a launch whose answer was lost is looked up before it is repeated.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx

from skaha.errors import AnswerError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha.retry import Retry

log = logging.getLogger("skaha")

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "DELETE"})
# The server says by 500 that it met something unexpected: that may pass, but seldom does.
_ATTEMPTS_AT_500 = 3


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
def effort(retry: Retry) -> Iterator[Effort]:
    """Make the requests in this block one effort, or a part of the one around it."""
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    mine = Effort(retry.deadline)
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)


def pause_before_next(
    retry: Retry, request: httpx.Request, attempt: int, error: Exception
) -> float | None:
    """Return the seconds to wait before the request is sent again; `None` to give up."""
    current = _current.get()
    if attempt >= retry.attempts or not _may_repeat(request, attempt, error):
        return None
    pause = retry.pause(attempt, error)
    if current is not None and not current.allows(pause):
        return None
    note = f"{request.method} {request.url.path}: {error}; again in {pause:.2f} s"
    log.debug("%s", note)
    if current is not None:
        current.retried.append(note)
    return pause


def _may_repeat(request: httpx.Request, attempt: int, error: Exception) -> bool:
    repeatable = request.extensions.get("repeatable", request.method in _REPEATABLE)
    if isinstance(error, AnswerError):
        return False
    if isinstance(error, StatusError):
        often = attempt >= _ATTEMPTS_AT_500 and error.status == httpx.codes.INTERNAL_SERVER_ERROR
        return bool(repeatable) and error.status in _TRANSIENT and not often
    never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return never_sent or bool(repeatable)
