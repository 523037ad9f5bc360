"""Measures which package the CPU of a request goes to."""

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
    # From the end: the folder of a checkout may be called like a package.
    return next((name for name in reversed(folders) if name in _LAYERS), "standard library")


def tell(profile: cProfile.Profile, cpu: float, todo: Task) -> None:
    """Report the share of each layer, and of the functions that take most by themselves.

    What is built in counts for who calls it.
    """
    found: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    layers: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in found.items():
        users = {(file, 0, name): (0, 0, own, 0)}
        if file == "~":
            users = callers
        for (user_file, _, user_name), (_, _, part, _) in users.items():
            layers[layer(user_file)] += part
            functions[f"{layer(user_file)}: {Path(user_file).stem}.{user_name}"] += part
    total = sum(layers.values())
    report(
        {
            "cpu_ms": cpu / todo.items * 1000,
            "layers": {name: own / total for name, own in layers.most_common()},
            "functions": {name: own / total for name, own in functions.most_common(_TOP)},
        }
    )


def run(todo: Task) -> None:
    """Profile the synchronous class: one session a call, as a profile sees one thread only."""
    session = open_session(todo)

    def work() -> None:
        for _ in range(todo.items):
            call(session, todo.operation, 1)

    call(session, todo.operation, 1)
    cpu = cpu_of(work)
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(work)
    tell(profile, cpu, todo)


async def run_async(todo: Task) -> None:
    """Profile the asynchronous class."""
    session = open_session(todo)
    await call(session, todo.operation, todo.concurrency)
    before = time.process_time()
    await call(session, todo.operation, todo.items)
    cpu = time.process_time() - before
    with cProfile.Profile(time.thread_time) as profile:
        await call(session, todo.operation, todo.items)
    tell(profile, cpu, todo)


def cpu_of(work: Callable[[], None]) -> float:
    """Return the CPU time that `work` takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
