"""Results as tables, for notebooks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from skaha.results import Launched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# What a person looks for first; the rest follows in the order that it came in.
_FIRST = ("id", "name", "type", "status", "image", "startTime")
# What nobody looks for in a table.
_HIDDEN = ("runAsUID", "runAsGID", "supplementalGroups")


def tables(result: Any) -> str:
    """Return a table of what succeeded, and one of what failed if anything did."""
    if isinstance(result, Launched):
        shown = _table_of_pairs(result.names.items(), ("replica", "id"))
    elif isinstance(result, dict):
        shown = _table_of_pairs(result.items(), ("", "value"))
    elif all(isinstance(value, dict) for value in result):
        shown = _table_of_records(result)
    else:
        shown = _table_of_pairs(enumerate(result), ("", "value"))
    if not result.failures:
        return shown
    return shown + _table_of_pairs(result.failures.items(), ("failed", "why"))


def _table_of_records(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a table with a column for every key of any record."""
    keys = dict.fromkeys(key for record in records for key in record if key not in _HIDDEN)
    columns = [key for key in _FIRST if key in keys]
    columns += [key for key in keys if key not in _FIRST]
    return _table(columns, ([record.get(key, "") for key in columns] for record in records))


def _table_of_pairs(pairs: Iterable[tuple[Any, Any]], titles: Sequence[str]) -> str:
    """Return a table with two columns; what is nested is named by its path."""
    return _table(titles, (pair for key, value in pairs for pair in _flat(str(key), value)))


def _flat(key: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(key, value)]
    return [pair for name, inner in value.items() for pair in _flat(f"{key}.{name}", inner)]


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
