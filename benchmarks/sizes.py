"""Calls with up to 10,000 sessions: CPU time of each session, and its growth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from benchmarks.contestants import JSON_LOADS, OURS, OWN_CONNECTIONS
from benchmarks.race import platform, race
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.contestants import Contestant
    from benchmarks.race import Outcome, Settings

LATENCY = 0.005
CONCURRENCY = 64
SIZES = (100, 1000, 10_000)
_QUICK_SIZES = (100, 1000)
# The costs of a session must not depend on the number of sessions. A call also has costs of its
# own, which many sessions share, so the growth is that from the second size on. Garbage collection
# and the caches of the processor add to it.
MAX_GROWTH = 1.5
# Calls of each lap if a call is short.
_CALLS = 5


@frozen
class Operation:
    """One call of our classes, and the same requests without our library.

    Attributes:
        name: The name of the call in `stand-alone/sessions.py`.
        floor: The operation of the floor.
        max_ratio: Limit of our CPU time, as a multiple of the floor.
        sizes: Numbers of sessions.
        is_list: Whether one list of all sessions answers the call.
        status: The status of the listed sessions.
    """

    name: str
    floor: str
    max_ratio: float
    sizes: tuple[int, ...] = SIZES
    is_list: bool = False
    status: str = "Running"

    @property
    def floors(self) -> list[Contestant]:
        """The contestants with which ours are compared: one, or one for each variant."""
        return [JSON_LOADS] if self.is_list else OWN_CONNECTIONS


OPERATIONS = [
    # The target for a launch is that of the fan-out benchmark, with more latency and more rounds.
    Operation("create", "create", 1.25),
    Operation("create_many", "create", 1.25),
    # A list may cost 5 x json.loads; the statuses of all sessions are read and compared, too.
    Operation("wait", "fetch", 6.0, is_list=True),
    Operation("destroy_with", "destroy", 1.25),
    Operation("follow", "logs", 2.0, sizes=(10, 100, 1000), status="Completed"),
]


def run(settings: Settings) -> Iterator[Table]:
    """Compare each call with its floor, in several sizes."""
    for operation in OPERATIONS:
        yield _compare(settings, operation)


def _compare(settings: Settings, operation: Operation) -> Table:
    sizes = operation.sizes[:-1] if settings.quick else operation.sizes
    floor = "json.loads of the list" if operation.is_list else "httpx with own connections"
    table = Table(
        f"{operation.name} of {sizes[0]} to {sizes[-1]} sessions",
        notes=[
            f"floor: the CPU time of {floor}",
            f"our limits: {operation.max_ratio:g} x the floor, a growth of {MAX_GROWTH:g}",
            "no limits for the first size: a few sessions share the costs of the call itself",
        ],
    )
    smaller: dict[str, float] = {}
    for size in sizes:
        outcomes = _race(settings, operation, size)
        for outcome in outcomes.values():
            table.rows.append(_row(operation, size, outcome, outcomes, smaller))
    return table


def _race(settings: Settings, operation: Operation, size: int) -> dict[str, Outcome]:
    latency = 0 if operation.is_list else LATENCY
    contestants = [*operation.floors, *OURS]
    calls = _CALLS if operation.is_list or size < SIZES[-1] else 1
    with platform(latency, sessions=size, status=operation.status) as server:
        tasks = [
            server.task(
                operation.name if contestant.ours else operation.floor, size, CONCURRENCY, calls
            )
            for contestant in contestants
        ]
        return race(contestants, tasks, settings.rounds)


def _row(
    operation: Operation,
    size: int,
    outcome: Outcome,
    outcomes: dict[str, Outcome],
    smaller: dict[str, float],
) -> dict[str, Cell]:
    """Return the row of a contestant; `smaller` has its CPU time per session in the last size."""
    name, is_ours = outcome.contestant.name, outcome.contestant.ours
    row: dict[str, Cell] = {"contestant": name, "sessions": str(size)}
    variant = outcome.contestant.variant
    floors = [floor for floor in operation.floors if operation.is_list or floor.variant == variant]
    floor = outcomes[floors[0].name]
    if outcome.reason or floor.reason:
        return row | {"note": outcome.reason or floor.reason}
    cpu = outcome.median("cpu") / size
    times = outcome.ratio(floor, "cpu")
    growth = cpu / smaller[name] if name in smaller else None
    smaller[name] = cpu
    row |= {
        "wall ms": outcome.median("wall") * 1000,
        "cpu us/session": cpu * 1e6,
        "x floor": times,
        "growth": growth,
    }
    if is_ours:
        # The first sizes show the costs of the call itself.
        limits = {"cpu": (times, operation.max_ratio)} if growth is not None else {}
        if growth is not None:
            limits["growth"] = (growth, MAX_GROWTH)
        row["note"] = verdict(**limits)
    return row
