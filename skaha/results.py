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
from typing import TYPE_CHECKING, NoReturn, TypeVar

from skaha.errors import AuthenticationError, ConnectionFailedError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skaha.errors import SkahaError

__all__ = ["Launched", "ResultDict", "ResultList"]

T = TypeVar("T")
R = TypeVar("R", bound="_Result")

log = logging.getLogger("skaha")

_FATAL = (AuthenticationError, ConnectionFailedError, CredentialsError)


class _Result:
    failures: dict[str, SkahaError]
    """What failed, by session id or replica name, each with the error that says why."""

    def raise_for_failures(self) -> None:
        """Raise what failed, as one `ExceptionGroup`; do nothing if nothing failed."""
        if self.failures:
            message = f"{len(self.failures)} failed: {', '.join(self.failures)}"
            raise ExceptionGroup(message, list(self.failures.values()))


class ResultList(list[T], _Result):
    """A list of what succeeded, in the order asked for, with the `failures` beside it."""

    def __init__(self, values: Mapping[str, T], failures: Mapping[str, SkahaError]) -> None:
        """Take values and failures, each by the key they were asked with."""
        super().__init__(values.values())
        self.failures = dict(failures)


class ResultDict(dict[str, T], _Result):
    """A dictionary of what succeeded, by session id, with the `failures` beside it."""

    def __init__(self, values: Mapping[str, T], failures: Mapping[str, SkahaError]) -> None:
        """Take values and failures, each by the key they were asked with."""
        super().__init__(values)
        self.failures = dict(failures)


class Launched(ResultList[str]):
    """The ids of the launched sessions, in replica order.

    Attributes:
        names: The id of each launched replica, by its name.
        failures: What was not launched, by replica name, each with the error that says why.
    """

    names: dict[str, str]

    def __init__(self, values: Mapping[str, str], failures: Mapping[str, SkahaError]) -> None:
        """Take ids and failures by replica name."""
        super().__init__(values, failures)
        self.names = dict(values)


def settled(result: R, succeeded: int) -> R:
    """Return the result of a call with many items, unless it must be raised.

    What failed for a reason of its own stays in `failures`, and is logged. A lost connection or bad
    credentials are raised, whatever had succeeded, and so is any reason of the whole platform that
    nothing got past.

    Args:
        result: What succeeded, and what failed.
        succeeded: How many items succeeded.

    Raises:
        SkahaError: One of the failures, with `result` as its `partial`.
    """
    failures = list(result.failures.values())
    fatal: list[SkahaError] = [error for error in failures if isinstance(error, _FATAL)]
    if not succeeded and all(error.concerns_platform for error in failures):
        fatal = fatal or failures
    if fatal:
        raise_first(fatal, result)
    for error in failures:
        log.warning("%s", error)
    return result


def raise_first(errors: list[SkahaError], result: _Result) -> NoReturn:
    """Raise the first of `errors`, with `result` as its `partial`."""
    error = errors[0]
    error.partial = result
    if len(result.failures) > 1:
        error.add_note(
            f"{len(result.failures)} failed in all: .partial.failures says which and why"
        )
    raise error
