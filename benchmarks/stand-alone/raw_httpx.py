"""The same requests with bare httpx, sync or async; its pool is as large as the concurrency."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
from lap import HEADERS, Clock, Request, Task, check, drive, requests


def limits(task: Task) -> httpx.Limits:
    """Return the limits of a pool that keeps all connections of a task."""
    size = task.concurrency
    return httpx.Limits(max_connections=size, max_keepalive_connections=size)


def content(task: Task, response: httpx.Response) -> object:
    """Return the content of a response."""
    response.raise_for_status()
    return response.json() if task.operation in ("info", "fetch") else response.text


def run(task: Task) -> None:
    """Time threads that share one client."""
    clock = Clock(task)
    with httpx.Client(headers=HEADERS, limits=limits(task), timeout=None) as client:  # noqa: S113

        def send(request: Request) -> object:
            response = client.request(request.method, request.url, data=request.form)
            return content(task, response)

        def send_all(items: int) -> list[object]:
            with ThreadPoolExecutor(task.concurrency) as threads:
                return list(threads.map(send, requests(task, items)))

        send_all(1)
        for _ in range(task.calls):
            with clock.call():
                results = send_all(task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


async def run_async(task: Task) -> None:
    """Time workers that share one client."""
    clock = Clock(task)
    async with httpx.AsyncClient(
        headers=HEADERS,
        limits=limits(task),
        timeout=None,  # noqa: S113
    ) as client:

        async def send_all(items: int) -> list[object]:
            rest = iter(requests(task, items))
            results: list[object] = []

            async def worker() -> None:
                for request in rest:
                    response = await client.request(request.method, request.url, data=request.form)
                    results.append(content(task, response))

            await asyncio.gather(*(worker() for _ in range(min(task.concurrency, items))))
            return results

        await send_all(1)
        for _ in range(task.calls):
            with clock.call():
                results = await send_all(task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
