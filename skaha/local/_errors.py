"""The public error of the embedded platform, and the checks that lead to it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


class PlatformError(RuntimeError):
    """The embedded platform cannot be used; the message explains the solution."""


@contextmanager
def platform_errors() -> Iterator[None]:
    """Refuse an unsupported system, and convert the errors of a full disk.

    Raises:
        PlatformError: The system has no process groups and file locks, or a disk is full.
    """
    if os.name != "posix":
        raise PlatformError("the embedded platform needs Linux or macOS (on Windows, use WSL)")
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise PlatformError(f"{error}: make room on this disk and try again") from error
