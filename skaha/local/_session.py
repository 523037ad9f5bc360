"""A session, its phases and its events, as the rooms of the platform hand them around."""

from enum import StrEnum

from attrs import frozen

KINDS = ("carta", "notebook", "desktop", "contributed", "headless", "firefly", "desktop-app")


class Phase(StrEnum):
    """How far a session has come; finer than the status that the wire shows."""

    QUEUED = "queued"
    STARTING = "starting"
    PULLING = "pulling"
    UNREADY = "unready"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def status(self) -> str:
        """The wire's word for this phase."""
        return _STATUS.get(self, "Pending")


# The phases in which processes run.
ALIVE = frozenset({Phase.UNREADY, Phase.RUNNING})

_STATUS = {Phase.RUNNING: "Running", Phase.COMPLETED: "Completed", Phase.FAILED: "Failed"}


@frozen(kw_only=True)
class Session:
    """One session, or one app of a desktop (then `id` is the desktop's and `appid` its own).

    Attributes:
        seq: Its place in the order of arrival; 0 until the store has given one.
        cores: Cores requested, which may be more than were asked for (flexible sessions).
        ram: GiB requested.
        cores_limit: Cores that it may use.
        ram_limit: GiB that it may use.
        gpus: GPUs asked for.
        fixed: Whether the memory requested is also the limit.
        started: Seconds of the epoch, None until the session has left the queue.
        ended: Seconds of the epoch, None until it has ended.
        lifetime: Seconds from start to expiry.
        deleted: Its owner has deleted it, only its processes may still be there.
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
    env: tuple[tuple[str, str], ...] = ()
    created: float
    started: float | None = None
    ended: float | None = None
    lifetime: float
    deleted: bool = False

    @property
    def active(self) -> bool:
        """Whether the platform has begun with it and it has not ended."""
        return self.phase in {Phase.STARTING, Phase.PULLING, Phase.UNREADY, Phase.RUNNING}


@frozen
class Event:
    """One line of a session's events; `at` is None where the platform leaves the time out."""

    type: str
    reason: str
    message: str
    at: float | None = None
