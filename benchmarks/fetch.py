"""Fetch of many sessions, compared with the time to parse its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestants import AIOHTTP, HTTPX, JSON_LOADS, OURS, PUBLISHED_ASYNC, PUBLISHED_SYNC
from benchmarks.race import platform, race
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Outcome, Settings

SESSIONS = 5000
MAX_RATIO_TO_JSON = 5.0
_CALLS = 7


def run(settings: Settings) -> Iterator[Table]:
    """Time fetches from a server without latency."""
    contestants = [JSON_LOADS, AIOHTTP, *OURS, *HTTPX, *PUBLISHED_ASYNC, *PUBLISHED_SYNC]
    with platform(0, sessions=SESSIONS) as server:
        task = server.task("fetch", SESSIONS, 1, _CALLS)
        outcomes = race(contestants, [task] * len(contestants), settings.rounds)
    floor = outcomes[JSON_LOADS.name]
    size = floor.laps[0]["bytes"] / 1e6 if floor.laps else 0
    table = Table(
        f"fetch of {SESSIONS} sessions ({size:.1f} MB), no latency",
        notes=[f"our limit: {MAX_RATIO_TO_JSON:g} x the json.loads of the same bytes"],
    )
    table.rows += [_row(outcome, floor) for outcome in outcomes.values()]
    yield table


def _row(outcome: Outcome, floor: Outcome) -> dict[str, Cell]:
    name = outcome.contestant.name
    if outcome.reason or floor.reason:
        return {"contestant": name, "note": outcome.reason or floor.reason}
    times = outcome.ratio(floor, "wall")
    return {
        "contestant": name,
        "wall ms": outcome.median("wall") * 1000,
        "cpu ms": outcome.median("cpu") * 1000,
        "x json.loads": times,
        "note": verdict(wall=(times, MAX_RATIO_TO_JSON)) if outcome.contestant.ours else "",
    }
