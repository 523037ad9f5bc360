"""What a call with many items returns: the plain container, and what failed beside it.

```
>>> from skaha import Session
>>> session = Session(server="local")
>>> records = session.info(["nobodys1", "nobodys2"])
>>> records
[]
>>> sorted(records.failures)
['nobodys1', 'nobodys2']

```
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from skaha.errors import (
    AuthenticationError,
    ConnectionFailedError,
    CredentialsError,
    SkahaError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skaha._sansio.launch_request import Order

__all__ = ["Launched", "ResultDict", "ResultList"]

T = TypeVar("T")
R = TypeVar("R", bound="_Result")

log = logging.getLogger("skaha")

_FATAL = (AuthenticationError, ConnectionFailedError, CredentialsError)


class Outcome(Generic[T]):
    """What a call made of its items: each is a value or a failure, by its key."""

    def __init__(
        self,
        values: Mapping[str, T] | None = None,
        failures: Mapping[str, SkahaError] | None = None,
        retries: int = 0,
    ) -> None:
        """Take both by their keys, and how many requests had to be sent again."""
        self.values = dict(values or {})
        self.failures = dict(failures or {})
        self.retries = retries

    @classmethod
    def of(
        cls, keys: Sequence[str], found: Mapping[str, T | SkahaError], retries: int
    ) -> Outcome[T]:
        """Sort out what was found, in the order of `keys`; what was not reached is left out."""
        reached = [(key, found[key]) for key in keys if key in found]
        return cls(
            {key: value for key, value in reached if not isinstance(value, SkahaError)},
            {key: value for key, value in reached if isinstance(value, SkahaError)},
            retries,
        )


class _Result:
    failures: dict[str, SkahaError]
    """What failed, by session id or replica name, each with the error that says why."""

    retries: int
    """How many requests had to be sent again."""

    def _take(self, outcome: Outcome[Any]) -> None:
        self.failures = outcome.failures
        self.retries = outcome.retries

    def _repr_html_(self) -> str:
        """Show a table in a notebook, and what failed below it."""
        from skaha._html import tables

        return tables(self, self.failures)

    def raise_for_failures(self) -> None:
        """Raise what failed, as one `ExceptionGroup`; do nothing if nothing failed."""
        if self.failures:
            message = f"{len(self.failures)} failed: {', '.join(self.failures)}"
            raise ExceptionGroup(message, list(self.failures.values()))


class ResultList(list[T], _Result):
    """A list of what succeeded, in the order asked for, with the `failures` beside it.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> found = session.info("nobodys1")
        >>> found, list(found.failures)
        ([], ['nobodys1'])
    """

    def __init__(self, values: Iterable[T], outcome: Outcome[Any]) -> None:
        """Take the values, and from `outcome` what else there is to know."""
        super().__init__(values)
        self._take(outcome)


class ResultDict(dict[str, T], _Result):
    """A dictionary of what succeeded, by session id, with the `failures` beside it.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> done = session.renew("nobodys1")
        >>> done, list(done.failures)
        ({'nobodys1': False}, ['nobodys1'])
    """

    def __init__(self, values: Mapping[str, T], outcome: Outcome[Any]) -> None:
        """Take the values, and from `outcome` what else there is to know."""
        super().__init__(values)
        self._take(outcome)


class Launched(ResultList[str]):
    """The ids of the launched sessions, in replica order.

    Attributes:
        names: The id of each launched replica, by its name.
        failures: What was not launched, by replica name, each with the error that says why.
        order: What was to be launched, for `relaunch`; it is not pickled, as it may hold secrets.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> image = "images.canfar.net/skaha/terminal:1.1.2"
        >>> ids = session.create("pair", image, cmd="true", replicas=2)
        >>> ids == list(ids.names.values()), list(ids.names)
        (True, ['pair-1', 'pair-2'])
        >>> all(session.destroy(ids).values())
        True
    """

    names: dict[str, str]
    order: Order | None = None

    def __init__(self, order: Order, outcome: Outcome[str]) -> None:
        """Take what was ordered, and what came of it by replica name."""
        super().__init__(outcome.values.values(), outcome)
        self.names = outcome.values
        self.order = order

    def _repr_html_(self) -> str:
        """Show the replicas by name."""
        from skaha._html import tables

        return tables(self.names, self.failures, ("replica", "id"))

    def __getstate__(self) -> dict[str, Any]:
        """Pickle all but the order: its environment may hold secrets."""
        return {name: value for name, value in vars(self).items() if name != "order"}


def settled(result: R, outcome: Outcome[Any]) -> R:
    """Return the result of a call with many items, unless it must be raised.

    What failed for a reason of its own stays in `failures`, and is logged. A lost connection or bad
    credentials are raised, whatever had succeeded, and so is any reason of the whole platform that
    nothing got past.

    Raises:
        SkahaError: One of the failures, with `result` as its `partial`.
    """
    failures = list(outcome.failures.values())
    fatal = [error for error in failures if isinstance(error, _FATAL)]
    if fatal:
        raise_with(fatal[0], result)
    if failures and not outcome.values and all(error.concerns_platform for error in failures):
        raise_with(failures[0], result)
    for error in failures:
        log.warning("%s", error)
    return result


def attach(stop: BaseException, result: _Result) -> None:
    """Attach to whatever stops a call (Ctrl-C, a cancellation) what had been done as `partial`."""
    if "partial" not in vars(stop):
        stop.add_note("stopped on the way: .partial has what had been done")
    vars(stop)["partial"] = result


def raise_with(error: SkahaError, result: _Result) -> NoReturn:
    """Raise `error`, with `result` as its `partial`."""
    error.partial = result
    if len(result.failures) > 1:
        error.add_note(
            f"{len(result.failures)} failed in all: .partial.failures says which and why"
        )
    raise error
