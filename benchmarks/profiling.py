"""CPU time of a request by layer: this library, the generated client, httpx and lower layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks.contestants import OURS
from benchmarks.race import platform, race
from benchmarks.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Outcome, Settings

LATENCY = 0.001
CONCURRENCY = 64


def run(settings: Settings) -> Iterator[Table]:
    """Profile the same launch in both variants."""
    items = 128 if settings.quick else 512
    contestants = [evolve(contestant, driver="profiled.py") for contestant in OURS]
    with platform(LATENCY) as server:
        task = server.task("create", items, CONCURRENCY)
        outcomes = race(contestants, [task] * len(contestants), 1)
    for part in ("layers", "functions"):
        for outcome in outcomes.values():
            yield _table(outcome, part)


def _table(outcome: Outcome, part: str) -> Table:
    table = Table(f"CPU of one create, {outcome.contestant.name}: {part}")
    if outcome.reason:
        table.notes.append(f"not measured: {outcome.reason}")
        return table
    [lap] = outcome.laps
    table.notes.append(
        f"one run; {lap['cpu_ms']:.2f} ms a request without the profiler, in the shares that the "
        "profiler measured; a built-in function counts for its caller"
    )
    table.rows = [
        {part: name, "%": share * 100, "ms/request": share * lap["cpu_ms"]}
        for name, share in lap[part].items()
    ]
    return table
