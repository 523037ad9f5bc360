"""Public values: the address and the status of an embedded platform."""

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
