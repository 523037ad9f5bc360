"""A program that a test interrupts: it prints the partial result and the remaining threads."""

import asyncio
import json
import signal
import sys
import threading
import time
from typing import Any

import skaha

# Args of the program: the URL of the platform and the call. With " patiently" after the call, the
# launches are looked up for a long time after an interrupt.
URL, ACTION = sys.argv[1:3]
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
SETTINGS: dict[str, Any] = {
    "token": "a-token",
    "timeout": 60,
    "concurrency": 4,
    "retry": skaha.Retry(stop_look_up=0.5),
}
if ACTION.endswith(" patiently"):
    ACTION = ACTION.removesuffix(" patiently")
    SETTINGS["retry"] = skaha.Retry(stop_look_up=60)


def call() -> None:
    if ACTION == "async create":
        session = skaha.AsyncSession(server=URL, **SETTINGS)
        asyncio.run(session.create("run", IMAGE, replicas=40))
    elif ACTION == "create":
        skaha.Session(server=URL, **SETTINGS).create("run", IMAGE, replicas=40)
    else:
        ids = [record["id"] for record in skaha.Session(server=URL, **SETTINGS).fetch()]
        getattr(skaha.Session(server=URL, **SETTINGS), ACTION)(ids)


def partial_of(error: BaseException | None) -> Any:
    """Return the partial result of an error or of one of its causes."""
    while error is not None and getattr(error, "partial", None) is None:
        error = error.__cause__ or error.__context__
    return error.partial if error is not None else None


# A shell ignores Ctrl-C in its background jobs, and this program would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    call()
except KeyboardInterrupt as error:
    end = time.monotonic() + 1
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.01)
    threads = [thread.name for thread in threading.enumerate()]
    partial = partial_of(error)
    launched = getattr(partial, "names", None)
    failed = list(getattr(partial, "failures", ()))
    result = {"threads": threads, "partial": partial, "launched": launched, "failed": failed}
    print(json.dumps(result))  # noqa: T201
