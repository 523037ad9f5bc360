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

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Launched", "ResultDict", "ResultList"]

T = TypeVar("T")
R = TypeVar("R", bound="_Result")

log = logging.getLogger("skaha")

_FATAL = (AuthenticationError, ConnectionFailedError, CredentialsError)


class Outcome(Generic[T]):
    """Values and failures of a call with many items, by their keys."""

    def __init__(
        self,
        values: Mapping[str, T] | None = None,
        failures: Mapping[str, SkahaError] | None = None,
        retries: int = 0,
    ) -> None:
        """Copy the values and the failures.

        Args:
            values: The value of each item that succeeded.
            failures: The error of each item that failed.
            retries: Number of requests that were sent again.
        """
        self.values = dict(values or {})
        self.failures = dict(failures or {})
        self.retries = retries

    @classmethod
    def of(
        cls, keys: Sequence[str], outcomes: Mapping[str, T | SkahaError], retries: int
    ) -> Outcome[T]:
        """Separate values and errors, in the order of `keys`; leave out keys without an outcome."""
        reached = [(key, outcomes[key]) for key in keys if key in outcomes]
        return cls(
            {key: value for key, value in reached if not isinstance(value, SkahaError)},
            {key: value for key, value in reached if isinstance(value, SkahaError)},
            retries,
        )


class _Result:
    failures: dict[str, SkahaError]
    """The error of each failed item, by session id or replica name."""

    retries: int
    """Number of requests that were sent again."""

    def _take(self, outcome: Outcome[Any]) -> None:
        self.failures = outcome.failures
        self.retries = outcome.retries

    def _repr_html_(self) -> str:
        """Return a table for a notebook, and a second table of the failures."""
        return _tables(self, self.failures)

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


class ResultDict(dict[str, T], _Result):
    """A dictionary of the results that succeeded, by session id, with `failures`.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> renewed = session.renew("unknown1")
        >>> renewed, list(renewed.failures)
        ({'unknown1': False}, ['unknown1'])
    """

    def __init__(self, values: Mapping[str, T], outcome: Outcome[Any]) -> None:
        """Copy the values, and take the failures and retries of `outcome`."""
        super().__init__(values)
        self._take(outcome)


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

    def _repr_html_(self) -> str:
        """Return a table of the replicas by name."""
        return _tables(self.names, self.failures, ("replica", "id"))

    def __getstate__(self) -> dict[str, Any]:
        """Pickle everything but the launch, whose environment may hold secrets."""
        return {name: value for name, value in vars(self).items() if name != "order"}


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
    for error in failures:
        # A log handler may keep its records. The error would keep the connections open.
        log.warning("%s", str(error), extra={"failure": error.subject or ""})
    return result


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


# Tables for notebooks.

# Columns that come first; the others follow in the order of the records.
_FIRST_COLUMNS = ("id", "name", "type", "status", "image", "startTime")
_HIDDEN_COLUMNS = ("runAsUID", "runAsGID", "supplementalGroups")
# A notebook file keeps each table: limit the characters of a table, and of each row.
_TABLE_CHARACTERS = 200_000
_MIN_ROW_CHARACTERS, _MAX_ROW_CHARACTERS = 200, 20_000
# Keep the line breaks of a text, and align it to the left; notebooks align tables to the right.
_TEXT_STYLE = "text-align: left; white-space: pre-wrap; font-family: monospace"


def _tables(
    result: Any, failures: Mapping[str, Exception], titles: Sequence[str] = ("", "value")
) -> str:
    if isinstance(result, dict):
        table = _table_of_pairs(result.items(), titles)
    elif result and all(isinstance(value, dict) and len(value) == 1 for value in result):
        table = _table_of_pairs((pair for value in result for pair in value.items()), titles)
    elif all(isinstance(value, dict) for value in result):
        table = _table_of_records(result)
    else:
        table = _table_of_pairs(enumerate(result), titles)
    if not failures:
        return table
    return table + _table_of_pairs(failures.items(), ("failed", "why"))


def _table_of_records(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a table with a column for every key of any record."""
    keys = dict.fromkeys(key for record in records for key in record if key not in _HIDDEN_COLUMNS)
    columns = [key for key in _FIRST_COLUMNS if key in keys]
    columns += [key for key in keys if key not in _FIRST_COLUMNS]
    return _table(columns, ([record.get(key, "") for key in columns] for record in records))


def _table_of_pairs(pairs: Iterable[tuple[Any, Any]], titles: Sequence[str]) -> str:
    """Return a table with two columns; a nested value is named by its path."""
    return _table(titles, flattened(pairs))


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    from html import escape

    rows = list(rows)
    share = _TABLE_CHARACTERS // max(1, len(rows))
    limit = min(_MAX_ROW_CHARACTERS, max(_MIN_ROW_CHARACTERS, share))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(_cell(_shortened(str(value), limit)) for value in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    from html import escape

    style = f' style="{_TEXT_STYLE}"' if "\n" in text else ""
    return f"<td{style}>{escape(text)}</td>"


def _shortened(text: str, limit: int) -> str:
    """Leave out the middle of a long text: the begin and the end of a log matter most."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters ...\n{text[-half:]}"
