"""The public error of the embedded platform, and the checks that lead to it."""

import errno
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

# Packages of the extra `local`.
_PACKAGES = ("starlette", "uvicorn", "psutil", "python_multipart")

# The errors of a full disk, and of a disk quota.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class PlatformError(RuntimeError):
    """The embedded platform cannot be used; the message explains the solution."""


def check_installed() -> None:
    """Raise unless the packages of the extra `local` are installed.

    Raises:
        PlatformError: A package is missing. The message says how to install it.

    Example:
        >>> check_installed()
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        packages = ", ".join(missing)
        raise PlatformError(
            f"the embedded platform needs {packages}: pip install 'skaha[local]>=2'"
        )


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
        if error.errno not in DISK_FULL:
            raise
        raise PlatformError(f"{error}: make room on this disk and try again") from error
