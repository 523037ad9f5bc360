"""The same requests with bare httpx, its pool as large as the concurrency, in either variant."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
from lap import HEADERS, Clock, Request, Task, check, drive, requests


def limits(todo: Task) -> httpx.Limits:
    """Return a pool that keeps every connection of the task."""
    width = todo.concurrency
    return httpx.Limits(max_connections=width, max_keepalive_connections=width)


def value(todo: Task, answer: httpx.Response) -> object:
    """Return what the answer says."""
    answer.raise_for_status()
    return answer.json() if todo.operation in ("info", "fetch") else answer.text


def run(todo: Task) -> None:
    """Time threads over one client."""
    clock = Clock(todo)
    with httpx.Client(headers=HEADERS, limits=limits(todo), timeout=None) as client:  # noqa: S113

        def send(request: Request) -> object:
            answer = client.request(request.method, request.url, data=request.form)
            return value(todo, answer)

        def send_all(items: int) -> list[object]:
            with ThreadPoolExecutor(todo.concurrency) as threads:
                return list(threads.map(send, requests(todo, items)))

        send_all(1)
        for _ in range(todo.calls):
            with clock.call():
                answers = send_all(todo.items)
            check(answers, 1 if todo.operation == "fetch" else todo.items)
    clock.report()


async def run_async(todo: Task) -> None:
    """Time lanes over one client."""
    clock = Clock(todo)
    async with httpx.AsyncClient(
        headers=HEADERS,
        limits=limits(todo),
        timeout=None,  # noqa: S113
    ) as client:

        async def send_all(items: int) -> list[object]:
            rest = iter(requests(todo, items))
            answers: list[object] = []

            async def lane() -> None:
                for request in rest:
                    answer = await client.request(request.method, request.url, data=request.form)
                    answers.append(value(todo, answer))

            await asyncio.gather(*(lane() for _ in range(min(todo.concurrency, items))))
            return answers

        await send_all(1)
        for _ in range(todo.calls):
            with clock.call():
                answers = await send_all(todo.items)
            check(answers, 1 if todo.operation == "fetch" else todo.items)
    clock.report()


if __name__ == "__main__":
    drive(in_sync=run, in_async=run_async)
