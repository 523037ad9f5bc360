"""Progress bars: a widget in a notebook, a line of text on a terminal, nothing anywhere else.

This module needs the extra `notebook`.
"""

from __future__ import annotations

import threading
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, overload

from skaha._sansio.status_tracker import ENDED
from skaha._sansio.validation import check_until

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    from skaha.models import STATUS

__all__ = ["Bar", "bar"]


class Bar:
    """Draws what it is told; several threads may tell it.

    It is drawn when it is first told of something, and ends when all is done. In a `with` block it
    also ends with the block, whatever happens there.

    Example:
        >>> with bar("launching") as progress:
        ...     progress(1, 2)
        ...     progress(2, 2)
    """

    def __init__(self, text: str, reached: frozenset[str]) -> None:
        """Take what stands before the bar, and the statuses of what is done."""
        self._text = text
        self._reached = reached
        self._drawn: Any = None
        self._lock = threading.Lock()

    @overload
    def __call__(self, told: int, total: int, /) -> None: ...

    @overload
    def __call__(self, told: dict[str, str], /) -> None: ...

    def __call__(self, told: int | dict[str, str], total: int = 0, /) -> None:
        """Draw how many are done of how many, or the statuses of sessions by their ids."""
        if isinstance(told, int):
            self._draw(told, total)
            return
        numbers = Counter(told.values())
        done = sum(number for status, number in numbers.items() if status in self._reached)
        counts = ", ".join(f"{number} {status}" for status, number in numbers.items())
        self._draw(done, len(told), counts)

    def _draw(self, done: int, total: int, counts: str = "") -> None:
        from tqdm.auto import tqdm

        with self._lock:
            if self._drawn is None:
                # None: only if standard error is a terminal.
                self._drawn = tqdm(
                    desc=self._text, total=total, unit=" sessions", dynamic_ncols=True, disable=None
                )
            self._drawn.update(done - self._drawn.n)
            if counts:
                self._drawn.set_postfix_str(counts)
            if done >= total:
                self._end()

    def __enter__(self) -> Self:
        """Return this bar, which ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it as it is."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None


def bar(
    text: str = "",
    *,
    until: STATUS | Collection[STATUS] | Literal["finished", "running"] = "finished",
) -> Bar:
    """Make a progress bar for the `progress=` of any call.

    Args:
        text: What stands before the bar.
        until: As in `Session.wait`, for a bar that shows a wait.

    Returns:
        The bar; it can also be used as a `with` block, which ends it when the call fails.

    Raises:
        ImportError: If the extra `notebook` is not installed.
        skaha.errors.InvalidInputError: If `until` is wrong.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> image = "images.canfar.net/skaha/terminal:1.1.2"
        >>> with bar("launching") as progress:
        ...     ids = session.create("bars", image, cmd="true", replicas=2, progress=progress)
        >>> _ = session.wait(ids, timeout=60, progress=bar("waiting"))
        >>> all(session.destroy(ids, progress=bar("cleaning up")).values())
        True
    """
    for name in ("tqdm", "ipywidgets"):
        if find_spec(name) is None:
            raise ImportError(
                f"progress bars need {name}: pip install 'skaha[notebook]'", name=name
            )
    return Bar(text, check_until(until) | ENDED)
