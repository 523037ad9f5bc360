"""What goes to standard output: data, and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO, TypeAlias

from skaha.cli._table import aligned, cell

Item: TypeAlias = dict[str, Any]
# A key of the items, or a heading and how to find its cells.
Column: TypeAlias = str | tuple[str, Callable[[Item], Any]]

FORMATS = ("table", "json", "ndjson", "name")


class Output:
    """Standard output, in the format that was asked for.

    Without one, people at a terminal get a table, and a pipe gets its rows, separated by tabs.
    """

    def __init__(self, wanted: str | None) -> None:
        """Take the format that was asked for."""
        self.wanted = wanted
        # Whoever read this went away: nothing more is to be said, and nothing is wrong.
        self.gone = False
        self._is_begun = False

    @property
    def is_data(self) -> bool:
        """Whether a program reads this."""
        return self.wanted in ("json", "ndjson", "name")

    def show_problem(self, error: Item) -> None:
        """Show why a command failed as a whole; only JSON has that, and only one array."""
        if self.wanted == "ndjson" or (self.wanted == "json" and not self._is_begun):
            self.show([{"error": error}], (), "")

    def show(self, items: Sequence[Item], columns: Iterable[Column], key: str) -> None:
        """Show items; those that failed, in JSON only."""
        if self.wanted == "json":
            self.write(json.dumps(items, indent=2, ensure_ascii=False) + "\n")
            return
        if self.wanted == "ndjson":
            self.write("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in items))
            return
        good = [one for one in items if "error" not in one]
        if self.wanted == "name":
            self.write("".join(f"{cell(one.get(key))}\n" for one in good))
        else:
            self._rows(good, [_named(column) for column in columns])

    def _rows(self, items: Sequence[Item], columns: Sequence[tuple[str, Any]]) -> None:
        rows = [[cell(find(one)) for _, find in columns] for one in items]
        if self.wanted is None and not sys.stdout.isatty():
            self.write("".join("\t".join(row) + "\n" for row in rows))
        elif rows:
            headings = [name.replace("_", " ").upper() for name, _ in columns]
            self.write(aligned(headings, rows, _width(), colour=is_coloured()))

    def write(self, text: str) -> None:
        """Write a text as it is, unless its reader went away."""
        self.write_bytes(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Write data as it is, unless its reader went away."""
        if self.gone:
            return
        self._is_begun = True
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self.gone = True
            abandon(sys.stdout)


def abandon(stream: TextIO) -> None:
    """Give a stream up: Python would complain at its end of what it cannot flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _named(column: Column) -> tuple[str, Callable[[Item], Any]]:
    return (column, lambda one: one.get(column)) if isinstance(column, str) else column


def is_coloured() -> bool:
    """Say whether standard output may have colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def _width() -> int | None:
    """Return the width of the terminal; a file has none."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def flattened(value: Mapping[str, Any], prefix: str = "") -> Item:
    """Return a nested object as one level: `{"a": {"b": 1}}` is `{"a.b": 1}`."""
    flat: Item = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= flattened(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat
