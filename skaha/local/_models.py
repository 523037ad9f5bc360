"""Public values: the address, the status and the page of an embedded platform."""

from attrs import field, frozen


@frozen
class Address:
    """The URL and the token of a running platform.

    Attributes:
        url: The base URL, like ``http://127.0.0.1:41234/skaha``.
        token: The bearer token of this run of the platform. The representation hides it.

    Example:
        >>> from skaha.local import find_or_start
        >>> address = find_or_start()
        >>> address
        Address(url='http://127.0.0.1:.../skaha')
        >>> headers = {"Authorization": f"Bearer {address.token}"}
    """

    url: str
    token: str = field(repr=False)


@frozen
class Status:
    """The URL and the process id of a running platform.

    Attributes:
        url: The base URL, like ``http://127.0.0.1:41234/skaha``.
        pid: The process id of the daemon.

    Example:
        >>> from skaha.local import find_or_start, status
        >>> address = find_or_start()
        >>> status()
        Status(url='http://127.0.0.1:.../skaha', pid=...)
    """

    url: str
    pid: int


@frozen
class Page:
    """The address of the web page with the sessions.

    Attributes:
        url: The address, like ``http://127.0.0.1:41234/page/#code``. The code after the ``#`` opens
            the page once. The representation hides the address.
        seconds: The time in seconds that the code is valid.
        opened: Whether a browser was started with this address. It uses the code.

    Example:
        >>> from skaha.local import open_page
        >>> page = open_page(browser=False)
        >>> page.url
        'http://127.0.0.1:.../page/#...'
        >>> page
        Page(seconds=30.0, opened=False)
    """

    url: str = field(repr=False)
    seconds: float
    opened: bool
