"""The same requests with bare httpx, sync or async; its pool is as large as the concurrency."""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import httpx
from lap import HEADERS, Clock, Task, check, drive, requests


def pools(task: Task, *, shared: bool) -> list[dict[str, Any]]:
    """Return the options of each client: one with all connections, or one for each connection."""
    count, size = (1, task.concurrency) if shared else (task.concurrency, 1)
    limits = httpx.Limits(max_connections=size, max_keepalive_connections=size)
    # The time-out of our library. A socket without a time-out needs fewer system calls.
    options = {"headers": HEADERS, "limits": limits, "timeout": 30}
    # Loading the certificate authorities takes tens of milliseconds.
    return [options | {"verify": context} for context in [ssl.create_default_context()] * count]


def content(task: Task, response: httpx.Response) -> object:
    """Return the content of a response."""
    response.raise_for_status()
    return response.json() if task.operation in ("info", "fetch") else response.text


def run(task: Task, *, shared: bool = True) -> None:
    """Time threads that share one client, or that have a client each."""
    clock = Clock(task)
    with ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(**options)) for options in pools(task, shared=shared)
        ]

        def send_all(items: int) -> list[object]:
            rest = iter(requests(task, items))
            results: list[object] = []

            def work(number: int) -> None:
                client = clients[number % len(clients)]
                for request in rest:
                    response = client.request(request.method, request.url, data=request.form)
                    results.append(content(task, response))

            with ThreadPoolExecutor(task.concurrency) as threads:
                list(threads.map(work, range(min(task.concurrency, items))))
            return results

        send_all(1)
        for _ in range(task.calls):
            with clock.call():
                results = send_all(task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


async def run_async(task: Task, *, shared: bool = True) -> None:
    """Time workers that share one client, or that have a client each."""
    clock = Clock(task)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(**options))
            for options in pools(task, shared=shared)
        ]

        async def send_all(items: int) -> list[object]:
            rest = iter(requests(task, items))
            results: list[object] = []

            async def work(number: int) -> None:
                client = clients[number % len(clients)]
                for request in rest:
                    response = await client.request(request.method, request.url, data=request.form)
                    results.append(content(task, response))

            await asyncio.gather(*map(work, range(min(task.concurrency, items))))
            return results

        await send_all(1)
        for _ in range(task.calls):
            with clock.call():
                results = await send_all(task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
