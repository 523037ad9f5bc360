"""CPU time of a request by package."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lap import Task, drive, report
from sessions import call, open_session

if TYPE_CHECKING:
    from collections.abc import Callable

_LAYERS = ("skaha", "skaha_api", "httpx", "httpcore", "h11", "anyio", "sniffio", "attr", "idna")
_TOP = 20


def layer(file: str) -> str:
    """Return the package that a file belongs to."""
    folders = Path(file).parts[:-1]
    if "asyncio" in folders:
        return "asyncio"
    # Search from the end, because the folder of a checkout can have the name of a package.
    return next((name for name in reversed(folders) if name in _LAYERS), "standard library")


def report_shares(profile: cProfile.Profile, cpu: float, task: Task) -> None:
    """Report the share of each layer, and of the functions with the largest shares.

    A built-in function counts for its caller.
    """
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    layers: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in stats.items():
        users = {(file, 0, name): (0, 0, own, 0)}
        if file == "~":
            users = callers
        for (user_file, _, user_name), (_, _, part, _) in users.items():
            layers[layer(user_file)] += part
            functions[f"{layer(user_file)}: {Path(user_file).stem}.{user_name}"] += part
    total = sum(layers.values())
    report(
        {
            "cpu_ms": cpu / task.items * 1000,
            "layers": {name: own / total for name, own in layers.most_common()},
            "functions": {name: own / total for name, own in functions.most_common(_TOP)},
        }
    )


def run(task: Task) -> None:
    """Profile the sync class with one session for each call: a profile covers one thread only."""
    session = open_session(task)

    def work() -> None:
        for _ in range(task.items):
            call(session, task.operation, 1)

    call(session, task.operation, 1)
    cpu = cpu_of(work)
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(work)
    report_shares(profile, cpu, task)


async def run_async(task: Task) -> None:
    """Profile the async class."""
    session = open_session(task)
    await call(session, task.operation, task.concurrency)
    before = time.process_time()
    await call(session, task.operation, task.items)
    cpu = time.process_time() - before
    with cProfile.Profile(time.thread_time) as profile:
        await call(session, task.operation, task.items)
    report_shares(profile, cpu, task)


def cpu_of(work: Callable[[], None]) -> float:
    """Return the CPU time of a function."""
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
