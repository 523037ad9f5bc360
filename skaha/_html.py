"""Results as tables, for notebooks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# What a person looks for first; the rest follows in the order that it came in.
_FIRST = ("id", "name", "type", "status", "image", "startTime")
# What nobody looks for in a table.
_HIDDEN = ("runAsUID", "runAsGID", "supplementalGroups")
# A notebook keeps what it shows: so many characters for a table, and for each of its rows.
_ROOM = 200_000
_LEAST, _MOST = 200, 20_000
# Text of several lines is shown as it is; notebooks align what is in tables to the right.
_LINES = "text-align: left; white-space: pre-wrap; font-family: monospace"


def tables(
    result: Any, failures: Mapping[str, Exception], titles: Sequence[str] = ("", "value")
) -> str:
    """Return a table of what succeeded, and one of what failed if anything did."""
    if isinstance(result, dict):
        shown = _table_of_pairs(result.items(), titles)
    elif result and all(isinstance(value, dict) and len(value) == 1 for value in result):
        shown = _table_of_pairs((pair for one in result for pair in one.items()), titles)
    elif all(isinstance(value, dict) for value in result):
        shown = _table_of_records(result)
    else:
        shown = _table_of_pairs(enumerate(result), titles)
    if not failures:
        return shown
    return shown + _table_of_pairs(failures.items(), ("failed", "why"))


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
    rows = list(rows)
    room = min(_MOST, max(_LEAST, _ROOM // max(1, len(rows))))
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(_cell(_cut(str(value), room)) for value in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    style = f' style="{_LINES}"' if "\n" in text else ""
    return f"<td{style}>{html.escape(text)}</td>"


def _cut(text: str, room: int) -> str:
    """Leave out the middle of what is too long: how a log begins and ends says most."""
    if len(text) <= room:
        return text
    half = room // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters ...\n{text[-half:]}"
