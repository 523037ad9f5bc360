"""What a benchmark found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Cell: TypeAlias = str | float | None


@dataclass
class Table:
    """Rows of figures with a title.

    Attributes:
        title: What was measured, and under which conditions.
        rows: One dictionary a row; a column is there as soon as one row has it.
        notes: What the reader must know.
    """

    title: str
    rows: list[dict[str, Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the table as aligned text."""
        if not self.rows:
            return "\n".join([self.title, *self.notes])
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        lines = [columns] + [[_text(row.get(column)) for column in columns] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [self.title, "-" * len(self.title)]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [
                cell.ljust(width) if column == "note" else cell.rjust(width)
                for cell, width, column in zip(line[1:], widths[1:], columns[1:], strict=True)
            ]
            text.append("  ".join(cells).rstrip())
        return "\n".join([*text, *(f"  {note}" for note in self.notes)])


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def verdict(**figures: tuple[float, float]) -> str:
    """Return whether each figure is within its limit; `figures` are (found, limit) by name."""
    over = [
        f"{name} {found:.2f} > {limit:g}"
        for name, (found, limit) in figures.items()
        if found > limit
    ]
    return f"OVER: {', '.join(over)}" if over else "within limits"
