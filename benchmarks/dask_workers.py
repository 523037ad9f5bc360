"""Start of a Dask cluster with many workers, compared with sessions that only import Dask."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks.embedded import embedded_platform
from benchmarks.environments import clean_environment, last_line
from benchmarks.race import PROGRAMS
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Settings

WORKERS = (10, 25, 50)
_QUICK_WORKERS = (4, 8)
# A worker also starts its server, connects with TLS and registers.
MOST_TIMES_FLOOR = 2.0
_LONGEST = 900


def run(settings: Settings) -> Iterator[Table]:
    """Start clusters of several sizes, one after the other."""
    counts = _QUICK_WORKERS if settings.quick else WORKERS
    table = Table(
        "start of a Dask cluster on the embedded platform",
        notes=[
            "floor: as many sessions that only import the worker of Dask, until all have ended",
            f"limit of ours: {MOST_TIMES_FLOOR:g} x the floor until all workers are connected",
            "the processes of all workers share the cores of this machine",
        ],
    )
    if find_spec("distributed") is None:
        table.notes.append("not measured: the extra dask is not installed")
        yield table
        return
    for count in counts:
        table.rows.append(_row(count, [_lap(count) for _ in range(settings.rounds)]))
    yield table


def _lap(count: int) -> dict[str, Any]:
    with embedded_platform() as platform:
        task = {"url": platform.url, "token": platform.token, "workers": count}
        finished = subprocess.run(
            [sys.executable, str(PROGRAMS / "dask_cluster.py"), json.dumps(task)],
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(),
            timeout=_LONGEST,
        )
    try:
        lap: dict[str, Any] = json.loads(last_line(finished.stdout))
    except ValueError:
        return {"reason": last_line(finished.stderr or finished.stdout)}
    if lap["left"] or not lap["right"]:
        return {"reason": f"{lap['left']} sessions are left; results are right: {lap['right']}"}
    return lap


def _row(count: int, laps: list[dict[str, Any]]) -> dict[str, Cell]:
    if reasons := [lap["reason"] for lap in laps if "reason" in lap]:
        return {"workers": str(count), "note": reasons[0]}
    median = {name: statistics.median(lap[name] for lap in laps) for name in laps[0]}
    times = statistics.median(lap["ready"] / lap["floor"] for lap in laps)
    return {
        "workers": str(count),
        "floor s": median["floor"],
        "launched s": median["launched"],
        "connected s": median["ready"],
        "x floor": times,
        "ms a worker": 1000 * median["ready"] / count,
        "work ms": 1000 * median["work"],
        "closed s": median["closed"],
        "note": verdict(start=(times, MOST_TIMES_FLOOR)),
    }
