"""What a caller needs to reach the embedded platform, and the one way it fails."""

import os

from attrs import field, frozen


class PlatformError(RuntimeError):
    """The embedded platform cannot be had; the message says what to do about it."""


def check_system() -> None:
    """Check that this system has what the platform is built on.

    Raises:
        PlatformError: It has no process groups and no file locks.
    """
    if os.name != "posix":
        raise PlatformError("the embedded platform needs Linux or macOS (on Windows, use WSL)")


@frozen
class Address:
    """Where a platform listens and the token it wants.

    Attributes:
        url: The base URL, like ``http://127.0.0.1:41234/skaha``.
        token: The bearer token of this daemon.
    """

    url: str
    token: str = field(repr=False)
