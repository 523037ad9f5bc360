"""Shared parts of the drivers: the task, the requests and the clock.

Each driver runs in the environment of its contestant, so it uses only the standard library, the
contestant and this file. The last line of its output is a report in JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sized

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
HEADERS = {"Authorization": "Bearer benchmark", "User-Agent": "benchmark"}


@dataclass
class Task:
    """The task: `operation` on `items` sessions, repeated `calls` times after a warm-up."""

    url: str
    counts_url: str
    operation: str
    items: int
    concurrency: int
    calls: int
    variant: str
    module: str


@dataclass
class Call:
    """The times of one call, and the counts of the server at its end."""

    wall: float
    cpu: float
    connections: int
    peak: int


@dataclass
class Request:
    """One request for a bare client."""

    method: str
    url: str
    form: dict[str, Any] | None = None


def drive(**variants: Callable[[Task], Coroutine[Any, Any, None] | None]) -> None:
    """Run the task of this process in its variant, and report a failure."""
    task = Task(**json.loads(sys.argv[1]))
    try:
        coroutine = variants[f"in_{task.variant}"](task)
        if coroutine is not None:
            asyncio.run(coroutine)
    except Exception as error:  # noqa: BLE001  (the table shows it)
        report({"failed": f"{type(error).__name__}: {' '.join(str(error).split())}"})
    # Some clients leave threads that would delay the next contestant.
    os._exit(0)


def ids(count: int) -> list[str]:
    """Return this number of session ids."""
    return [f"{number:08x}" for number in range(count)]


def requests(task: Task, items: int) -> list[Request]:
    """Return the requests for a bare client; they are equal to the requests of `skaha`."""
    base = f"{task.url}/v1/session"
    if task.operation == "create":
        return [Request("POST", base, _form(number, items)) for number in range(1, items + 1)]
    if task.operation == "fetch":
        return [Request("GET", base)]
    method = "DELETE" if task.operation == "destroy" else "GET"
    query = "?view=logs" if task.operation == "logs" else ""
    return [Request(method, f"{base}/{session_id}{query}") for session_id in ids(items)]


def _form(number: int, count: int) -> dict[str, Any]:
    return {
        "name": f"bench-{number}",
        "image": IMAGE,
        "type": "headless",
        "cores": "1",
        "ram": "1",
        "cmd": "env",
        "env": [f"REPLICA_ID={number}", f"REPLICA_COUNT={count}"],
    }


class Clock:
    """Times calls, and reports them."""

    def __init__(self, task: Task) -> None:
        """Store the present number of connections of the server."""
        self._url = task.counts_url
        self._connections_before = self._counts()["connections"]
        self._calls: list[Call] = []

    @contextmanager
    def call(self) -> Iterator[None]:
        """Time the block, with the CPU time of all threads."""
        self._counts()  # resets the peak in the server
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        counts = self._counts()
        opened = counts["connections"] - self._connections_before
        self._calls.append(Call(wall, cpu, opened, counts["peak"]))

    def report(self, **more: Any) -> None:
        """Print a report with the calls and other values."""
        report({"calls": [asdict(call) for call in self._calls]} | more)

    def _counts(self) -> dict[str, int]:
        with urllib.request.urlopen(self._url) as response:  # noqa: S310  (our server)
            counts: dict[str, int] = json.load(response)
        return counts


def report(content: dict[str, Any]) -> None:
    """Print a report for the process that started this one."""
    print("\n" + json.dumps(content), flush=True)


def check(results: Sized, expected: int) -> None:
    """Raise an error if a call has not as many results as requests."""
    if len(results) != expected:
        raise RuntimeError(f"{len(results)} results of {expected} requests")
