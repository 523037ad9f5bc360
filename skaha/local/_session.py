"""A session, its phases and its events."""

from enum import StrEnum

from attrs import field, frozen

KINDS = ("carta", "notebook", "desktop", "contributed", "headless", "firefly", "desktop-app")


class Phase(StrEnum):
    """The progress of a session; finer than the status in the API."""

    QUEUED = "queued"
    STARTING = "starting"
    PULLING = "pulling"
    UNREADY = "unready"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def status(self) -> str:
        """The status of this phase in the API."""
        return _STATUS.get(self, "Pending")


# The phases in which processes run.
PROCESS_PHASES = frozenset({Phase.UNREADY, Phase.RUNNING})
END_PHASES = frozenset({Phase.COMPLETED, Phase.FAILED})

_STATUS = {Phase.RUNNING: "Running", Phase.COMPLETED: "Completed", Phase.FAILED: "Failed"}


@frozen(kw_only=True)
class Session:
    """A session, or an app of a desktop. An app has the `id` of its desktop and its own `appid`.

    Attributes:
        seq: The position in the order of arrival; 0 until the store assigns it.
        cores: The requested cores. A flexible session gets a default request.
        ram: The requested memory in GiB.
        cores_limit: The cores that the session may use.
        ram_limit: The memory that the session may use, in GiB.
        gpus: The requested GPUs.
        fixed: Whether the requested memory is also the limit.
        created: The time of the launch, in seconds since the epoch.
        started: The time of the start, in seconds since the epoch. On v1, this is the time of the
            launch, because the job starts then; on v0, it is `None` for a queued session.
        ended: The time of the end, in seconds since the epoch; `None` before the end.
        lifetime: The time from the start to the expiry, in seconds.
        deleted: Whether the owner deleted the session; its processes may still run.
    """

    seq: int = 0
    id: str
    appid: str = ""
    name: str
    image: str
    kind: str
    phase: Phase = Phase.QUEUED
    cores: float
    ram: float
    gpus: int = 0
    cores_limit: float
    ram_limit: float
    fixed: bool
    cmd: str | None = None
    args: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    created: float
    started: float | None = None
    ended: float | None = None
    lifetime: float
    deleted: bool = False

    @property
    def active(self) -> bool:
        """Whether the session or its job has started and has not ended."""
        if self.phase is Phase.QUEUED:
            return self.started is not None
        return self.phase not in END_PHASES

    @property
    def expiry(self) -> float | None:
        """The time of the expiry, in seconds since the epoch; `None` before the start."""
        return None if self.started is None else self.started + self.lifetime


@frozen
class Event:
    """An event of a session; `at` is `None` if the real platform omits the time."""

    type: str
    reason: str
    message: str
    at: float | None = None
