"""Calls with many sessions: wall time, and CPU time for each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestants import (
    AIOHTTP,
    HTTPX,
    OURS,
    OWN_CONNECTIONS,
    PUBLISHED_ASYNC,
    PUBLISHED_SYNC,
)
from benchmarks.race import platform, race
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Outcome, Platform, Settings

LATENCY = 0.05
CONCURRENCY = 64
OTHER_CONCURRENCIES = (16, 32, 128)
# The limits of the issue hold for 64 and more requests in flight.
MOST_TIMES_AIOHTTP = {128: 1.6}
MOST_CPU = 0.75
_SEQUENTIAL_ITEMS = 32


def run(settings: Settings) -> Iterator[Table]:
    """Time each operation with one concurrency, then one operation with other concurrencies."""
    items = 128 if settings.quick else 512
    with platform(LATENCY) as server:
        for operation in ("create", "info", "logs", "destroy"):
            yield _compare(settings, server, operation, items, CONCURRENCY)
        for concurrency in OTHER_CONCURRENCIES:
            yield _compare(settings, server, "create", items, concurrency)


def _compare(
    settings: Settings, server: Platform, operation: str, items: int, concurrency: int
) -> Table:
    contestants = [AIOHTTP, *OURS, *HTTPX, *PUBLISHED_ASYNC]
    if concurrency == CONCURRENCY:  # sequential clients do not depend on the concurrency
        contestants += PUBLISHED_SYNC
    tasks = [
        server.task(operation, _SEQUENTIAL_ITEMS if contestant.sequential else items, concurrency)
        for contestant in contestants
    ]
    outcomes = race(contestants, tasks, settings.rounds)
    ideal = items / concurrency * LATENCY
    table = Table(
        f"{operation} of {items}, {concurrency} in flight, {LATENCY * 1000:.0f} ms each",
    )
    table.notes.append(
        f"ideal is N/c x latency; limits of ours: {MOST_TIMES_AIOHTTP} x aiohttp, "
        f"{MOST_CPU_MS} ms of CPU a request"
    )
    table.rows.append({"contestant": "ideal", "wall s": ideal, "x ideal": 1.0})
    floor = outcomes[AIOHTTP.name]
    table.rows += [_row(outcome, floor, items, ideal) for outcome in outcomes.values()]
    return table


def _row(outcome: Outcome, floor: Outcome, items: int, ideal: float) -> dict[str, Cell]:
    contestant = outcome.contestant
    if outcome.reason:
        return {"contestant": contestant.name, "note": outcome.reason}
    measured = _SEQUENTIAL_ITEMS if contestant.sequential else items
    wall = outcome.median("wall") * items / measured
    cpu = outcome.median("cpu") / measured * 1000
    times_floor = None if floor.reason else outcome.ratio(floor, "wall") * items / measured
    note = ""
    if contestant.sequential:
        note = f"one at a time: {measured} measured, wall scaled to {items}"
    elif times_floor is None:
        note = f"not judged: no {AIOHTTP.name}"
    elif contestant.ours:
        note = verdict(wall=(times_floor, MOST_TIMES_AIOHTTP), cpu=(cpu, MOST_CPU_MS))
    return {
        "contestant": contestant.name,
        "wall s": wall,
        "x ideal": wall / ideal,
        "x aiohttp": times_floor,
        "cpu ms/request": cpu,
        "connections": int(outcome.median("connections")),
        "in flight": int(outcome.median("peak")),
        "note": note,
    }
