"""What whoever starts a platform may choose about it."""

from pathlib import Path

from attrs import frozen

HEADLESS_LIFETIME = 14 * 24 * 3600.0
INTERACTIVE_LIFETIME = 4 * 24 * 3600.0
HEADLESS_RETENTION = 3600.0
INTERACTIVE_RETENTION = 24 * 3600.0
EVENTS_KEPT = 3600.0


@frozen(kw_only=True)
class Options:
    """Choices for one run of the platform.

    Attributes:
        time_scale: Factor on every lifetime and retention, so that a test sees days pass.
        start_delay: Seconds a session stays `Pending` at least.
        grace: Seconds between asking a process to end and killing it.
        idle: Seconds without a request or a session at work after which the platform
            ends itself; None means never.
        cores: How many cores to schedule on; None means those of the machine.
        ram: How many GiB to schedule on; None means those of the machine.
        stats: Whether there are statistics; many sites have none.
        profile: The release of the server to be like: `v1`, or `v0` for the one before.
        runtime: How sessions run: `process` or `container`.
        faults: A file that says what shall go wrong, read whenever it changes.
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
    faults: Path | None = None

    def lifetime(self, kind: str) -> float:
        """Return how many seconds a session of this kind may run."""
        full = HEADLESS_LIFETIME if kind == "headless" else INTERACTIVE_LIFETIME
        return full * self.time_scale

    @property
    def renewal(self) -> float:
        """How many seconds a renewed session has left; the same for every kind."""
        return INTERACTIVE_LIFETIME * self.time_scale

    def retention(self, kind: str) -> float:
        """Return how many seconds a finished session of this kind stays listed."""
        full = HEADLESS_RETENTION if kind == "headless" else INTERACTIVE_RETENTION
        return full * self.time_scale

    @property
    def events_kept(self) -> float:
        """How many seconds an event is remembered."""
        return EVENTS_KEPT * self.time_scale
