"""When to try again, how often, and how long to wait in between.

No library does this: they repeat one request by itself, while here one deadline spans a call of
many requests, and a launch whose answer was lost is looked up before it is repeated.
"""

from __future__ import annotations

import email.utils
import logging
import random
import time
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
from attrs import define, field, frozen

from skaha.errors import AnswerError, InvalidInputError, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Retry"]

log = logging.getLogger("skaha")

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "DELETE"})
# The server says by 500 that it met something unexpected: that may pass, but seldom does.
_ATTEMPTS_AT_500 = 3


@frozen
class Retry:
    """How often and how long to try again what failed for a passing reason.

    Passing reasons are a lost or refused connection, a time-out, and the statuses 408, 429, 500,
    502, 503 and 504. Between two attempts there is a pause, drawn at random up to a bound that
    doubles each time, or what the platform asks for by `Retry-After`.

    Args:
        attempts: How often to send one request, 1 or more. A launch is sent until the deadline.
        deadline: Seconds from the beginning of a call after which nothing is tried again.
        first_pause: Bound of the first pause, in seconds.
        longest_pause: Bound of all pauses, in seconds, whatever the platform asks for.

    Raises:
        skaha.errors.InvalidInputError: If one of them is out of range.

    Example:
        >>> from skaha import Retry, Session
        >>> patient = Session(server="local", retry=Retry(attempts=10, deadline=600))
        >>> never = Session(server="local", retry=False)
    """

    attempts: int = 6
    deadline: float = 120
    first_pause: float = 0.25
    longest_pause: float = 30

    def __attrs_post_init__(self) -> None:
        """Refuse what would never try at all, or wait for ever."""
        if self.attempts < 1:
            raise InvalidInputError(f"attempts must be 1 or more; not {self.attempts}")
        for name in ("deadline", "first_pause", "longest_pause"):
            if not getattr(self, name) >= 0:
                raise InvalidInputError(f"{name} must be 0 seconds or more")

    def pause(self, attempt: int, error: Exception) -> float:
        """Return how many seconds to wait after the `attempt`-th failure."""
        bound = min(self.longest_pause, self.first_pause * 2 ** min(attempt - 1, 30))
        asked = _retry_after(error)
        if asked is None:
            return random.uniform(0, bound)  # noqa: S311  (no secret: it spreads the load)
        return min(self.longest_pause, asked + random.uniform(0, self.first_pause))  # noqa: S311


NEVER = Retry(attempts=1, deadline=0)


@define
class Effort:
    """One call of the facade: until when it may try again, and what it has tried again."""

    deadline: float
    retried: list[str] = field(factory=list)

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
    mine = Effort(time.monotonic() + retry.deadline)
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


def _retry_after(error: Exception) -> float | None:
    if not isinstance(error, StatusError):
        return None
    text = error.response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
