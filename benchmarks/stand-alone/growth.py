"""Memory of a launch with many replicas, and its maximum numbers of tasks and threads."""

from __future__ import annotations

import asyncio
import sys
import threading
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lap import Task, check, drive, report
from sessions import call, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSE = 0.005


class Sampler:
    """Counts threads and tasks while a call runs, in its own thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Prepare to count threads, and the tasks of an event loop."""
        self._loop = loop
        self._end = threading.Event()
        self.max_threads = self.max_tasks = 0

    def _count(self) -> None:
        while not self._end.wait(_PAUSE):
            self.max_threads = max(self.max_threads, threading.active_count() - 1)
            if self._loop is not None:
                self.max_tasks = max(self.max_tasks, len(asyncio.all_tasks(self._loop)))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count while the block runs."""
        thread = threading.Thread(target=self._count, daemon=True)
        thread.start()
        yield
        self._end.set()
        thread.join()


def report_growth(sampler: Sampler, task: Task, launched: list[str]) -> None:
    """Report the memory for each replica, without the memory of its id and its name."""
    check(launched, task.items)
    _, peak = tracemalloc.get_traced_memory()
    names = [f"bench-{number}" for number in range(1, task.items + 1)]
    texts = sum(map(sys.getsizeof, launched)) + sum(map(sys.getsizeof, names))
    growth: dict[str, Any] = {
        "bytes": (peak - texts) / task.items,
        "threads": sampler.max_threads,
        "tasks": sampler.max_tasks,
    }
    report(growth)


async def run_async(task: Task) -> None:
    """Measure the async class."""
    session = open_session(task)
    await call(session, "create", 1)
    sampler = Sampler(asyncio.get_running_loop())
    tracemalloc.start()
    with sampler.counting():
        launched = await call(session, "create", task.items)
    report_growth(sampler, task, launched)


def run(task: Task) -> None:
    """Measure the sync class."""
    session = open_session(task)
    call(session, "create", 1)
    sampler = Sampler(None)
    tracemalloc.start()
    with sampler.counting():
        launched = call(session, "create", task.items)
    report_growth(sampler, task, launched)


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
