"""What many replicas cost in memory, and how many tasks and threads there are at once."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.contestants import OURS, PUBLISHED_ASYNC
from benchmarks.race import platform, race
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Outcome, Settings

LATENCY = 0.005
CONCURRENCY = 64
MOST_BYTES = 3000
# One for each lane, up to three more while it connects, as addresses race, and what waits for all:
# it grows with what is in flight, never with the replicas.
MOST_AT_ONCE = 4 * CONCURRENCY + 2


def run(settings: Settings) -> Iterator[Table]:
    """Trace the memory of one large launch."""
    replicas = 2000 if settings.quick else 10_000
    contestants = [replace(one, driver="growth.py") for one in [*OURS, *PUBLISHED_ASYNC]]
    with platform(LATENCY) as server:
        task = server.task("create", replicas, CONCURRENCY)
        outcomes = race(contestants, [task] * len(contestants), settings.rounds)
    table = Table(f"create of {replicas}, {CONCURRENCY} in flight")
    table.notes.append(
        "bytes a replica: the peak of what Python allocated, without the ids and names; at once: "
        f"the most of all rounds; limits of ours: {MOST_BYTES} bytes, {MOST_AT_ONCE} at once"
    )
    table.rows += [_row(one) for one in outcomes.values()]
    yield table


def _row(outcome: Outcome) -> dict[str, Cell]:
    contestant = outcome.contestant
    if outcome.reason:
        return {"contestant": contestant.name, "note": outcome.reason}
    size = statistics.median(lap["bytes"] for lap in outcome.laps)
    threads, tasks = (max(lap[what] for lap in outcome.laps) for what in ("threads", "tasks"))
    note = ""
    if contestant.ours:
        most = float(MOST_AT_ONCE)
        note = verdict(bytes=(size, MOST_BYTES), tasks=(tasks, most), threads=(threads, most))
    return {
        "contestant": contestant.name,
        "bytes a replica": int(size),
        "tasks at once": tasks,
        "threads at once": threads,
        "note": note,
    }
