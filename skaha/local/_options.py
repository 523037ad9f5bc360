"""Options for the start of a platform."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import converters, field, frozen


def _absolute(path: str | Path) -> Path:
    # The daemon works in another directory than its caller.
    return Path(path).absolute()


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

    Example:
        >>> from skaha.local import Options, find_or_start
        >>> address = find_or_start(options=Options(cores=2, ram=8, profile="v0"))
    """

    time_scale: float = 1.0
    start_delay: float = 0.0
    grace: float = 10.0
    idle: float | None = None
    cores: float | None = None
    ram: float | None = None
    stats: bool = True
    profile: str = "v1"
    runtime: str = "process"
    faults: Path | None = field(default=None, converter=converters.optional(_absolute))


def as_flags(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the command-line flags of ``python -m skaha.local serve`` for these options."""
    for name, value in options.items():
        flag = name.replace("_", "-")
        if value is False:
            yield f"--no-{flag}"
        elif value is not True:
            yield f"--{flag}={value}"
