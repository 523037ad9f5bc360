"""Where the CPU of a request goes: ours, the generated client, httpx and below."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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
    contestants = [replace(one, driver="profiled.py") for one in OURS]
    with platform(LATENCY) as server:
        task = server.task("create", items, CONCURRENCY)
        outcomes = race(contestants, [task] * len(contestants), 1)
    for what in ("layers", "functions"):
        for outcome in outcomes.values():
            yield _table(outcome, what)


def _table(outcome: Outcome, what: str) -> Table:
    table = Table(f"CPU of one create, {outcome.contestant.name}: {what}")
    if outcome.reason:
        table.notes.append(f"not measured: {outcome.reason}")
        return table
    [found] = outcome.laps
    table.notes.append(
        f"one run; {found['cpu_ms']:.2f} ms a request without the profiler, shared out as it "
        "saw it; what is built in counts for who calls it"
    )
    table.rows = [
        {what: name, "%": share * 100, "ms/request": share * found["cpu_ms"]}
        for name, share in found[what].items()
    ]
    return table
