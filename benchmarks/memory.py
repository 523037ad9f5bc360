"""Memory, tasks and threads of a launch with many replicas."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks.contestants import OURS, PUBLISHED_ASYNC
from benchmarks.race import platform, race
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Outcome, Settings

LATENCY = 0.005
CONCURRENCY = 64
MAX_BYTES = 3000
# Tasks and threads: one for each request in flight, up to three more for each while its connection
# tries several addresses, and two that wait for all others. The number of replicas must not matter.
MAX_SIMULTANEOUS = 4 * CONCURRENCY + 2


def run(settings: Settings) -> Iterator[Table]:
    """Trace the memory of one large launch."""
    replicas = 2000 if settings.quick else 10_000
    contestants = [
        evolve(contestant, driver="growth.py") for contestant in [*OURS, *PUBLISHED_ASYNC]
    ]
    with platform(LATENCY) as server:
        task = server.task("create", replicas, CONCURRENCY)
        outcomes = race(contestants, [task] * len(contestants), settings.rounds)
    table = Table(f"create of {replicas}, {CONCURRENCY} in flight")
    table.notes.append(
        "bytes a replica: the peak of what Python allocated, without the ids and names; at once: "
        f"maximum of all rounds; our limits: {MAX_BYTES} bytes, {MAX_SIMULTANEOUS} at once"
    )
    table.rows += [_row(outcome) for outcome in outcomes.values()]
    yield table


def _row(outcome: Outcome) -> dict[str, Cell]:
    contestant = outcome.contestant
    if outcome.reason:
        return {"contestant": contestant.name, "note": outcome.reason}
    size = statistics.median(lap["bytes"] for lap in outcome.laps)
    threads = max(lap["threads"] for lap in outcome.laps)
    tasks = max(lap["tasks"] for lap in outcome.laps)
    note = ""
    if contestant.ours:
        limit = float(MAX_SIMULTANEOUS)
        note = verdict(bytes=(size, MAX_BYTES), tasks=(tasks, limit), threads=(threads, limit))
    return {
        "contestant": contestant.name,
        "bytes a replica": int(size),
        "tasks at once": tasks,
        "threads at once": threads,
        "note": note,
    }
