"""Files that are their owner's alone, from the moment they exist."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from filelock import BaseFileLock


def replace(path: Path, text: str, check: Callable[[Path], object] | None = None) -> None:
    """Write a file in one step: whoever reads it sees what was, or what is to be.

    Args:
        path: The file; what a link points to is replaced, not the link.
        text: What it is to hold.
        check: Is called with a temporary file that holds it; when it raises, nothing is replaced.

    Raises:
        OSError: If it cannot be written.
    """
    import tempfile

    target = path.resolve()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A temporary file is its owner's alone from the beginning.
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


def lock(path: Path, patience: float) -> BaseFileLock:
    """Keep all other threads and processes out, until the lock is released.

    Raises:
        TimeoutError: If another one has it for longer than `patience` seconds.
        OSError: If it cannot be written.
    """
    from filelock import FileLock

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A lock of its own each time: threads exclude each other as processes do, and a fork
    # inherits nothing.
    one = FileLock(path, timeout=patience, mode=0o600)
    one.acquire(poll_interval=0.01)
    return one
