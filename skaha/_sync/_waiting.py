# Made from skaha/_async/_waiting.py by scripts/regenerate.py: edit that one.
"""Waiting for sessions, with one list request a round however many they are."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from skaha._sansio import validation
from skaha._sansio.retrying import effort
from skaha._sansio.status_tracker import Watch
from skaha._sync._reading import Reading
from skaha._sync._spelling import also_as_id
from skaha._transport._sync.concurrency import pause
from skaha.errors import SkahaError, WaitTimeoutError
from skaha.results import Outcome, ResultDict, attach

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Literal

    from skaha.models import STATUS

# How many sessions a message names.
_NAMED = 10


class Waiting(Reading):
    """The part of a session class that waits."""

    @also_as_id
    def wait(
        self,
        ids: str | Sequence[str],
        until: STATUS | Collection[STATUS] | Literal["finished", "running"] = "finished",
        timeout: float | None = None,
        *,
        poll: float = 0.25,
        longest_poll: float = 15,
        appear: float = 60,
        progress: Callable[[dict[str, str]], object] | None = None,
    ) -> ResultDict[str]:
        """Wait until every session is where it should be, or has ended.

        Args:
            ids: One id or several.
            until: `"finished"` for the end, good or bad; `"running"`; or the statuses to wait for.
            timeout: Seconds to wait at most; `None` for ever.
            poll: Seconds from the first look to the second; it grows by half each time.
            longest_poll: Seconds from one look to the next at most.
            appear: Seconds in which a new session may be missing from the platform's list before
                it counts as gone.
            progress: Called with the status of each session by id, after every look that found
                something new.

        Returns:
            The last status of each session by id, in the order of `ids`. `"Gone"` is one that the
            platform does not list: it was deleted, or it finished and was forgotten.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            skaha.errors.WaitTimeoutError: If the time is over; the statuses are its `partial`, as
                they are of whatever stops the wait.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> ids = session.create(
            ...     "short", "images.canfar.net/skaha/terminal:1.1.2", cmd="true", replicas=2
            ... )
            >>> list((session.wait(ids, timeout=60)).values())
            ['Completed', 'Completed']
            >>> all((session.destroy(ids)).values())
            True
        """
        watch = Watch(validation.check_ids(ids), validation.check_until(until), appear)
        validation.check_polls(poll, longest_poll)
        validation.check_seconds("timeout", timeout, or_none=True)
        validation.check_seconds("appear", appear)
        end = math.inf if timeout is None else time.monotonic() + timeout
        try:
            while watch.waiting:
                if self._looked(watch, end, timeout) and progress is not None:
                    progress(watch.statuses())
                if not watch.waiting:
                    break
                _rest(poll, watch, end, timeout)
                poll = min(poll * 1.5, longest_poll)
        except BaseException as stop:
            attach(stop, _result(watch))
            raise
        return _result(watch)

    def _looked(self, watch: Watch, end: float, timeout: float | None) -> bool:
        """Look at the list, and again until the time is over; say whether anything is new."""
        try:
            with effort(self.retry, at_most=end - time.monotonic()):
                return watch.look(self.fetch())
        except SkahaError as error:
            if time.monotonic() + self.retry.first_pause >= end:
                raise _timed_out(watch, timeout) from error
            raise


def _result(watch: Watch) -> ResultDict[str]:
    return ResultDict(watch.statuses(), Outcome())


def _rest(seconds: float, watch: Watch, end: float, timeout: float | None) -> None:
    """Pause before the next look, unless the time is over."""
    left = end - time.monotonic()
    if left <= 0:
        raise _timed_out(watch, timeout)
    pause(min(seconds, left))


def _timed_out(watch: Watch, timeout: float | None) -> WaitTimeoutError:
    statuses = watch.statuses()
    named = [f"{one} is {statuses[one]}" for one in watch.waiting]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    error = WaitTimeoutError(f"after {timeout:g} s, {', '.join(named[:_NAMED])}{more}")
    error.subject = "wait"
    error.partial = _result(watch)
    return error
