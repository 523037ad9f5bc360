"""The floor of a fetch: `json.loads` of the same bytes."""

from __future__ import annotations

import json
import urllib.request

from lap import HEADERS, Clock, Task, check, drive, requests


def run(todo: Task) -> None:
    """Time the reading, after the bytes have come."""
    clock = Clock(todo)
    [request] = requests(todo, todo.items)
    with urllib.request.urlopen(  # noqa: S310  (the server's own address)
        urllib.request.Request(request.url, headers=HEADERS)  # noqa: S310
    ) as answer:
        body = answer.read()
    json.loads(body)
    for _ in range(todo.calls):
        with clock.call():
            records = json.loads(body)
        check(records, todo.items)
    clock.report(bytes=len(body))


if __name__ == "__main__":
    drive(in_sync=run)
