"""What every driver shares: its task, its requests and its clock.

The drivers are run by path, each in the environment of its contestant: they know the standard
library, the contestant and this file. A driver prints its calls as one line of JSON, the last one.
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
    from collections.abc import Callable, Coroutine, Iterator, Sequence

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
HEADERS = {"Authorization": "Bearer benchmark", "User-Agent": "benchmark"}


@dataclass
class Task:
    """What to do: `operation` on `items` sessions, `calls` times, after a warm-up."""

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
    """What one call cost, and what the server has seen when it ended."""

    wall: float
    cpu: float
    connections: int
    peak: int


@dataclass
class Request:
    """One request as a bare client sends it."""

    method: str
    url: str
    form: dict[str, Any] | None = None


def drive(**variants: Callable[[Task], Coroutine[Any, Any, None] | None]) -> None:
    """Do the task of this process in its variant, and say so if it cannot be done."""
    todo = Task(**json.loads(sys.argv[1]))
    try:
        doing = variants[f"in_{todo.variant}"](todo)
        if doing is not None:
            asyncio.run(doing)
    except Exception as error:  # noqa: BLE001  (the table says it)
        report({"failed": f"{type(error).__name__}: {' '.join(str(error).split())}"})
    # Some clients leave threads behind that would delay the next contestant.
    os._exit(0)


def ids(count: int) -> list[str]:
    """Return as many session ids."""
    return [f"{number:08x}" for number in range(count)]


def requests(todo: Task, items: int) -> list[Request]:
    """Return what a bare client sends for the task: the same that `skaha` sends."""
    base = f"{todo.url}/v1/session"
    if todo.operation == "create":
        return [Request("POST", base, _form(number, items)) for number in range(1, items + 1)]
    if todo.operation == "fetch":
        return [Request("GET", base)]
    method = "DELETE" if todo.operation == "destroy" else "GET"
    query = "?view=logs" if todo.operation == "logs" else ""
    return [Request(method, f"{base}/{known}{query}") for known in ids(items)]


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

    def __init__(self, todo: Task) -> None:
        """Begin to count the server's connections."""
        self._url = todo.counts_url
        self._connections_before = self._counts()["connections"]
        self._calls: list[Call] = []

    @contextmanager
    def call(self) -> Iterator[None]:
        """Time what is inside, CPU of all threads included."""
        self._counts()  # resets the peak
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        counts = self._counts()
        opened = counts["connections"] - self._connections_before
        self._calls.append(Call(wall, cpu, opened, counts["peak"]))

    def report(self, **more: Any) -> None:
        """Print the calls, and what else there is to say, for who started this process."""
        report({"calls": [asdict(call) for call in self._calls]} | more)

    def _counts(self) -> dict[str, int]:
        with urllib.request.urlopen(self._url) as answer:  # noqa: S310  (the server's own address)
            counts: dict[str, int] = json.load(answer)
        return counts


def report(found: dict[str, Any]) -> None:
    """Print what was found for who started this process."""
    print("\n" + json.dumps(found), flush=True)


def check(answers: Sequence[object], expected: int) -> None:
    """Refuse to time a call that did not do its work."""
    if len(answers) != expected:
        raise RuntimeError(f"{len(answers)} answers to {expected} requests")
