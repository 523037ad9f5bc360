"""Polling: the pauses between two looks, and the patience when the platform does not respond."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from typing import TYPE_CHECKING

from skaha._sansio.retrying import is_temporary
from skaha.errors import AnswerError, AuthenticationError, PermissionDeniedError, StatusError

if TYPE_CHECKING:
    from skaha.errors import SkahaError
    from skaha.retry import Retry

log = logging.getLogger("skaha")

# Seconds between two attempts at least, with any retry policy: an outage may last hours.
_MIN_PAUSE = 0.05
# Failures in a row before a warning. A single lost connection is no outage.
_FAILURES_BEFORE_WARNING = 2


class PollingInterval:
    """Pause until the next look: it grows by half each time, up to a longest pause."""

    _GROWTH = 1.5

    def __init__(self, first: float, longest: float) -> None:
        """Start with the first pause.

        Args:
            first: Seconds until the second look.
            longest: Seconds between two looks at most.
        """
        self._first = self._next = min(first, longest)
        self._longest = longest

    def next(self) -> float:
        """Return the seconds to wait now, and make the next pause longer."""
        pause, self._next = self._next, min(self._next * self._GROWTH, self._longest)
        return pause

    def reset(self) -> None:
        """Return to the first pause, because something changed."""
        self._next = self._first


class OutageTracker:
    """Failures in a row of a call that polls: the pause after each, and the end of the patience.

    A call of hours must survive an outage of minutes. A temporary failure ends it only if it has no
    time limit and the platform has never responded, after the `deadline` of the retry policy. A
    response of another server, such as the page of an ingress during a restart, ends it after the
    `deadline`; it ends the call immediately if the platform has never responded, because the
    address may be wrong. Any other error ends it immediately, and so does every error without
    retries.
    """

    def __init__(
        self,
        subject: str,
        retry: Retry,
        *,
        has_time_limit: bool,
    ) -> None:
        """Start without a failure.

        Args:
            subject: Name of the call, for its warnings.
            retry: The retry policy.
            has_time_limit: Whether the call ends by its own time-out.
        """
        self._subject = subject
        self._retry = retry
        self._has_time_limit = has_time_limit
        self._has_responded = False
        self._failures = 0
        self._start = 0.0

    def pause_after(self, error: SkahaError) -> float | None:
        """Return the seconds to wait after a failed look; `None` to give up."""
        now = time.monotonic()
        if not self._failures:
            self._start = now
        self._failures += 1
        if now - self._start >= self._patience(error):
            return None
        if self._failures == _FAILURES_BEFORE_WARNING:
            # The local time tells two outages apart, and shows a user how long one lasts.
            since = time.strftime("%H:%M:%S", time.localtime(time.time() - (now - self._start)))
            log.warning(
                "%s: the platform does not respond since %s: %s; trying again",
                self._subject,
                since,
                error,
            )
        return max(_MIN_PAUSE, self._retry.pause(self._failures, error))

    def _patience(self, error: SkahaError) -> float:
        """Return the seconds for which such failures are accepted."""
        if self._retry.attempts == 1:
            return 0.0
        if is_temporary(error):
            is_unlimited = self._has_time_limit or self._has_responded
            return math.inf if is_unlimited else self._retry.deadline
        is_foreign = (
            isinstance(error, AnswerError | StatusError)
            and error.concerns_platform
            and not isinstance(error, AuthenticationError | PermissionDeniedError)
        )
        return self._retry.deadline if is_foreign and self._has_responded else 0.0

    def end(self) -> None:
        """Note a valid response."""
        if self._failures >= _FAILURES_BEFORE_WARNING:
            log.warning(
                "%s: the platform responds again, after %.0f s",
                self._subject,
                time.monotonic() - self._start,
            )
        self._failures = 0
        self._has_responded = True


class FailureCounter:
    """Failures in a row of each item, while the platform responds to other requests."""

    def __init__(self, retry: Retry) -> None:
        """Start without a failure."""
        self._retry = retry
        self._starts: dict[str, float] = {}
        self._counts = Counter[str]()

    def is_last(self, key: str) -> bool:
        """Count a failure; return whether the retry policy allows no further attempt."""
        start = self._starts.setdefault(key, time.monotonic())
        self._counts[key] += 1
        return (
            self._counts[key] >= self._retry.attempts
            and time.monotonic() - start >= self._retry.deadline
        )

    def forget(self, key: str) -> None:
        """Forget the failures of an item that succeeded."""
        self._starts.pop(key, None)
        del self._counts[key]
