"""Parts of logs: the new lines of a log that is sent from its beginning, and the last lines."""

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


class LastLines:
    """The last lines of a text that comes in parts. Only these lines are kept in memory."""

    # Bytes that are kept before older lines are dropped for the first time.
    _FIRST_LIMIT = 1 << 20

    def __init__(self, count: int) -> None:
        """Start before the first part.

        Args:
            count: Number of lines, 1 or more.
        """
        self._count = count
        self._kept = bytearray()
        self._limit = self._FIRST_LIMIT

    def feed(self, part: bytes) -> int:
        """Add a part; return the number of bytes that are kept."""
        self._kept += part
        if len(self._kept) > self._limit:
            self._drop_older_lines()
            # Twice the lines that count: so dropping costs no more than adding.
            self._limit = max(self._FIRST_LIMIT, 2 * len(self._kept))
        return len(self._kept)

    def _drop_older_lines(self) -> None:
        # The text after the last line feed is a line only if it is not empty.
        end = len(self._kept) - self._kept.endswith(b"\n")
        for _ in range(self._count):
            end = self._kept.rfind(b"\n", 0, end)
            if end < 0:
                return
        del self._kept[: end + 1]

    def text(self) -> str:
        """Return the last lines."""
        self._drop_older_lines()
        return self._kept.decode(errors="replace")


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _lines(data: bytes) -> list[str]:
    lines = data.decode(errors="replace").split("\n")
    return lines if lines[-1] else lines[:-1]
