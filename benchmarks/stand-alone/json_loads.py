"""Reference for a fetch: `json.loads` of the same bytes."""

from __future__ import annotations

import json
import urllib.request

from lap import HEADERS, Clock, Task, check, drive, requests


def run(task: Task) -> None:
    """Time the parser, without the download of the bytes."""
    clock = Clock(task)
    [request] = requests(task, task.items)
    with urllib.request.urlopen(  # noqa: S310  (the server's own address)
        urllib.request.Request(request.url, headers=HEADERS)  # noqa: S310
    ) as response:
        body = response.read()
    json.loads(body)
    for _ in range(task.calls):
        with clock.call():
            records = json.loads(body)
        check(records, task.items)
    clock.report(bytes=len(body))


if __name__ == "__main__":
    drive(in_sync=run)
