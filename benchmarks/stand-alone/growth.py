"""Measures what a launch of many replicas holds in memory, and how much of it at once."""

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


class Watch:
    """Looks at threads and tasks while a call runs, from a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Look at the tasks of `loop`, too."""
        self._loop = loop
        self._done = threading.Event()
        self.most_threads = self.most_tasks = 0

    def _look(self) -> None:
        while not self._done.wait(_PAUSE):
            self.most_threads = max(self.most_threads, threading.active_count() - 1)
            if self._loop is not None:
                self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks(self._loop)))

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look while the block runs."""
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        yield
        self._done.set()
        thread.join()


def tell(watch: Watch, todo: Task, launched: list[str]) -> None:
    """Report the growth per replica, without that of the ids and names themselves."""
    check(launched, todo.items)
    _, peak = tracemalloc.get_traced_memory()
    names = [f"bench-{number}" for number in range(1, todo.items + 1)]
    texts = sum(map(sys.getsizeof, launched)) + sum(map(sys.getsizeof, names))
    found: dict[str, Any] = {
        "bytes": (peak - texts) / todo.items,
        "threads": watch.most_threads,
        "tasks": watch.most_tasks,
    }
    report(found)


async def run_async(todo: Task) -> None:
    """Measure the asynchronous class."""
    session = open_session(todo)
    await call(session, "create", 1)
    watch = Watch(asyncio.get_running_loop())
    tracemalloc.start()
    with watch.looking():
        launched = await call(session, "create", todo.items)
    tell(watch, todo, launched)


def run(todo: Task) -> None:
    """Measure the synchronous class."""
    session = open_session(todo)
    call(session, "create", 1)
    watch = Watch(None)
    tracemalloc.start()
    with watch.looking():
        launched = call(session, "create", todo.items)
    tell(watch, todo, launched)


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
