"""Tables of aligned columns."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "
# What is left of a column that has to give way, at least.
_NARROWEST = 6
_COLOURS = {
    "Running": "\x1b[32m",
    "Completed": "\x1b[32m",
    "Pending": "\x1b[33m",
    "Terminating": "\x1b[33m",
    "Failed": "\x1b[31m",
    "Error": "\x1b[31m",
}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def cell(value: Any) -> str:
    """Return a value as one line without anything that a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ",".join(cell(one) for one in value)
    text = " ".join(str(value).split())
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def aligned(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, colour: bool
) -> str:
    """Return a table, cut to a width; its first column is never cut."""
    whole = [headings, *rows]
    sizes = [max(map(_columns, column)) for column in zip(*whole, strict=True)]
    if width is not None:
        _narrow(sizes, width)
    lines = [_line(row, sizes, colour=colour) for row in rows]
    heading = _line(headings, sizes, colour=False)
    return "\n".join([f"{_BOLD}{heading}{_PLAIN}" if colour else heading, *lines, ""])


def _narrow(sizes: list[int], width: int) -> None:
    """Take what does not fit from the widest columns, or else whole columns from the right."""
    while len(sizes) > 1 and sum(min(size, _NARROWEST) + len(_GAP) for size in sizes) > width:
        sizes.pop()
    excess = sum(sizes) + len(_GAP) * (len(sizes) - 1) - width
    while excess > 0:
        widest = max(range(1, len(sizes)), key=sizes.__getitem__, default=0)
        if widest == 0 or sizes[widest] <= _NARROWEST:
            return
        sizes[widest] -= 1
        excess -= 1


def _line(row: Sequence[str], sizes: Sequence[int], *, colour: bool) -> str:
    # There may be fewer sizes than cells: the last columns have no room.
    cells = [_fitted(text, size) for text, size in zip(row, sizes, strict=False)]
    if colour:
        cells = [_coloured(text, one) for text, one in zip(row, cells, strict=False)]
    return _GAP.join(cells).rstrip()


def _coloured(text: str, shown: str) -> str:
    return f"{_COLOURS[text]}{shown}{_PLAIN}" if text in _COLOURS else shown


def _fitted(text: str, size: int) -> str:
    if _columns(text) > size:
        while _columns(text) >= size:
            text = text[:-1]
        text += "…"
    return text + " " * (size - _columns(text))


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )
