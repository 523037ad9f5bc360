"""Drives any client of the field: they share the names and arguments of their methods."""

from __future__ import annotations

import importlib
import ssl
from typing import Any

from lap import IMAGE, Clock, Task, check, drive, ids

contexts = 0


def count_tls_contexts() -> None:
    """Count the TLS contexts that are made from now on."""
    original = ssl.SSLContext.__new__

    def counting(*args: Any, **kwargs: Any) -> Any:
        global contexts  # noqa: PLW0603
        contexts += 1
        return original(*args, **kwargs)

    ssl.SSLContext.__new__ = counting  # type: ignore[method-assign]


def open_session(todo: Task) -> Any:
    """Return the client's session."""
    module = importlib.import_module(todo.module)
    where = {"server": todo.url, "version": "v1"}
    if todo.module.startswith("canfar"):
        where = {"url": f"{todo.url}/v1"}
    kind = module.AsyncSession if todo.variant == "async" else module.Session
    return kind(**where, token="benchmark", concurrency=todo.concurrency)  # noqa: S106


def call(session: Any, operation: str, items: int) -> Any:
    """Return what the session's method returns: a coroutine, if it is asynchronous."""
    if operation == "create":
        return session.create(
            name="bench", image=IMAGE, cores=1, ram=1, kind="headless", cmd="env", replicas=items
        )
    if operation == "fetch":
        return session.fetch()
    return getattr(session, operation)(ids(items))


def run(todo: Task) -> None:
    """Time the synchronous class."""
    clock = Clock(todo)
    count_tls_contexts()
    session = open_session(todo)
    call(session, todo.operation, 1)
    for _ in range(todo.calls):
        with clock.call():
            answers = call(session, todo.operation, todo.items)
        check(answers, todo.items)
    clock.report(contexts=contexts)


async def run_async(todo: Task) -> None:
    """Time the asynchronous class."""
    clock = Clock(todo)
    count_tls_contexts()
    session = open_session(todo)
    await call(session, todo.operation, 1)
    for _ in range(todo.calls):
        with clock.call():
            answers = await call(session, todo.operation, todo.items)
        check(answers, todo.items)
    clock.report(contexts=contexts)


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
