"""What differs by nature between the colours, written by hand in each: this is the async one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    import httpx

__all__ = ["Breaker", "Guard", "Method", "Semaphore", "each", "pause"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Method: TypeAlias = Callable[P, Coroutine[Any, Any, R]]
# One thread runs all of a loop's tasks: there is nothing to guard.
Guard = contextlib.nullcontext
Semaphore = asyncio.Semaphore
pause = asyncio.sleep


class Breaker:
    """Does nothing: a task that waits for an answer is cancelled where it waits."""

    def watch(self, request: httpx.Request) -> None:
        """Need not know the connection that carries this request."""

    def free(self) -> None:
        """Need not know that the request is over."""


async def each(
    work: Callable[[T], Awaitable[R]],
    items: Sequence[T],
    width: int,
    done: Callable[[T, R], None],
    tell: Callable[[R], None] | None = None,
) -> None:
    """Do `work` on every item, at most `width` at once, and tell `done` of each as it ends.

    A fixed number of lanes draws from one iterator: memory is that of the lanes, not of the items.

    Args:
        work: Returns its outcome and never raises, or the rest is cancelled.
        items: What to work on, begun in this order.
        width: How many to work on at once.
        done: Called with an item and its outcome.
        tell: Called with each outcome after that, in the caller's thread.
    """
    rest = iter(items)

    async def lane() -> None:
        for item in rest:
            outcome = await work(item)
            done(item, outcome)
            if tell is not None:
                tell(outcome)

    if len(items) <= 1:
        await lane()
        return
    lanes = [asyncio.ensure_future(lane()) for _ in range(min(width, len(items)))]
    try:
        await asyncio.gather(*lanes)
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
