"""New lines of a log that only ever comes whole."""

from __future__ import annotations

import hashlib


class LogTail:
    """Remembers how far a log was read; every line comes out once."""

    def __init__(self, count: int | None = None) -> None:
        """Have read nothing yet; of the first log, only so many last lines are new."""
        self._count = count
        self._read = 0
        self._digest = _digest(b"")
        self._begun = b""

    def feed(self, log: bytes, *, ended: bool) -> list[str]:
        """Return the lines that are new in `log`.

        Args:
            log: The whole log so far.
            ended: Whether nothing will follow, so that a last line without its end is one, too.
        """
        lines = self._new_lines(log, ended=ended)
        shown = lines if self._count is None else lines[-self._count :]
        self._count = None
        return shown

    def _new_lines(self, log: bytes, *, ended: bool) -> list[str]:
        if not log:
            # A log that cannot be read now is empty, too: what was read stays read.
            return _lines(self._begun) if ended else []
        lines: list[str] = []
        if (
            not log.startswith(self._begun, self._read)
            or _digest(log[: self._read]) != self._digest
        ):
            # The log is a new container's: the old one's last line will not go on.
            lines = _lines(self._begun)
            self._read, self._begun = 0, b""
        new = log[self._read :]
        complete = len(new) if ended else new.rfind(b"\n") + 1
        self._read += complete
        self._digest = _digest(log[: self._read])
        self._begun = new[complete:]
        return lines + _lines(new[:complete])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _lines(data: bytes) -> list[str]:
    lines = data.decode(errors="replace").split("\n")
    return lines if lines[-1] else lines[:-1]
