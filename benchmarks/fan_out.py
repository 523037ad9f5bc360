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

    from benchmarks.contestants import Contestant
    from benchmarks.race import Outcome, Platform, Settings

LATENCY = 0.05
CONCURRENCY = 64
OTHER_CONCURRENCIES = (16, 32, 128)
MAX_CPU = 0.75  # x the CPU time of httpx with own connections, the lowest possible value with httpx
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
    contestants = [AIOHTTP, *OURS, *OWN_CONNECTIONS, *HTTPX, *PUBLISHED_ASYNC]
    if concurrency == CONCURRENCY:  # sequential clients do not depend on the concurrency
        contestants += PUBLISHED_SYNC
    tasks = [
        server.task(operation, _measured(contestant, items), concurrency)
        for contestant in contestants
    ]
    outcomes = race(contestants, tasks, settings.rounds)
    ideal = items / concurrency * LATENCY
    table = Table(
        f"{operation} of {items}, {concurrency} in flight, {LATENCY * 1000:.0f} ms each",
    )
    table.notes.append(
        f"ideal is N/c x latency; our limits: {_max_wall(concurrency)} x the wall time of "
        f"aiohttp, {MAX_CPU} x the CPU time of httpx with own connections"
    )
    table.rows.append({"contestant": "ideal", "wall s": ideal, "x ideal": 1.0})
    aiohttp = outcomes[AIOHTTP.name]
    floors = {floor.variant: outcomes[floor.name] for floor in OWN_CONNECTIONS}
    for outcome in outcomes.values():
        row = _row(outcome, items, ideal)
        if not aiohttp.reason and not outcome.reason:
            scale = items / _measured(outcome.contestant, items)
            wall = outcome.ratio(aiohttp, "wall") * scale
            cpu = outcome.ratio(floors[outcome.contestant.variant], "cpu") * scale
            row |= {
                "x aiohttp": wall,
                "cpu x aiohttp": outcome.ratio(aiohttp, "cpu") * scale,
                "cpu x httpx": cpu,
            }
            if outcome.contestant.ours:
                row["note"] = verdict(wall=(wall, _max_wall(concurrency)), cpu=(cpu, MAX_CPU))
        table.rows.append(row)
    return table


def _max_wall(concurrency: int) -> float:
    """Return the limit of our wall time, as a multiple of aiohttp's."""
    return 1.3 if concurrency <= CONCURRENCY else 1.6


def _row(outcome: Outcome, items: int, ideal: float) -> dict[str, Cell]:
    if outcome.reason:
        return {"contestant": outcome.contestant.name, "note": outcome.reason}
    measured = _measured(outcome.contestant, items)
    wall = outcome.median("wall") * items / measured
    is_scaled = measured < items
    return {
        "contestant": outcome.contestant.name,
        "wall s": wall,
        "x ideal": wall / ideal,
        "x aiohttp": None,
        "cpu ms/request": outcome.median("cpu") / measured * 1000,
        "cpu x aiohttp": None,
        "cpu x httpx": None,
        "connections": int(outcome.median("connections")),
        "in flight": int(outcome.median("peak")),
        "note": f"one at a time: {measured} measured, scaled to {items}" if is_scaled else "",
    }


def _measured(contestant: Contestant, items: int) -> int:
    """Return the number of items of a contestant; it is smaller for sequential contestants."""
    return min(items, _SEQUENTIAL_ITEMS) if contestant.sequential else items
