"""What goes to standard error: notes, errors, and what is going on."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from skaha.cli._output import abandon

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERASE = "\r\x1b[K"
# Short work shows nothing.
_PATIENCE, _INTERVAL = 0.7, 0.2
_FRAMES = "|/-\\"

_lock = threading.Lock()
_said: set[str] = set()


def note(text: str, kind: str = "") -> None:
    """Say something to the person who runs this; what was said already is not said again."""
    if kind and text in _said:
        return
    _said.add(text)
    say(f"skaha: {kind}: {text}" if kind else f"skaha: {text}")


def say(text: str) -> None:
    """Write a line to standard error."""
    with _lock:
        _write(f"{_ERASE if _Progress.shown else ''}{_harmless(text)}\n")


def _harmless(text: str) -> str:
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)


def _write(text: str) -> None:
    # Whoever closed it does not want to know.
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)
    except ValueError:
        return


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage(), record.levelname.lower())


def listen(*, verbose: bool) -> None:
    """Pass on what the library logs and warns of."""
    logger = logging.getLogger("skaha")
    logger.addHandler(_Handler())
    logger.propagate = False
    if verbose:
        logger.setLevel(logging.DEBUG)
    warnings.showwarning = _warned


@contextmanager
def hushed() -> Iterator[None]:
    """Pass on nothing of what is logged in the block, where it is no news."""
    logger = logging.getLogger("skaha")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    note(str(message), "warning")


class _Progress:
    """One line on a terminal that says what is going on; nothing anywhere else."""

    shown = False

    def __init__(self, text: str) -> None:
        self._title = self._text = text
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._thread.start()
        return self

    def say(self, text: str) -> None:
        """Say how far it is."""
        self._text = text

    def count(self, done: int, total: int) -> None:
        """Say how many are done."""
        self.say(f"{self._title}: {done} of {total}")

    def _run(self) -> None:
        if self._over.wait(_PATIENCE):
            return
        turn = 0
        while not self._over.wait(_INTERVAL):
            turn += 1
            self._draw(turn)

    def _draw(self, turn: int) -> None:
        seconds = time.monotonic() - self._begun
        line = f"{_FRAMES[turn % len(_FRAMES)]} {self._text} ({seconds:.0f} s)"
        with _lock:
            _Progress.shown = True
            _write(_ERASE + line[: _columns() - 1])

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        if _Progress.shown:
            _write(_ERASE)
        _Progress.shown = False


progress = _Progress


def _columns() -> int:
    # Asked each time: a terminal can be resized.
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80
