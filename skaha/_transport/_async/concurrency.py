"""Concurrency of the async variant: tasks of the event loop.

This file and its sync counterpart are written by hand, because they hold the differences.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from skaha.errors import EventLoopError

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Lock",
    "Method",
    "RequestCanceller",
    "Semaphore",
    "call_blocking",
    "run_concurrently",
    "run_with_limit",
    "running_loop",
    "sleep",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Method: TypeAlias = Callable[P, Coroutine[Any, Any, R]]
# All tasks of an event loop run in one thread, so a lock has nothing to do.
Lock = contextlib.nullcontext
Semaphore = asyncio.Semaphore
sleep = asyncio.sleep
# Call a function that blocks; the other tasks go on meanwhile.
call_blocking = asyncio.to_thread


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that runs this code.

    Raises:
        EventLoopError: If another framework than asyncio runs it.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise EventLoopError(
            "the async classes need an event loop of asyncio or uvloop, and none is running: with "
            "trio or another framework, use Session in a thread"
        ) from None


class RequestCanceller:
    """Does nothing: asyncio cancels a task while it waits for a response."""

    def watch(self, request: httpx.Request) -> None:
        """Ignore the request."""

    def trace_connect(self, request: httpx.Request) -> None:
        """Ignore the new connection of the request."""

    def forget(self) -> None:
        """Ignore the end of the request."""


async def run_concurrently(
    work: Callable[[T], Awaitable[R]],
    items: Sequence[T],
    limit: int,
    on_done: Callable[[T, R], None],
    report: Callable[[R], None] | None = None,
) -> None:
    """Run `work` on every item, on at most `limit` items at once.

    A fixed number of workers takes the items from one iterator, so the memory depends on `limit`
    and not on the number of items.

    Args:
        work: A function that returns its outcome and never raises. An exception cancels the rest.
        items: The items, which are started in this order.
        limit: Largest number of items at once.
        on_done: Called with an item and its outcome.
        report: Called with each outcome afterwards, in the thread of the caller.
    """
    running_loop()
    rest = iter(items)

    async def worker() -> None:
        for item in rest:
            outcome = await work(item)
            on_done(item, outcome)
            if report is not None:
                report(outcome)

    if len(items) <= 1:
        await worker()
        return
    workers = [asyncio.ensure_future(worker()) for _ in range(min(limit, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def run_with_limit(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Run `work`, and stop it after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work()
