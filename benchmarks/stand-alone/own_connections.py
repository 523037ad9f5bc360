"""The lowest possible times with httpx: each request in flight has its own bare httpx client.

The pool of each client has one connection, so no pool searches through many connections.
"""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack

import httpx
from lap import HEADERS, Clock, Task, check, drive, requests
from raw_httpx import content


def run(task: Task) -> None:
    """Time threads; each has its own client."""
    clock = Clock(task)
    tls = ssl.create_default_context()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(headers=HEADERS, verify=tls, timeout=None))  # noqa: S113
            for _ in range(task.concurrency)
        ]

        def send_all(items: int) -> list[object]:
            rest = iter(requests(task, items))
            results: list[object] = []

            def work(client: httpx.Client) -> None:
                for request in rest:
                    response = client.request(request.method, request.url, data=request.form)
                    results.append(content(task, response))

            with ThreadPoolExecutor(task.concurrency) as threads:
                list(threads.map(work, clients[:items]))
            return results

        send_all(1)
        for _ in range(task.calls):
            with clock.call():
                results = send_all(task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


async def run_async(task: Task) -> None:
    """Time workers; each has its own client."""
    clock = Clock(task)
    tls = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(headers=HEADERS, verify=tls, timeout=None)  # noqa: S113
            )
            for _ in range(task.concurrency)
        ]

        async def send_all(items: int) -> list[object]:
            rest = iter(requests(task, items))
            results: list[object] = []

            async def work(client: httpx.AsyncClient) -> None:
                for request in rest:
                    response = await client.request(request.method, request.url, data=request.form)
                    results.append(content(task, response))

            await asyncio.gather(*(work(client) for client in clients[:items]))
            return results

        await send_all(1)
        for _ in range(task.calls):
            with clock.call():
                results = await send_all(task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
