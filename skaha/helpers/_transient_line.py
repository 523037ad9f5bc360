"""The progress line of `transient_bar`: tqdm without a bar."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tqdm.std import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMAT = "{desc}: {n_fmt} of {total_fmt} ({elapsed_s:.0f} s){postfix}"
_ERASE_LINE = "\r\x1b[K"


# The class takes a type argument in its stubs, but not at run time.
class TransientLine(tqdm):  # type: ignore[type-arg]
    """A line of text on standard error that fits the terminal and leaves nothing.

    Args:
        text: The text before the numbers.
        done: The number of items that are done.
        total: The number of items; `None` if it is not known yet.
    """

    # The caller refreshes the line: tqdm needs no thread of its own for that.
    monitor_interval = 0

    def __init__(self, text: str, done: int, total: int | None) -> None:
        """Draw the line."""
        super().__init__(desc=text, initial=done, total=total, bar_format=_FORMAT, leave=False)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Return the function that draws the line.

        tqdm itself overwrites the old line with blanks. If the terminal became narrower, these
        blanks would fill several lines.
        """

        def draw(text: str) -> None:
            file.write(f"{_ERASE_LINE}{text[: _terminal_width(file) - 1]}")
            file.flush()

        return draw


def _terminal_width(file: Any) -> int:
    try:
        return os.get_terminal_size(file.fileno()).columns or 80
    except OSError:
        return 80
