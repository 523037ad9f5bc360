"""The floor: the same requests with bare aiohttp."""

from __future__ import annotations

import asyncio

import aiohttp  # type: ignore[import-not-found]
from lap import HEADERS, Clock, Request, Task, check, drive, requests


async def send_all(client: aiohttp.ClientSession, todo: Task, items: int) -> list[object]:
    """Send the task's requests, as many at once as it says."""
    rest = iter(requests(todo, items))
    answers: list[object] = []

    async def send(request: Request) -> object:
        form = aiohttp.FormData(_pairs(request.form)) if request.form else None
        async with client.request(request.method, request.url, data=form) as answer:
            answer.raise_for_status()
            if todo.operation in ("info", "fetch"):
                return await answer.json()
            return await answer.text()

    async def lane() -> None:
        answers.extend([await send(request) for request in rest])

    await asyncio.gather(*(lane() for _ in range(min(todo.concurrency, items))))
    return answers


def _pairs(form: dict[str, object]) -> list[tuple[str, object]]:
    return [
        (key, one)
        for key, value in form.items()
        for one in (value if isinstance(value, list) else [value])
    ]


async def run_async(todo: Task) -> None:
    """Time lanes over one client."""
    clock = Clock(todo)
    connector = aiohttp.TCPConnector(limit=todo.concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as client:
        await send_all(client, todo, 1)
        for _ in range(todo.calls):
            with clock.call():
                answers = await send_all(client, todo, todo.items)
            check(answers, 1 if todo.operation == "fetch" else todo.items)
    clock.report()


if __name__ == "__main__":
    drive(in_async=run_async)
