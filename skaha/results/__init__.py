"""Results of calls with many items: plain containers with the failures beside them.

```
>>> from skaha import Session
>>> session = Session(server="local")
>>> records = session.info(["unknown1", "unknown2"])
>>> records
[]
>>> sorted(records.failures)
['unknown1', 'unknown2']

```
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from skaha.errors import (
    AuthenticationError,
    ConnectionFailedError,
    CredentialsError,
    SkahaError,
)
from skaha.records import flattened
from skaha.results._tables import (
    data_frame,
    html_table,
    rows_of_events,
    rows_of_records,
    with_names,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Launched", "ResultDict", "ResultList"]

# Headings of the tables of events.
EVENTS = ("id", "events")

T = TypeVar("T")
R = TypeVar("R", bound="_Result")

log = logging.getLogger("skaha")

# Failures of one call that are logged one by one.
_MAX_LOGGED = 10
_FATAL = (AuthenticationError, ConnectionFailedError, CredentialsError)


class Outcome(Generic[T]):
    """Values and failures of a call with many items, by their keys."""

    def __init__(
        self,
        values: Mapping[str, T] | None = None,
        failures: Mapping[str, SkahaError] | None = None,
        retries: int = 0,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Copy the values, the failures and the names.

        Args:
            values: The value of each item that succeeded.
            failures: The error of each item that failed.
            retries: Number of requests that were sent again.
            names: The names of sessions by id, as far as they are known.
        """
        self.values = dict(values or {})
        self.failures = dict(failures or {})
        self.retries = retries
        self.names = dict(names or {})

    @classmethod
    def of(
        cls,
        keys: Sequence[str],
        outcomes: Mapping[str, T | SkahaError],
        retries: int,
        names: Mapping[str, str] | None = None,
    ) -> Outcome[T]:
        """Separate values and errors, in the order of `keys`; leave out keys without an outcome."""
        reached = [(key, outcomes[key]) for key in keys if key in outcomes]
        return cls(
            {key: value for key, value in reached if not isinstance(value, SkahaError)},
            {key: value for key, value in reached if isinstance(value, SkahaError)},
            retries,
            names,
        )


class _Result:
    failures: dict[str, SkahaError]
    """The error of each failed item, by session id or replica name."""

    retries: int
    """Number of requests that were sent again."""

    # The headings of the keys and of the values in a table.
    _titles: tuple[str, str] = ("field", "value")
    _names_by_id: dict[str, str]

    def _take(self, outcome: Outcome[Any]) -> None:
        self.failures = outcome.failures
        self.retries = outcome.retries
        self._names_by_id = outcome.names

    def _rows(self) -> tuple[list[str], list[list[Any]]]:
        """Return the headings and the rows of the table of this result."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """Return a table for a notebook, and a second table of the failures."""
        table = html_table(*self._rows())
        if not self.failures:
            return table
        rows = [[key, error] for key, error in self.failures.items()]
        return table + html_table(*with_names(["failed", "error"], rows, self._names_by_id))

    def to_pandas(self) -> Any:
        """Return the table of this result as a `pandas.DataFrame`.

        Returns:
            A row for each session, event or field, in the order of this result. In records of
            sessions, times are dates in UTC, numbers of cores are numbers, and amounts of memory
            are bytes. Values that the platform does not know are missing values.

        Raises:
            ImportError: If pandas is not installed.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> frame = session.fetch(kind="firefly").to_pandas()
            >>> len(frame)
            0
        """
        return data_frame(*self._rows())

    def raise_for_failures(self) -> None:
        """Raise all failures as one `ExceptionGroup`; do nothing without failures."""
        if self.failures:
            message = f"{len(self.failures)} failed: {', '.join(self.failures)}"
            raise ExceptionGroup(message, list(self.failures.values()))


class ResultList(list[T], _Result):
    """A list of the results that succeeded, in the order of the request, with `failures`.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> records = session.info("unknown1")
        >>> records, list(records.failures)
        ([], ['unknown1'])
    """

    def __init__(self, values: Iterable[T], outcome: Outcome[Any]) -> None:
        """Copy the values, and take the failures and retries of `outcome`."""
        super().__init__(values)
        self._take(outcome)

    def _rows(self) -> tuple[list[str], list[list[Any]]]:
        if not all(isinstance(value, dict) for value in self):
            return list(self._titles), [[key, value] for key, value in enumerate(self)]
        records: list[Mapping[str, Any]] = [value for value in self if isinstance(value, dict)]
        if records and all(len(record) == 1 for record in records):
            pairs = [pair for record in records for pair in record.items()]
            return rows_of_events(pairs, self._names_by_id)
        return rows_of_records(records)


class ResultDict(dict[str, T], _Result):
    """A dictionary of the results that succeeded, by session id, with `failures`.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> renewed = session.renew("unknown1")
        >>> renewed, list(renewed.failures)
        ({'unknown1': False}, ['unknown1'])
    """

    def __init__(
        self,
        values: Mapping[str, T],
        outcome: Outcome[Any],
        titles: tuple[str, str] = ("field", "value"),
    ) -> None:
        """Copy the values, and take the failures, retries and names of `outcome`.

        Args:
            values: The values by id, or by another key.
            outcome: The outcome of the call.
            titles: The headings of the keys and of the values in a table.
        """
        super().__init__(values)
        self._take(outcome)
        self._titles = titles

    def _rows(self) -> tuple[list[str], list[list[Any]]]:
        if self._titles == EVENTS:
            return rows_of_events(self.items(), self._names_by_id)
        return with_names(
            list(self._titles),
            [[key, value] for key, value in flattened(self.items())],
            self._names_by_id,
        )


class LaunchOrder(Protocol):
    """The launch behind a result. It is only for `relaunch`."""

    @property
    def replicas(self) -> Mapping[str, object]:
        """All replicas by their names."""


class Launched(ResultList[str]):
    """The ids of the launched sessions, in replica order.

    Attributes:
        names: The id of each launched replica, by its name.
        failures: The error of each replica that was not launched, by its name.
        uncertain: Names of the replicas in `failures` that may be running although the launch
            failed.
        found_by_name: The ids in `names` that the platform did not return. They were found in the
            list of sessions by their names, so another program may have launched them.
        surplus: Ids of more new sessions than requested, by replica name. They belong to this
            launch or to another program that uses the same names. Nothing deletes them.
        order: The launch, for `relaunch`. It is not pickled, because it may hold secrets.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> image = "images.canfar.net/skaha/terminal:1.1.2"
        >>> ids = session.create("pair", image, cmd="true", replicas=2)
        >>> ids == list(ids.names.values()), list(ids.names)
        (True, ['pair-1', 'pair-2'])
        >>> ids.uncertain, ids.surplus, ids.found_by_name
        ([], {}, {})
        >>> all(session.destroy(ids).values())
        True
    """

    names: dict[str, str]
    uncertain: list[str]
    found_by_name: dict[str, str]
    surplus: dict[str, list[str]]
    order: LaunchOrder | None = None

    def __init__(
        self,
        order: LaunchOrder,
        outcome: Outcome[str],
        *,
        uncertain: Iterable[str] = (),
        found_by_name: Mapping[str, str] | None = None,
        surplus: Mapping[str, list[str]] | None = None,
    ) -> None:
        """Take the launch, and its outcome by replica name."""
        super().__init__(outcome.values.values(), outcome)
        self.names = outcome.values
        self.uncertain = list(uncertain)
        self.found_by_name = dict(found_by_name or {})
        self.surplus = dict(surplus or {})
        self.order = order

    def _rows(self) -> tuple[list[str], list[list[Any]]]:
        return ["replica", "id"], [[name, session_id] for name, session_id in self.names.items()]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle everything but the launch, whose environment may hold secrets."""
        return {name: value for name, value in vars(self).items() if name != "order"}


def names_by_id(ids: Any) -> dict[str, str]:
    """Return the names of sessions by id, if `ids` is the result of a call that knows them."""
    if isinstance(ids, Launched):
        return {session_id: name for name, session_id in ids.names.items()}
    return ids._names_by_id if isinstance(ids, _Result) else {}  # noqa: SLF001  (this module's)


# Failures: data or an exception.


def raise_if_fatal(result: R, succeeded: Collection[Any]) -> R:
    """Return the result of a call with many items, unless it must be raised.

    An error about one session stays in `failures` and is logged. A lost connection and refused
    credentials are raised even if other items succeeded. Any other error of the whole platform is
    raised if no item succeeded.

    Args:
        result: The result.
        succeeded: The items that succeeded.

    Raises:
        SkahaError: One of the failures, with `result` as its `partial`.
    """
    failures = list(result.failures.values())
    fatal = [error for error in failures if isinstance(error, _FATAL)]
    if fatal:
        raise_with_partial(fatal[0], result)
    if failures and not succeeded and all(error.concerns_platform for error in failures):
        raise_with_partial(failures[0], result)
    log_failures(failures)
    return result


def log_failures(failures: Sequence[SkahaError]) -> None:
    """Log the first failures, and the number of the others."""
    for error in failures[:_MAX_LOGGED]:
        # A log handler may keep its records. The error would keep the connections open.
        log.warning("%s", str(error), extra={"failure": error.subject or ""})
    if len(failures) > _MAX_LOGGED:
        log.warning("%s more failed", f"{len(failures) - _MAX_LOGGED:,}")


def attach_partial(stop: BaseException, result: _Result) -> None:
    """Attach the results so far as `partial` to the exception that stops a call, such as Ctrl-C."""
    if "partial" not in vars(stop):
        stop.add_note("stopped on the way: .partial has the results so far")
    vars(stop)["partial"] = result


def raise_with_partial(error: SkahaError, result: _Result) -> NoReturn:
    """Raise `error`, with `result` as its `partial`."""
    error.partial = result
    if len(result.failures) > 1:
        error.add_note(
            f"{len(result.failures)} failed in all: .partial.failures has the error of each"
        )
    raise error
