"""How often to try again, and how long to wait in between."""

from __future__ import annotations

import email.utils
import math
import random
from datetime import UTC, datetime

from attrs import frozen

from skaha.errors import InvalidInputError, StatusError

__all__ = ["Retry"]


@frozen
class Retry:
    """How often and how long to try again what failed for a passing reason.

    Passing reasons are a lost or refused connection, a time-out, and the statuses 408, 429, 500,
    502, 503 and 504. Between two attempts there is a pause, drawn at random up to a bound that
    doubles each time, or what the platform asks for by `Retry-After`.

    Args:
        attempts: How often to send one request, 1 or more; 1 is never again. Unless it is 1, a
            launch is sent until the deadline.
        deadline: Seconds after which nothing is tried again, from the beginning of a call; in a
            call of several steps, of each step.
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
        """Refuse what would never try at all, or try for ever."""
        attempts: object = self.attempts
        if not isinstance(attempts, int) or attempts < 1:
            raise InvalidInputError(f"attempts must be a whole number, 1 or more; not {attempts!r}")
        for name in ("deadline", "first_pause", "longest_pause"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
                raise InvalidInputError(f"{name} must be 0 seconds or more; not {seconds!r}")

    def pause(self, attempt: int, error: Exception) -> float:
        """Return how many seconds to wait after the `attempt`-th failure."""
        bound = min(self.longest_pause, self.first_pause * 2 ** min(attempt - 1, 30))
        asked = _retry_after(error)
        if asked is None:
            return random.uniform(0, bound)  # noqa: S311  (no secret: it spreads the load)
        return min(self.longest_pause, asked + random.uniform(0, self.first_pause))  # noqa: S311


NEVER = Retry(attempts=1, deadline=0)


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
