"""New lines of a log that only ever comes whole."""

from __future__ import annotations

# Enough to tell a log that grew from one that began again.
_REMEMBERED = 64


class LogTail:
    """Remembers how far a log was read; every line comes out once."""

    def __init__(self) -> None:
        """Have read nothing yet."""
        self._read = 0
        self._last = b""

    def feed(self, log: bytes, *, ended: bool) -> list[str]:
        """Return the lines that are new in `log`.

        Args:
            log: The whole log so far.
            ended: Whether nothing will follow, so that a last line without its end is one, too.
        """
        if log[: self._read][-_REMEMBERED:] != self._last:
            # A log that is gone says nothing; any other one is a new container's.
            if not log:
                return []
            self._read = 0
        new = log[self._read :]
        complete = len(new) if ended else new.rfind(b"\n") + 1
        self._read += complete
        self._last = log[: self._read][-_REMEMBERED:]
        lines = new[:complete].decode(errors="replace").split("\n")
        return lines if lines[-1] else lines[:-1]
