"""Output to standard output: data only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO, TypeAlias

from skaha.cli._table import format_cell, format_table

Item: TypeAlias = dict[str, Any]
# A key of the items, or a heading and a function that returns the cell of an item.
Column: TypeAlias = str | tuple[str, Callable[[Item], Any]]

FORMATS = ("table", "wide", "json", "ndjson", "yaml", "name")
_TABLES = (None, "table", "wide")


class Output:
    """Standard output in one of the formats.

    The default format is a table on a terminal, and tab-separated rows in a pipe.
    """

    def __init__(self) -> None:
        """Start with the default format."""
        self.format: str | None = None
        # The reader closed the pipe: this is no error, and further output is useless.
        self.is_closed = False
        self._is_begun = False

    @property
    def is_data(self) -> bool:
        """Whether the format is for programs."""
        return self.format not in _TABLES

    @property
    def is_for_reader(self) -> bool:
        """Whether a person reads the output on a terminal."""
        return not self.is_data and sys.stdout.isatty()

    def show_error(self, error: Item) -> None:
        """Show why the whole command failed; only in JSON or YAML, and never as a second array."""
        if self.format == "ndjson" or (self.format in ("json", "yaml") and not self._is_begun):
            self.show([{"error": error}], (), "")

    def show(self, items: Sequence[Item], columns: Iterable[Column], key: str) -> None:
        """Show items. Only JSON and YAML show the items that failed."""
        if self.format == "json":
            self.write(json_text(items, indent=2) + "\n", "utf-8")
        elif self.format == "ndjson":
            lines = [json_text(item) + "\n" for item in items]
            self.write("".join(lines), "utf-8")
        elif self.format == "yaml":
            self.write(_yaml(items), "utf-8")
        elif self.format == "name":
            done = [item for item in items if "error" not in item]
            self.write("".join(f"{format_cell(item.get(key))}\n" for item in done))
        else:
            self.write(self.table([item for item in items if "error" not in item], columns))

    def table(self, items: Sequence[Item], columns: Iterable[Column]) -> str:
        """Return a table of items that fits the terminal, or rows with tabs for a pipe."""
        pairs = [_heading_and_getter(column) for column in columns]
        rows = [[format_cell(getter(item)) for _, getter in pairs] for item in items]
        if self.format is None and not sys.stdout.isatty():
            return "".join("\t".join(row).rstrip("\t") + "\n" for row in rows)
        if not rows:
            return ""
        headings = [name.replace("_", " ").upper() for name, _ in pairs]
        width = None if self.format == "wide" else _terminal_width()
        return format_table(headings, rows, width, colour=_allows_colour())

    def write(self, text: str, encoding: str | None = None) -> None:
        """Write a text, unless the reader closed the pipe.

        Args:
            text: The text.
            encoding: By default that of the terminal. Logs and data for programs are UTF-8.
        """
        self._is_begun = True
        data = text.encode(encoding or sys.stdout.encoding or "utf-8", "backslashreplace")
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self.is_closed = True
            discard(sys.stdout)


def discard(stream: TextIO) -> None:
    """Discard all further output of a stream: else Python complains at exit if it cannot flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON, in which a terminal finds no character that it could obey."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # Most texts are in ASCII, and JSON itself escapes the control characters of ASCII.
    return text if text.isascii() else "".join(map(_in_json, text))


def _in_json(letter: str) -> str:
    return letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1]


def _yaml(items: Sequence[Item]) -> str:
    # A late import for the start-up time: few commands write YAML.
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes the lines of a text below each other."""

    def represent(dumper: Dumper, text: str) -> yaml.Node:
        style = "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, represent)

    def dumped(*, allow_unicode: bool) -> str:
        text: str = yaml.dump(
            list(items), Dumper=Dumper, sort_keys=False, allow_unicode=allow_unicode
        )
        return text

    text = dumped(allow_unicode=True)
    # A terminal could obey some of the letters, and YAML reads some of them as line breaks.
    is_safe = text.replace("\n", "").isprintable()
    return text if is_safe else dumped(allow_unicode=False)


def _heading_and_getter(column: Column) -> tuple[str, Callable[[Item], Any]]:
    return (column, lambda item: item.get(column)) if isinstance(column, str) else column


def _allows_colour() -> bool:
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def _terminal_width() -> int | None:
    """Return the number of columns of the terminal; `None` for a file."""
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or None
