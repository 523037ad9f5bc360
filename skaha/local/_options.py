"""Options for the start of a platform."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, SupportsIndex

from attrs import Attribute, converters, field, frozen, validators

from skaha.local._errors import PlatformError

PROFILES = ("v1", "v0")
RUNTIMES = ("process", "container")


def _absolute(path: str | Path) -> Path:
    # The daemon works in another directory than its caller.
    return Path(path).absolute()


def _number(value: object) -> float:
    """Return a number; for any other value NaN, which is in no range."""
    return float(value) if isinstance(value, SupportsIndex | float) else math.nan


def _above_zero(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not 0 < _number(value) < math.inf:
        raise PlatformError(f"{attribute.name} must be a number above 0; not {value!r}")


def _zero_or_more(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not 0 <= _number(value) < math.inf:
        raise PlatformError(f"{attribute.name} must be a number, 0 or more; not {value!r}")


def _known(_: object, attribute: "Attribute[Any]", value: object) -> None:
    known = {"profile": PROFILES, "runtime": RUNTIMES}[attribute.name]
    if value not in known:
        raise PlatformError(f"{attribute.name} must be {' or '.join(known)}; not {value!r}")


@frozen(kw_only=True)
class Options:
    """Options for the start of a platform.

    Attributes:
        time_scale: The factor on all lifetimes and retention times. With 0.001, a day takes 86
            seconds.
        start_delay: The minimum time in seconds that a session stays `Pending`.
        grace: The time in seconds between the request to end (SIGTERM) and the kill (SIGKILL).
        idle: The time in seconds without a request and without an active session after which the
            platform ends itself. `None` means never, but one hour for `find_or_start`.
        cores: The number of cores to schedule on. The default is that of the machine.
        ram: The memory to schedule on, in GiB. The default is that of the machine.
        stats: Whether the platform has statistics. Many sites have none.
        profile: The release of the server: ``"v1"``, or ``"v0"`` for the older release.
        runtime: The way to run sessions: ``"process"`` or ``"container"``.
        faults: A JSON file with the faults to inject. The platform reads it again after each
            change.

    Raises:
        PlatformError: A value is not allowed.

    Example:
        >>> from skaha.local import Options, find_or_start
        >>> address = find_or_start(options=Options(cores=2, ram=8, profile="v0"))
    """

    time_scale: float = field(default=1.0, validator=_above_zero)
    start_delay: float = field(default=0.0, validator=_zero_or_more)
    grace: float = field(default=10.0, validator=_zero_or_more)
    idle: float | None = field(default=None, validator=validators.optional(_zero_or_more))
    cores: float | None = field(default=None, validator=validators.optional(_above_zero))
    ram: float | None = field(default=None, validator=validators.optional(_above_zero))
    stats: bool = True
    profile: str = field(default="v1", validator=_known)
    runtime: str = field(default="process", validator=_known)
    faults: Path | None = field(default=None, converter=converters.optional(_absolute))


def as_flags(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the command-line flags of ``python -m skaha.local serve`` for these options."""
    for name, value in options.items():
        flag = name.replace("_", "-")
        if value is False:
            yield f"--no-{flag}"
        elif value is not True:
            yield f"--{flag}={value}"
