"""Tables of results, for notebooks and for pandas."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from skaha.records import (
    Event,
    cores,
    cores_in_use,
    expiry_time,
    known,
    parse_events,
    ram_bytes,
    ram_bytes_in_use,
    start_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# Columns that come first; the others follow in the order of the records.
FIRST_COLUMNS = ("id", "name", "type", "status", "image", "startTime")
HIDDEN_COLUMNS = ("runAsUID", "runAsGID", "supplementalGroups")
_EVENT_COLUMNS = ["id", *Event._fields]
# Columns of records with their readers.
_READERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "startTime": start_time,
    "expiryTime": expiry_time,
    "requestedRAM": ram_bytes,
    "ramInUse": ram_bytes_in_use,
    "requestedCPUCores": cores,
    "cpuCoresInUse": cores_in_use,
}
_TIMES = ("startTime", "expiryTime", "first_time", "last_time")
# A notebook file keeps each table: limit the characters of a table, and of each row.
_TABLE_CHARACTERS = 200_000
_MIN_ROW_CHARACTERS, _MAX_ROW_CHARACTERS = 200, 20_000
# Keep the line breaks of a text, and align it to the left; notebooks align tables to the right.
_TEXT_STYLE = "text-align: left; white-space: pre-wrap; font-family: monospace"
_LONGEST_WITHOUT_BREAK = 40  # an id, a name or a time stays on one line
_BOX_LINES, _BOX_STYLE = 20, "max-height: 24em; overflow: auto"


def rows_of_records(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return a column for every key of any record."""
    keys = dict.fromkeys(key for record in records for key in record if key not in HIDDEN_COLUMNS)
    columns = [key for key in FIRST_COLUMNS if key in keys]
    columns += [key for key in keys if key not in FIRST_COLUMNS]
    return columns, [[record.get(key) for key in columns] for record in records]


def rows_of_events(
    pairs: Iterable[tuple[str, Any]], names: Mapping[str, str]
) -> tuple[list[str], list[list[Any]]]:
    """Return a row for each event; a text without events is the message of one."""
    rows: list[list[Any]] = []
    for session_id, value in pairs:
        events = parse_events(value) if isinstance(value, str) else value
        if isinstance(events, list) and all(isinstance(event, Event) for event in events):
            rows += [[session_id, *event] for event in events]
        if (not events and value) or not isinstance(events, list):
            rows.append([session_id, None, None, value, None, None])
    return with_names(list(_EVENT_COLUMNS), rows, names)


def with_names(
    columns: list[str], rows: list[list[Any]], names: Mapping[str, str]
) -> tuple[list[str], list[list[Any]]]:
    """Insert the names of the sessions after their ids, if any name is known."""
    if not names:
        return columns, rows
    columns.insert(1, "name")
    return columns, [[key, names.get(key), *rest] for key, *rest in rows]


def data_frame(columns: list[str], rows: list[list[Any]]) -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("to_pandas needs pandas: pip install pandas", name="pandas") from None

    records = [dict(zip(columns, row, strict=True)) for row in rows]
    data = {
        column: [_READERS.get(column, _value_of(column))(record) for record in records]
        for column in columns
    }
    frame = pd.DataFrame(data, columns=columns)
    for column in frame.columns.intersection(_TIMES):
        frame[column] = pd.to_datetime(frame[column], utc=True, errors="coerce")
    return frame


def _value_of(column: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda record: known(record[column])


def html_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    from html import escape

    share = _TABLE_CHARACTERS // max(1, len(rows))
    limit = min(_MAX_ROW_CHARACTERS, max(_MIN_ROW_CHARACTERS, share))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(_html_cell(_shortened(_text_of(value), limit)) for value in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text_of(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return "" if value is None else str(value)


def _html_cell(text: str) -> str:
    from html import escape

    if "\n" not in text:
        style = ' style="white-space: nowrap"' if len(text) <= _LONGEST_WITHOUT_BREAK else ""
        return f"<td{style}>{escape(text)}</td>"
    content = escape(text)
    if text.count("\n") > _BOX_LINES:
        content = f'<div style="{_BOX_STYLE}">{content}</div>'
    return f'<td style="{_TEXT_STYLE}">{content}</td>'


def _shortened(text: str, limit: int) -> str:
    """Leave out the middle of a long text: the begin and the end of a log matter most."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters ...\n{text[-half:]}"
