"""The embedded platform: a Skaha platform on this machine, for this user.

Headless sessions run as real processes; everything about them (ids, states, logs, events, limits,
error texts) is as on the real platform. It needs the extra ``local``.

Example:
    >>> from skaha.local import find_or_start
    >>> find_or_start().url  # doctest: +SKIP
    'http://127.0.0.1:41234/skaha'
"""

from pathlib import Path

from skaha.local._address import Address, PlatformError, check_system

__all__ = ["Address", "PlatformError", "find_or_start"]


def find_or_start(state: Path | None = None) -> Address:
    """Return the address of this user's platform, starting it in the background if need be.

    However many processes call this at once, one platform runs. It ends itself after an hour
    without a request and without a session.

    Args:
        state: The directory it lives on; by default that of the user, which the environment
            variable ``SKAHA_LOCAL_STATE`` overrides.

    Raises:
        PlatformError: It cannot be had; the message says what to do.
    """
    check_system()
    from skaha.local import _daemon

    return _daemon.find_or_start(state)
