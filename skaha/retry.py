"""Retry policy: the number of attempts, the deadline and the pauses."""

from __future__ import annotations

import email.utils
import random
from datetime import UTC, datetime

from attrs import frozen

from skaha.errors import StatusError
from skaha.models import LARGEST_NUMBER, check_number, check_whole_number

__all__ = ["Retry"]


@frozen
class Retry:
    """Policy for requests that failed for a temporary reason.

    Temporary reasons are a lost or refused connection, a time-out, and the statuses 408, 429, 500,
    502, 503 and 504. The pause before the next attempt is random, up to a limit that doubles each
    time. If the platform sends `Retry-After`, the pause is at least that long.

    Args:
        attempts: Attempts for one request, 1 or more. 1 disables retries. Launches ignore this
            limit, unless it is 1, and retry until `deadline`. Calls that poll, such as `wait`, also
            ignore it, unless it is 1, and retry until their own time limit.
        deadline: Seconds from the start of a call after which no request is sent again. A call of
            several steps has this time for each step.
        first_pause: Limit of the first pause, in seconds.
        longest_pause: Limit of all pauses, in seconds. It also limits `Retry-After`.
        settle: Seconds that a launch with an unknown outcome gets to appear in the list of
            sessions, before it is sent again. It gets more time after a time-out and if the
            platform needs more time for the other launches.
        stop_look_up: Seconds for looking up the launches in flight after Ctrl-C or a cancellation;
            0 disables this look-up.

    Raises:
        skaha.errors.InvalidInputError: If a value is out of range.

    Example:
        >>> from skaha import Retry, Session
        >>> patient = Session(server="local", retry=Retry(attempts=10, deadline=600))
        >>> never = Session(server="local", retry=False)
    """

    attempts: int = 6
    deadline: float = 120
    first_pause: float = 0.25
    longest_pause: float = 30
    settle: float = 5
    stop_look_up: float = 5

    def __attrs_post_init__(self) -> None:
        """Check the values."""
        check_whole_number("attempts", self.attempts, minimum=1)
        for name in ("deadline", "first_pause", "longest_pause", "settle", "stop_look_up"):
            value = getattr(self, name)
            check_number(name, value, maximum=LARGEST_NUMBER, unit=" seconds", or_zero=True)

    def pause(self, attempt: int, error: Exception) -> float:
        """Return the seconds to wait after a failed attempt.

        Args:
            attempt: Number of the attempt, from 1.
            error: The error of the attempt.
        """
        limit = min(self.longest_pause, self.first_pause * 2 ** min(attempt - 1, 30))
        asked = _retry_after(error)
        if asked is None:
            return random.uniform(0, limit)  # noqa: S311  (not a secret: it spreads the load)
        return min(self.longest_pause, asked + random.uniform(0, self.first_pause))  # noqa: S311


NEVER = Retry(attempts=1, deadline=0, stop_look_up=0)


def _retry_after(error: Exception) -> float | None:
    if not isinstance(error, StatusError):
        return None
    text = error.response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
