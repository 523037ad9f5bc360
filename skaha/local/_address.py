"""What a caller needs to reach the embedded platform, and the one way it fails."""

from attrs import field, frozen


class PlatformError(RuntimeError):
    """The embedded platform cannot be had; the message says what to do about it."""


@frozen
class Address:
    """Where a platform listens and the token it wants.

    Attributes:
        url: The base URL, like ``http://127.0.0.1:41234/skaha``.
        token: The bearer token of this daemon.
    """

    url: str
    token: str = field(repr=False)
