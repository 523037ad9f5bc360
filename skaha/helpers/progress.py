"""Progress bars: a widget in a notebook, a line on a terminal, nothing elsewhere.

A notebook needs the extra `notebook`; for a terminal, the extra `cli` is enough.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, overload

from skaha._sansio.validation import check_until
from skaha.records import ENDED, printable

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    from skaha.models import STATUS

__all__ = ["Bar", "bar", "transient_bar"]

# Shorter work shows no progress; longer work shows it again at this interval.
_DELAY_SECONDS, _INTERVAL_SECONDS = 0.7, 0.2


class Bar:
    """A progress bar for the `progress=` of any call. Several threads may use it.

    It appears with the first number and ends when all items are done. A `with` block also ends it
    after an error.

    Example:
        >>> with bar("launching") as progress:
        ...     progress(1, 2)
        ...     progress(2, 2)
    """

    def __init__(self, text: str, reached: frozenset[str]) -> None:
        """Keep the text before the bar, and the statuses of the sessions that count as done."""
        self._text = text
        self._reached = reached
        self._bar: Any = None
        self._lock = threading.Lock()

    @overload
    def __call__(self, progress: int, total: int, /) -> None: ...

    @overload
    def __call__(self, progress: dict[str, str], /) -> None: ...

    def __call__(self, progress: int | dict[str, str], total: int = 0, /) -> None:
        """Show the number of items that are done, or the statuses of sessions by id."""
        if isinstance(progress, int):
            self._update(progress, total)
            return
        numbers = Counter(progress.values())
        done = sum(number for status, number in numbers.items() if status in self._reached)
        counts = ", ".join(f"{number} {printable(status)}" for status, number in numbers.items())
        self._update(done, len(progress), counts)

    def _update(self, done: int, total: int, counts: str = "") -> None:
        from tqdm.auto import tqdm

        with self._lock:
            if self._bar is None:
                # disable=None: show it only if standard error is a terminal.
                self._bar = tqdm(
                    desc=self._text, total=total, unit=" sessions", dynamic_ncols=True, disable=None
                )
            self._bar.update(done - self._bar.n)
            if counts:
                self._bar.set_postfix_str(counts)
            if done >= total:
                self._end()

    def __enter__(self) -> Self:
        """Return this bar."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the bar."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _TransientBar(Bar):
    """A line that a thread draws: it appears after a delay and disappears at the end."""

    def __init__(self, text: str, reached: frozenset[str]) -> None:
        super().__init__(text, reached)
        self._state: tuple[int, int | None, str] = (0, None, "")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def _update(self, done: int, total: int, counts: str = "") -> None:
        self._state = done, total, counts

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _draw(self) -> None:
        if self._ended.wait(_DELAY_SECONDS):
            return
        # A late import: short work does not need it.
        from skaha.helpers._transient_line import TransientLine

        done, total, _ = self._state
        with TransientLine(self._text, done, total) as line:
            while True:
                line.n, line.total, counts = self._state
                line.set_postfix_str(counts)
                if self._ended.wait(_INTERVAL_SECONDS):
                    return


def bar(
    text: str = "",
    *,
    until: STATUS | Collection[STATUS] | Literal["finished", "running"] = "finished",
) -> Bar:
    """Make a progress bar for the `progress=` of any call.

    Args:
        text: The text before the bar.
        until: The statuses to wait for, as in `Session.wait`. Only a wait uses it.

    Returns:
        The bar. As a `with` block it also ends if the call fails.

    Raises:
        ImportError: If tqdm is not installed, or in a notebook, if ipywidgets is not installed.
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
    _require("tqdm")
    if _is_notebook():
        _require("ipywidgets")
    return Bar(text, check_until(until) | ENDED)


def transient_bar(
    text: str = "",
    *,
    until: STATUS | Collection[STATUS] | Literal["finished", "running"] = "finished",
) -> Bar:
    """Make a progress line for a command line program.

    The line appears on a terminal if the work takes longer than 0.7 seconds. It shows the elapsed
    time, and it disappears at the end of the `with` block. Nothing appears if the environment
    variable `TERM` is `dumb`.

    Args:
        text: The text before the numbers.
        until: The statuses to wait for, as in `Session.wait`. Only a wait uses it.

    Returns:
        The bar, for a `with` block.

    Raises:
        ImportError: If tqdm is not installed.
        skaha.errors.InvalidInputError: If `until` is wrong.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> ids = session.create("lines", "images.canfar.net/skaha/terminal:1.1.2", cmd="true")
        >>> with transient_bar("waiting") as progress:
        ...     _ = session.wait(ids, timeout=60, progress=progress)
        >>> with transient_bar("deleting") as progress:
        ...     _ = session.destroy(ids, progress=progress)
    """
    _require("tqdm")
    return _TransientBar(text, check_until(until) | ENDED)


def _require(name: str) -> None:
    if find_spec(name) is None:
        raise ImportError(f"progress bars need {name}: pip install 'skaha[notebook]>=2'", name=name)


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    # Only the shell of a Jupyter kernel has a kernel.
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
