"""Private text files and directories: reads, writes in one step, changes, and locks."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

_OTHERS = 0o077


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        OSError: If the file cannot be read or is not UTF-8. `strerror` is the reason.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        problem = OSError(errno.EILSEQ, "it is not UTF-8", str(path))
    # Raise outside of the handler: the decoding error contains the file's bytes.
    raise problem


def signature(path: Path) -> tuple[int, int, int] | None:
    """Return a value that is different after a change of a file; `None` without a file."""
    status = _status(path)
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)


def is_open_to_others(path: Path) -> bool:
    """Return whether the permissions of a file give access to other users."""
    status = _status(path)
    return os.name == "posix" and status is not None and bool(status.st_mode & _OTHERS)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def make_private_directory(path: Path) -> None:
    """Create a directory and its missing parents with mode 0700; keep existing directories.

    Raises:
        OSError: If the directory cannot be created.
    """
    if path.is_dir():
        return
    make_private_directory(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # Another process, maybe of another user, may have created it at this moment.
        if not path.is_dir():
            raise
    else:
        # The umask may have removed permissions of the owner.
        path.chmod(0o700)


def replace(path: Path, text: str, check: Callable[[Path], object] | None = None) -> None:
    """Write a file in one step: a reader gets either the old or the new text.

    Args:
        path: The file. If it is a link, the file behind the link is replaced.
        text: The new text.
        check: A function that is called with a temporary file, which contains the new text. If
            the function raises an error, the file is not replaced.

    Raises:
        OSError: If the file cannot be written.
    """
    import tempfile

    target = path.resolve()
    make_private_directory(target.parent)
    # Only the owner can access a temporary file, from its creation on.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(Path(name))
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def lock(path: Path, timeout: float) -> AbstractContextManager[object]:
    """Acquire a lock that excludes all other threads and processes until its block ends.

    Args:
        path: The file of the lock.
        timeout: Seconds to wait for the lock.

    Raises:
        TimeoutError: If another thread or process keeps the lock for longer than `timeout`.
        OSError: If the file of the lock cannot be written.
    """
    from filelock import FileLock

    make_private_directory(path.parent)
    # Each call makes a new lock object: so threads exclude each other as processes do, and a
    # forked process does not inherit a lock.
    return FileLock(path, timeout=timeout, mode=0o600).acquire(poll_interval=0.01)
