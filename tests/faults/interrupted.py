"""A program that is interrupted from outside: says what it knows of what it had done."""

import asyncio
import json
import signal
import sys
import threading
import time
from typing import Any

import skaha

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


def account(error: BaseException | None) -> Any:
    while error is not None and getattr(error, "partial", None) is None:
        error = error.__cause__ or error.__context__
    return error.partial if error is not None else None


# Whoever runs this in the background may have told it to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    call()
except KeyboardInterrupt as error:
    end = time.monotonic() + 1
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.01)
    left = [thread.name for thread in threading.enumerate()]
    partial = account(error)
    launched = getattr(partial, "names", None)
    failed = list(getattr(partial, "failures", ()))
    told = {"left": left, "partial": partial, "launched": launched, "failed": failed}
    print(json.dumps(told))  # noqa: T201
