"""Tables: the results of a benchmark, for people and for programs."""

from __future__ import annotations

from typing import TypeAlias

from attrs import define, field

Cell: TypeAlias = str | float | None


@define
class Table:
    """Rows of figures with a title.

    Attributes:
        title: The measured call and its conditions.
        rows: One dictionary for each row; each key of a row makes a column.
        notes: Explanations for the reader.
    """

    title: str
    rows: list[dict[str, Cell]] = field(factory=list)
    notes: list[str] = field(factory=list)

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
    """Return whether each figure is within its limit; `figures` has (figure, limit) by name."""
    over = [
        f"{name} {figure:.2f} > {limit:g}"
        for name, (figure, limit) in figures.items()
        if figure > limit
    ]
    return f"OVER: {', '.join(over)}" if over else "within limits"
