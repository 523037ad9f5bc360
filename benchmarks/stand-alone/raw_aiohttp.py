"""Reference: the same requests with bare aiohttp."""

from __future__ import annotations

import asyncio

import aiohttp  # type: ignore[import-not-found]
from lap import HEADERS, Clock, Request, Task, check, drive, requests


async def send_all(client: aiohttp.ClientSession, task: Task, items: int) -> list[object]:
    """Send the requests of a task with its concurrency."""
    rest = iter(requests(task, items))
    results: list[object] = []

    async def send(request: Request) -> object:
        form = aiohttp.FormData(_pairs(request.form)) if request.form else None
        async with client.request(request.method, request.url, data=form) as response:
            response.raise_for_status()
            if task.operation in ("info", "fetch"):
                return await response.json()
            return await response.text()

    async def worker() -> None:
        results.extend([await send(request) for request in rest])

    await asyncio.gather(*(worker() for _ in range(min(task.concurrency, items))))
    return results


def _pairs(form: dict[str, object]) -> list[tuple[str, object]]:
    return [
        (key, item)
        for key, value in form.items()
        for item in (value if isinstance(value, list) else [value])
    ]


async def run_async(task: Task) -> None:
    """Time workers that share one client."""
    clock = Clock(task)
    connector = aiohttp.TCPConnector(limit=task.concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as client:
        await send_all(client, task, 1)
        for _ in range(task.calls):
            with clock.call():
                results = await send_all(client, task, task.items)
            check(results, 1 if task.operation == "fetch" else task.items)
    clock.report()


if __name__ == "__main__":
    drive(in_async=run_async)
