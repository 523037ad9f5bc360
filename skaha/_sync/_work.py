"""What differs by nature between the colours, written by hand in each: this is the sync one."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeAlias, TypeVar

__all__ = ["Guard", "Method", "Semaphore", "each", "pause"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Method: TypeAlias = Callable[P, R]
Guard = threading.Lock
Semaphore = threading.Semaphore
pause = time.sleep


def each(
    work: Callable[[T], R],
    items: Sequence[T],
    width: int,
    done: Callable[[T, R], None],
) -> None:
    """Do `work` on every item, at most `width` at once, and tell `done` of each as it ends.

    Daemon threads, not an executor: its threads would delay the exit after Ctrl-C, and it refuses
    to work while the interpreter shuts down, when sessions are cleaned up.

    Args:
        work: Returns its outcome and never raises, or the rest is not begun.
        items: What to work on, begun in this order.
        width: How many to work on at once.
        done: Called with an item and its outcome, by one thread at a time.
    """
    rest = iter(items)
    stop = threading.Event()
    telling = threading.Lock()
    failures: list[BaseException] = []

    def lane() -> None:
        for item in rest:
            outcome = work(item)
            with telling:
                done(item, outcome)
            if stop.is_set():
                return

    def guarded_lane() -> None:
        try:
            lane()
        except BaseException as failure:  # noqa: BLE001  (raised again in the calling thread)
            failures.append(failure)
            stop.set()

    if len(items) <= 1:
        lane()
        return
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(guarded_lane,), daemon=True)
        for _ in range(min(width, len(items)))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        stop.set()
    for failure in failures:
        raise failure
