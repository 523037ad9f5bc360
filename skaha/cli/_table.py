"""Tables with aligned columns."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "
# A column that is cut keeps at least this width.
_MIN_WIDTH = 6
# The first column is never cut, either: it identifies the row.
_NEVER_CUT = frozenset({"STATUS"})
# The end of a reference has the name and the tag of the image.
_CUT_AT_THE_FRONT = frozenset({"IMAGE"})
_ELLIPSIS = "…"
_STATUS_COLOURS = {
    "Running": "\x1b[32m",
    "Completed": "\x1b[32m",
    "Pending": "\x1b[33m",
    "Terminating": "\x1b[33m",
    "Failed": "\x1b[31m",
    "Error": "\x1b[31m",
}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def format_cell(value: Any) -> str:
    """Return a value as one line without control characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ",".join(format_cell(item) for item in value)
    return printable(" ".join(str(value).split()))


def format_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, colour: bool
) -> str:
    """Return a table that fits `width`; `None` for no limit."""
    columns = zip(headings, *rows, strict=True)
    widths = [max(map(_display_width, column)) for column in columns]
    if width is not None:
        _shrink(headings, widths, width)
    lines = [_format_row(headings, row, widths, colour=colour) for row in rows]
    heading = _format_row(headings, headings, widths, colour=False)
    return "\n".join([f"{_BOLD}{heading}{_PLAIN}" if colour else heading, *lines, ""])


def _shrink(headings: Sequence[str], widths: list[int], width: int) -> None:
    """Remove columns from the right until the rest can fit; then shrink the widest columns."""
    smallest = [
        size if index == 0 or heading in _NEVER_CUT else min(size, _MIN_WIDTH)
        for index, (heading, size) in enumerate(zip(headings, widths, strict=True))
    ]
    while len(widths) > 1 and _total(smallest[: len(widths)]) > width:
        widths.pop()
    while _total(widths) > width and (
        room := {index: size for index, size in enumerate(widths) if size > smallest[index]}
    ):
        widths[max(room, key=room.__getitem__)] -= 1


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _format_row(
    headings: Sequence[str], row: Sequence[str], widths: Sequence[int], *, colour: bool
) -> str:
    # There may be fewer widths than cells: the last columns were removed.
    cells = [
        _fit(text, width, at_the_front=heading in _CUT_AT_THE_FRONT)
        for heading, text, width in zip(headings, row, widths, strict=False)
    ]
    if colour:
        cells = [_coloured(text, cell) for text, cell in zip(row, cells, strict=False)]
    return _GAP.join(cells).rstrip()


def _coloured(text: str, cell: str) -> str:
    return f"{_STATUS_COLOURS[text]}{cell}{_PLAIN}" if text in _STATUS_COLOURS else cell


def _fit(text: str, width: int, *, at_the_front: bool) -> str:
    if _display_width(text) > width:
        while _display_width(text) >= width:
            text = text[1:] if at_the_front else text[:-1]
        text = f"{_ELLIPSIS}{text}" if at_the_front else f"{text}{_ELLIPSIS}"
    return text + " " * (width - _display_width(text))


def _display_width(text: str) -> int:
    """Return the number of terminal columns of a text."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
