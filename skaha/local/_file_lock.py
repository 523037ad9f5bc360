"""A lock on a file, which ends with the process that holds it."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from attrs import define, field

_POLL_INTERVAL = 0.02


@define
class FileLock:
    """A lock on a file; it ends with the process that holds it."""

    path: Path
    _file: IO[str] | None = field(default=None, init=False)

    def acquire(self, seconds: float, *, shared: bool = False) -> bool:
        """Take the lock; return `False` after a time-out.

        Args:
            seconds: The time-out.
            shared: Take a shared lock, which only tests whether the lock is free.
        """
        deadline = time.monotonic() + seconds
        while not self._try(fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_INTERVAL)
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def is_valid(self) -> bool:
        """Return whether the locked file still exists, so that others find it locked."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def holder(self) -> int | None:
        """Return the id of the process that holds the lock, or `None` if the system hides it."""
        try:
            file = self.path.stat()
        except OSError:
            return None
        return _locking_process(file) or _opening_process(self.path)

    def _try(self, operation: int) -> bool:
        self._file = self.path.open("a")
        try:
            fcntl.flock(self._file, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        if not self.is_valid():
            # The file was removed after it was opened.
            self.release()
            return False
        return True


def _locking_process(file: os.stat_result) -> int | None:
    """Look the holder of a lock up in the list of all locks, which only Linux has."""
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        match line.split():
            case [_, "FLOCK", _, "WRITE", pid, locked, *_] if locked == name:
                # A process that is not visible here has no id.
                return max(int(pid), 0) or None
    return None


def _opening_process(path: Path) -> int | None:
    """Return the first other process that has a file open."""
    try:
        import psutil
    except ImportError:
        return None
    name = str(path.resolve())
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and name in {file.path for file in process.open_files()}:
                return int(process.pid)
    return None
