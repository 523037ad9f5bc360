"""Words and records of the platform, credentials for registries, and secret texts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import (
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Self,
    SupportsIndex,
    TypeAlias,
    TypedDict,
)

__all__ = [
    "KINDS",
    "STATUS",
    "VIEW",
    "Capability",
    "ContainerRegistry",
    "ContextRecord",
    "CoreStatsRecord",
    "ImageRecord",
    "InstanceStatsRecord",
    "Interface",
    "LaunchOptions",
    "MaxCoresRecord",
    "MaxRamRecord",
    "Progress",
    "PublicSessionRecord",
    "RamStatsRecord",
    "ResourceLimitsRecord",
    "SecretText",
    "SessionRecord",
    "StatsRecord",
]

KINDS: TypeAlias = Literal[
    "carta", "contributed", "desktop", "desktop-app", "firefly", "headless", "notebook"
]
"""Kinds of sessions. A `desktop-app` can be listed, but only a desktop can launch one."""

STATUS: TypeAlias = Literal[
    "Pending", "Running", "Terminating", "Succeeded", "Completed", "Failed", "Error", "Unknown"
]
"""Statuses of a session. `Succeeded` and `Completed` mean the same."""

VIEW: TypeAlias = Literal["all", "interactive"]
"""List of `all` users, or of the caller's `interactive` sessions (not headless)."""

Progress: TypeAlias = Callable[[int, int], object]
"""A function that receives the number of finished items of a call, and the number of all items.

It is called in the thread of the caller: first with 0, then whenever more items are finished, with
or without success, and never after the call. An exception in it stops the call, like Ctrl-C.
"""


class PublicSessionRecord(TypedDict):
    """The public fields of a session: an item of `fetch(view="all")`.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> mine: list[PublicSessionRecord] = session.fetch(view="all")
    """

    userid: str
    type: str
    status: str
    startTime: NotRequired[str]


class SessionRecord(PublicSessionRecord):
    """The record of one session.

    An unknown value is absent, empty, or `"<none>"`, depending on the version of the platform.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> mine: list[SessionRecord] = session.fetch()
    """

    id: str
    runAsUID: str
    runAsGID: str
    supplementalGroups: list[int]
    appid: NotRequired[str]
    image: str
    name: str
    expiryTime: NotRequired[str]
    connectURL: str
    requestedRAM: NotRequired[str]
    requestedCPUCores: NotRequired[str]
    requestedGPUCores: str
    ramInUse: NotRequired[str]
    gpuRAMInUse: NotRequired[str]
    cpuCoresInUse: NotRequired[str]
    gpuUtilization: NotRequired[str]
    isFixedResources: NotRequired[bool]


class ImageRecord(TypedDict):
    """A public image.

    Example:
        >>> from skaha import Images
        >>> images = Images(server="local")
        >>> image: ImageRecord = images.details()[0]
        >>> image["id"].startswith("images.canfar.net/")
        True
    """

    id: str
    types: NotRequired[list[str]]
    digest: NotRequired[str]


class ResourceLimitsRecord(TypedDict, total=False):
    """The allowed and the default amounts of one resource.

    Example:
        >>> from skaha import Context
        >>> context = Context(server="local")
        >>> cores: ResourceLimitsRecord = context.resources()["cores"]
        >>> 1 in cores["options"]
        True
    """

    default: float
    defaultRequest: float
    defaultLimit: float
    defaultHeadless: float
    options: list[float]


class ContextRecord(TypedDict, total=False):
    """The resources that a session may request.

    Example:
        >>> from skaha import Context
        >>> context = Context(server="local")
        >>> allowed: ContextRecord = context.resources()
        >>> 4 in allowed["memoryGB"]["options"]
        True
    """

    cores: ResourceLimitsRecord
    memoryGB: ResourceLimitsRecord
    gpus: ResourceLimitsRecord
    maxInteractiveSessions: str | int


class InstanceStatsRecord(TypedDict, total=False):
    """Running sessions of all users; newer platforms do not send them.

    Example:
        >>> instances: InstanceStatsRecord = {"session": 41, "headless": 230, "total": 271}
        >>> instances["total"]
        271
    """

    session: int
    desktopApp: int
    headless: int
    total: int


class MaxCoresRecord(TypedDict, total=False):
    """The largest number of CPU cores for one session, and the memory of such a session.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> largest: MaxCoresRecord = session.stats()["cores"]["maxCPUCores"]
        >>> sorted(largest)
        ['cpuCores', 'withRam']
    """

    cpuCores: float
    withRam: str


class CoreStatsRecord(TypedDict, total=False):
    """CPU cores of all users together.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> cores: CoreStatsRecord = session.stats()["cores"]
        >>> sorted(cores)
        ['cpuCoresAvailable', 'maxCPUCores', 'requestedCPUCores']
    """

    requestedCPUCores: float
    cpuCoresAvailable: float
    maxCPUCores: MaxCoresRecord


class MaxRamRecord(TypedDict, total=False):
    """The largest memory for one session, and the CPU cores of such a session.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> largest: MaxRamRecord = session.stats()["ram"]["maxRAM"]
        >>> sorted(largest)
        ['ram', 'withCPUCores']
    """

    ram: str
    withCPUCores: float


class RamStatsRecord(TypedDict, total=False):
    """Memory of all users together, as texts with a unit.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> ram: RamStatsRecord = session.stats()["ram"]
        >>> ram["requestedRAM"].endswith("G")
        True
    """

    requestedRAM: str
    ramAvailable: str
    maxRAM: MaxRamRecord


class StatsRecord(TypedDict, total=False):
    """Use and capacity of the whole platform.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> stats: StatsRecord = session.stats()
        >>> stats["cores"]["cpuCoresAvailable"] > 0
        True
    """

    instances: InstanceStatsRecord
    cores: CoreStatsRecord
    ram: RamStatsRecord


class LaunchOptions(TypedDict, total=False):
    """The optional arguments of `create`.

    Example:
        >>> from skaha import Session
        >>> options: LaunchOptions = {"cores": 1, "ram": 1, "cmd": "true"}
        >>> session = Session(server="local")
        >>> session.run("quick", "images.canfar.net/skaha/terminal:1.1.2", **options)
        {'quick-1': ''}
    """

    cores: float | None
    ram: float | None
    kind: KINDS
    gpu: int | None
    cmd: str | None
    args: str | None
    env: dict[str, Any] | None
    replicas: int
    at_most: int | None


def plain_text(text: str) -> str:
    """Return the characters of a text. The `str` of a member of an enumeration is its name.

    Example:
        >>> import enum
        >>> Band = enum.Enum("Band", {"RED": "r"}, type=str)
        >>> str(Band.RED), plain_text(Band.RED)
        ('Band.RED', 'r')
    """
    return str.__str__(text)


class SecretText(str):
    """A text that its `repr` does not show. Everything secret in this library is such a text.

    Example:
        >>> token = SecretText("a-secret")
        >>> token, token == "a-secret"
        (..., True)
    """

    __slots__ = ()

    def __new__(cls, value: object = "") -> Self:
        """Return the characters of a text, or the text of another value."""
        return super().__new__(cls, plain_text(value) if isinstance(value, str) else value)

    def __repr__(self) -> str:
        """Return three dots."""
        return "..."

    def __getitem__(self, key: SupportsIndex | slice) -> SecretText:
        """Return a part, which is secret, too: some tools show the beginning of a long text."""
        return SecretText(super().__getitem__(key))


# The amounts that `create` requests by default: CPU cores, and GiB of memory.
DEFAULT_CORES, DEFAULT_RAM = 2, 4

# The largest number that the platform can read, and the most seconds that a program can wait for:
# 68 years.
LARGEST_NUMBER = 2**31 - 1


def _secret_text(value: object) -> SecretText:
    """Return a text as a secret; a value of another type is no text, so it becomes an empty one."""
    return SecretText(value if isinstance(value, str) else "")


def check_whole_number(name: str, value: object, minimum: int) -> int:
    """Return `value` if it is a whole number, `minimum` or more.

    Args:
        name: The name of the value in the message.
        value: The value to check.
        minimum: The smallest allowed number.

    Raises:
        skaha.errors.InvalidInputError: If it is something else.

    Example:
        >>> check_whole_number("replicas", 3, minimum=1)
        3
    """
    # Late imports for the start-up time: the errors import httpx.
    from numbers import Integral

    from skaha.errors import InvalidInputError

    # The whole numbers of NumPy are not of the type `int`.
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < minimum:
        raise InvalidInputError(
            f"{name} must be a whole number, {minimum} or more; not {_shown(value)}"
        )
    if int(value) > LARGEST_NUMBER:
        raise InvalidInputError(f"{name} must be {LARGEST_NUMBER} or less")
    return int(value)


def check_number(
    name: str, value: object, *, maximum: float, unit: str = "", or_zero: bool = False
) -> float:
    """Return `value` as an `int` or a `float` if it is a number in the allowed range.

    Args:
        name: The name of the value in the message.
        value: The value to check.
        maximum: The largest allowed number.
        unit: The noun after the numbers in the message, with a blank before it.
        or_zero: Whether 0 is allowed.

    Raises:
        skaha.errors.InvalidInputError: If it is something else.

    Example:
        >>> check_number("cores", 0.5, maximum=64)
        0.5
    """
    from numbers import Real

    from skaha.errors import InvalidInputError

    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInputError(f"{name} must be a number{unit and f' of{unit}'}; not {value!r}")
    number: Any = value
    # NaN is neither more nor less than any number.
    if not (number >= 0 if or_zero else number > 0):
        least = f"0{unit} or more" if or_zero else f"more than 0{unit}"
        raise InvalidInputError(f"{name} must be {least}; not {_shown(value)}")
    if number > maximum:
        raise InvalidInputError(f"{name} must be {maximum}{unit} or less")
    # Also of a member of an enumeration, whose `str` is its name.
    return int(number) if isinstance(number, int) else float(number)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python does not convert a number with thousands of digits.
        return "a number with thousands of digits"


class ContainerRegistry:
    """Credentials for a private container registry.

    Args:
        url: Host of the registry.
        username: Name of the user; without a colon.
        secret: Password or command-line secret of the user; without a colon.

    Raises:
        skaha.errors.InvalidInputError: If a value is empty, or the name or secret has a colon.

    Example:
        >>> registry = ContainerRegistry("images.canfar.net", "vrubin", "a-secret")
        >>> registry
        ContainerRegistry(url='images.canfar.net', username='vrubin')
    """

    def __init__(
        self, url: str = "images.canfar.net", username: str = "", secret: str = ""
    ) -> None:
        """Check the values. The platform splits the username and the secret at the colon."""
        from skaha.errors import InvalidInputError

        # Tracebacks may show local variables: keep no secret as a plain text.
        secret = _secret_text(secret)
        parts: dict[str, object] = {"url": url, "username": username, "secret": secret}
        for name, value in parts.items():
            if not isinstance(value, str) or not value or not value.isprintable():
                raise InvalidInputError(
                    f"the registry's {name} must be a printable text that is not empty"
                )
        if ":" in username or ":" in secret:
            raise InvalidInputError("the registry's username and secret may not contain a colon")
        self.url = plain_text(url)
        self.username = plain_text(username)
        self.secret = secret

    def __repr__(self) -> str:
        """Return the registry without the secret."""
        # A traceback may show an object without them: its constructor has failed.
        url, username = getattr(self, "url", ""), getattr(self, "username", "")
        return f"ContainerRegistry(url={url!r}, username={username!r})"

    def encoded(self) -> SecretText:
        """Return `username:secret` in base64, as the platform expects it."""
        credentials = f"{self.username}:{self.secret}".encode()
        return SecretText(base64.b64encode(credentials).decode())


class Interface(NamedTuple):
    """One address of a capability of the service.

    Attributes:
        url: The address.
        security: Identifiers of the accepted kinds of credentials; empty if the service does not
            state them.
        version: Version of the interface; `None` if the service does not state it.

    Example:
        >>> Interface("https://example.org/skaha/availability").security
        ()
    """

    url: str
    security: tuple[str, ...] = ()
    version: str | None = None


class Capability(NamedTuple):
    """A capability of the service.

    Attributes:
        standard: Identifier of its IVOA standard.
        interfaces: The addresses of the capability.

    Example:
        >>> Capability("ivo://ivoa.net/std/VOSI#availability").interfaces
        ()
    """

    standard: str
    interfaces: tuple[Interface, ...] = ()
