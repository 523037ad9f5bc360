"""Driver for all clients of Skaha: their methods have the same names and arguments."""

from __future__ import annotations

import importlib
import ssl
from typing import TYPE_CHECKING, Any

from lap import IMAGE, Clock, Task, check, drive, ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

contexts = 0


def count_tls_contexts() -> None:
    """Count each new TLS context from now on."""
    original = ssl.SSLContext.__new__

    def counting(*args: Any, **kwargs: Any) -> Any:
        global contexts  # noqa: PLW0603
        contexts += 1
        return original(*args, **kwargs)

    ssl.SSLContext.__new__ = counting  # type: ignore[method-assign]


def open_session(task: Task) -> Any:
    """Return the session object of the client."""
    module = importlib.import_module(task.module)
    address = {"server": task.url, "version": "v1"}
    if task.module.startswith("canfar"):
        address = {"url": f"{task.url}/v1"}
    session_class = module.AsyncSession if task.variant == "async" else module.Session
    return session_class(**address, token="benchmark", concurrency=task.concurrency)  # noqa: S106


def call(session: Any, operation: str, items: int) -> Any:
    """Return the result of a method: a coroutine if the session is async."""
    job = {"image": IMAGE, "cores": 1, "ram": 1, "kind": "headless", "cmd": "env"}
    names = (f"bench-{number}" for number in range(1, items + 1))
    calls = {
        "create": lambda: session.create(name="bench", replicas=items, **job),
        "create_many": lambda: session.create_many([{"name": name, **job} for name in names]),
        "fetch": session.fetch,
        "wait": lambda: session.wait(ids(items), until="running"),
        "destroy_with": lambda: session.destroy_with("bench-", status="Running"),
        "follow": lambda: followed(session.follow(ids(items))),
    }
    if operation in calls:
        return calls[operation]()
    return getattr(session, operation)(ids(items))


def followed(lines: Any) -> Any:
    """Read all lines; return the ids of their sessions, as a coroutine if the session is async."""
    return collect_async(lines) if hasattr(lines, "__anext__") else collect(lines)


def collect(lines: Iterator[tuple[str, str]]) -> set[str]:
    """Read all lines; return the ids of their sessions."""
    return {session_id for session_id, _ in lines}


async def collect_async(lines: AsyncIterator[tuple[str, str]]) -> set[str]:
    """Read all lines; return the ids of their sessions."""
    return {session_id async for session_id, _ in lines}


def run(task: Task) -> None:
    """Time the sync class."""
    clock = Clock(task)
    count_tls_contexts()
    session = open_session(task)
    call(session, task.operation, 1)
    for _ in range(task.calls):
        with clock.call():
            results = call(session, task.operation, task.items)
        check(results, task.items)
    clock.report(contexts=contexts)


async def run_async(task: Task) -> None:
    """Time the async class."""
    clock = Clock(task)
    count_tls_contexts()
    session = open_session(task)
    await call(session, task.operation, 1)
    for _ in range(task.calls):
        with clock.call():
            results = await call(session, task.operation, task.items)
        check(results, task.items)
    clock.report(contexts=contexts)


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
