"""New lines of a log that the platform always sends from its beginning."""

from __future__ import annotations

import hashlib


class LogTail:
    """Position in a log: each line is returned once."""

    def __init__(self, count: int | None = None) -> None:
        """Start before the first line.

        Args:
            count: Number of last lines to return of the first log; `None` for all lines.
        """
        self._count = count
        self._position = 0
        self._digest = _digest(b"")
        self._unfinished_line = b""

    def feed(self, log: bytes, *, ended: bool) -> list[str]:
        """Return the new lines of `log`.

        Args:
            log: The whole log so far.
            ended: Whether the log is complete, so that a last line without a line feed counts.
        """
        lines = self._new_lines(log, ended=ended)
        shown = lines if self._count is None else lines[-self._count :]
        self._count = None
        return shown

    def _new_lines(self, log: bytes, *, ended: bool) -> list[str]:
        if not log:
            # The platform also sends an empty log if it cannot read it now: keep the position.
            return _lines(self._unfinished_line) if ended else []
        lines: list[str] = []
        if (
            not log.startswith(self._unfinished_line, self._position)
            or _digest(log[: self._position]) != self._digest
        ):
            # The container was restarted: the last line of the old log is complete.
            lines = _lines(self._unfinished_line)
            self._position, self._unfinished_line = 0, b""
        new = log[self._position :]
        complete = len(new) if ended else new.rfind(b"\n") + 1
        self._position += complete
        self._digest = _digest(log[: self._position])
        self._unfinished_line = new[complete:]
        return lines + _lines(new[:complete])


def last_lines(text: str, count: int) -> str:
    """Return the last lines of a text.

    Args:
        text: The text.
        count: Number of lines, 1 or more.
    """
    lines = text.split("\n")
    # The text after the last line feed is a line only if it is not empty.
    return "\n".join(lines[-count - (not lines[-1]) :])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _lines(data: bytes) -> list[str]:
    lines = data.decode(errors="replace").split("\n")
    return lines if lines[-1] else lines[:-1]
