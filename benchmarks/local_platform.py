"""The embedded platform with up to 1,000 live sessions: launches, lists, memory and CPU at rest.

The CPU times are those of the platform itself, without its sessions and without the client.
"""

from __future__ import annotations

import json
import subprocess
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.embedded import embedded_platform
from benchmarks.table import Cell, Table, verdict
from skaha import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Settings

SIZES = (10, 100, 1000)
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
CONCURRENCY = 64
# A launch is also a request, several writes to the database, and the events of the session. A list
# also has the use of cores and memory of each session.
MAX_LAUNCH_RATIO = 40.0
MAX_LIST_RATIO = 25.0
MAX_GROWTH = 1.5
MAX_MEBIBYTES = 80.0
MAX_CPU_AT_REST = 1.0
# Records in all lists together. The system counts CPU time in steps of 0.01 s.
_LISTED_RECORDS = 10_000
_REST_SECONDS = 5.0
_LONGEST = 600


def run(settings: Settings) -> Iterator[Table]:
    """Launch sessions that sleep, in several sizes, each on a platform of its own."""
    sizes: tuple[int, ...] = SIZES[:-1] if settings.quick else SIZES
    table = Table(
        f"the embedded platform with {sizes[0]} to {sizes[-1]} live sessions",
        notes=[
            "measured once, with any number of rounds",
            "floor of a launch: the CPU time in which Python starts a process",
            "floor of a list: the CPU time of json.dumps of its records",
            f"limits of the last size: {MAX_LAUNCH_RATIO:g} and {MAX_LIST_RATIO:g} x the floors",
            f"limits of the last size: a growth of {MAX_GROWTH:g} of the CPU time of a session",
            f"limits of the last size: {MAX_MEBIBYTES:g} MiB, {MAX_CPU_AT_REST:g} % CPU at rest",
        ],
    )
    if find_spec("psutil") is None or find_spec("starlette") is None:
        table.notes = ["not measured: the extra local is not installed"]
        sizes = ()
    smaller: dict[str, float] = {}
    for size in sizes:
        figures = _measure(size)
        growth = max((figures[name] / smaller[name] for name in smaller), default=None)
        smaller = {name: figures[name] for name in ("launch ms", "list us/session")}
        note = "" if size != sizes[-1] or growth is None else _verdict(figures, growth)
        table.rows.append({"sessions": str(size), **figures, "growth": growth, "note": note})
    yield table


def _verdict(figures: dict[str, float], growth: float) -> str:
    return verdict(
        launch=(figures["x process"], MAX_LAUNCH_RATIO),
        list=(figures["x json.dumps"], MAX_LIST_RATIO),
        growth=(growth, MAX_GROWTH),
        memory=(figures["MiB"], MAX_MEBIBYTES),
        rest=(figures["% at rest"], MAX_CPU_AT_REST),
    )


def _measure(size: int) -> dict[str, Any]:
    import psutil

    floor = _start_processes(size)
    with (
        embedded_platform() as platform,
        Session(server=platform.url, token=platform.token, concurrency=CONCURRENCY) as session,
    ):
        process = psutil.Process(platform.process_id)

        def cpu() -> float:
            times = process.cpu_times()
            return float(times.user + times.system)

        session.fetch()
        start, cpu_start = time.perf_counter(), cpu()
        ids = session.create("sleep", IMAGE, 1, 1, cmd="sleep", args="3600", replicas=size)
        launched = time.perf_counter() - start
        session.wait(ids, "running", poll=0.1, longest_poll=5, timeout=_LONGEST)
        running, launch_cpu = time.perf_counter() - start, cpu() - cpu_start
        headers = {"Authorization": f"Bearer {platform.token}"}
        with httpx.Client(headers=headers, timeout=None, trust_env=False) as client:  # noqa: S113
            lists, start, cpu_start = _LISTED_RECORDS // size, time.perf_counter(), cpu()
            for _ in range(lists):
                response = client.get(f"{platform.url}/v1/session").raise_for_status()
            listed = (time.perf_counter() - start) / lists
            list_cpu = (cpu() - cpu_start) / lists
        json_cpu = _dump(json.loads(response.content), lists)
        cpu_start = cpu()
        time.sleep(_REST_SECONDS)
        rest = (cpu() - cpu_start) / _REST_SECONDS
        memory = process.memory_info().rss / 2**20
        start = time.perf_counter()
        session.destroy(ids)
        deleted = time.perf_counter() - start
    figures: dict[str, Cell] = {
        "launches/s": size / launched,
        "running s": running,
        "launch ms": launch_cpu / size * 1000,
        "x process": launch_cpu / floor,
        "list ms": listed * 1000,
        "list us/session": list_cpu / size * 1e6,
        "x json.dumps": list_cpu / json_cpu,
        "MiB": memory,
        "% at rest": rest * 100,
        "deletions/s": size / deleted,
    }
    return figures


def _start_processes(count: int) -> float:
    """Return the CPU seconds in which Python alone starts so many processes."""
    start = time.process_time()
    processes = [subprocess.Popen(["sleep", "3600"]) for _ in range(count)]
    seconds = time.process_time() - start
    for process in processes:
        process.kill()
        process.wait()
    return seconds


def _dump(records: list[Any], times: int) -> float:
    """Return the CPU seconds of `json.dumps` of these records, measured so many times."""
    start = time.process_time()
    for _ in range(times):
        json.dumps(records)
    return (time.process_time() - start) / times
