"""The embedded platform: a Skaha platform on this machine, for this user.

Headless sessions run as real processes. Their ids, statuses, logs, events, limits and error texts
match a real platform. The platform needs the extra ``local``.

Example:
    >>> from skaha.local import find_or_start
    >>> find_or_start().url
    'http://127.0.0.1:.../skaha'
"""

from pathlib import Path

from skaha.local._errors import PlatformError, check_installed, platform_errors
from skaha.local._models import Address, Page, Status
from skaha.local._options import Options

__all__ = [
    "Address",
    "Options",
    "Page",
    "PlatformError",
    "Status",
    "check_installed",
    "find_or_start",
    "open_page",
    "reset",
    "status",
    "stop",
]


def find_or_start(state: Path | None = None, options: Options | None = None) -> Address:
    """Return the address of this user's platform; start the platform if it does not run.

    The platform runs in the background. It ends itself after one hour without a request and
    without an active session. Several processes may call this function at the same time: they get
    the same platform.

    Args:
        state: The state directory of the platform. The default is the value of the environment
            variable ``SKAHA_LOCAL_STATE``, or else a directory of the user.
        options: Options for the start. A platform that runs already cannot take them.

    Returns:
        The URL and the token.

    Raises:
        PlatformError: The platform does not start or does not respond, or it runs already and
            `options` are given. The message explains the solution.

    Example:
        >>> from skaha import Session
        >>> address = find_or_start()
        >>> with Session(server=address.url, token=address.token) as session:
        ...     session.fetch()
        []
    """
    with platform_errors():
        from skaha.local import _daemon

        return _daemon.find_or_start(state, options)


def open_page(state: Path | None = None, *, browser: bool = True) -> Page:
    """Open the web page with the sessions of this user's platform; start the platform if needed.

    The page shows the sessions live, with their logs and events, and can end them. Only a browser
    on this machine can open it. Its address contains a code, which is valid for 30 seconds and for
    one use.

    Args:
        state: The state directory of the platform, as for `find_or_start`.
        browser: `False` to start no browser. No browser is started either if there is no display.

    Returns:
        The address with the code, and whether a browser was started.

    Raises:
        PlatformError: The platform does not start or does not respond, or an older version without
            this page started it. The message explains the solution.

    Example:
        >>> page = open_page(browser=False)
        >>> print("Open this address within 30 seconds:", page.url)
        Open this address within 30 seconds: http://127.0.0.1:.../page/#...
    """
    with platform_errors():
        from skaha.local import _open_page

        return _open_page.open_page(state, browser=browser)


def status(state: Path | None = None) -> Status | None:
    """Return the URL and the process id of this user's platform.

    Args:
        state: The state directory of the platform, as for `find_or_start`.

    Returns:
        The status, or `None` if the platform does not run.

    Raises:
        PlatformError: The state directory cannot be used. The message explains the solution.

    Example:
        >>> address = find_or_start()
        >>> running = status()
        >>> running.url == address.url
        True
    """
    with platform_errors():
        from skaha.local import _daemon

        return _daemon.status(state)


def stop(state: Path | None = None) -> bool:
    """End this user's platform and all processes of its sessions; keep the list of sessions.

    Args:
        state: The state directory of the platform, as for `find_or_start`.

    Returns:
        Whether the platform was running.

    Raises:
        PlatformError: The platform does not end. The message explains the solution.

    Example:
        >>> address = find_or_start()
        >>> stop()
        True
        >>> stop()
        False
    """
    with platform_errors():
        from skaha.local import _daemon

        return _daemon.stop(state)


def reset(state: Path | None = None) -> None:
    """End this user's platform and all processes of its sessions; delete all its records.

    This works without the database, for example if it is damaged.

    Args:
        state: The state directory of the platform, as for `find_or_start`.

    Raises:
        PlatformError: The platform or a process does not end. The message explains the solution.

    Example:
        >>> reset()
        >>> print(status())
        None
    """
    with platform_errors():
        from skaha.local import _daemon

        _daemon.reset(state)
