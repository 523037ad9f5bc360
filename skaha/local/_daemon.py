"""The platform in the background: found, started, stopped."""

import http.client
import importlib.util
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from skaha.local._address import Address, PlatformError
from skaha.local._state import Running, State

_START_SECONDS = 15.0
_SETTLE_SECONDS = 15.0
_ANSWER_SECONDS = 5.0
_STOP_SECONDS = 30.0
_IDLE_SECONDS = 3600
_LAST_WORDS = 500

# The shell is there so that the daemon is nobody's child and leaves no zombie with a client.
_DETACH = '"$@" &'


def find_or_start(root: Path | None, options: Sequence[str] = ()) -> Address:
    """Return the address of this user's platform, starting it where it does not run.

    Args:
        root: The directory it lives on.
        options: How it is to be, as options of `serve`; one that runs already is as it is.

    Raises:
        PlatformError: It cannot be had, or not with these options.
    """
    _check_installed()
    state = State.open(root)
    running = state.running()
    if running is not None and options:
        raise PlatformError("the platform runs already: stop it to start it with other options")
    if running is not None and _fault(running) is None:
        return running.address
    # Of many that come here at once, one starts it and the others find it.
    with state.starting(_SETTLE_SECONDS + _START_SECONDS):
        running = state.settled(_SETTLE_SECONDS) or _start(state, options)
    if fault := _fault(running):
        raise PlatformError(
            f"the platform (process {running.pid}) does not answer: {fault};"
            f" end it with `kill -9 {running.pid}` and try again, its sessions are kept"
        )
    return running.address


def stop(root: Path | None) -> bool:
    """End the platform and what runs on it; return whether there was one.

    Raises:
        PlatformError: It does not end.
    """
    state = State.open(root)
    running = state.settled(_SETTLE_SECONDS)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    if not state.wait_until_free(_STOP_SECONDS):
        raise PlatformError(f"the platform does not end: try `kill -9 {running.pid}`")
    return True


def reset(root: Path | None) -> None:
    """End the platform and what runs on it, and forget every session."""
    state = State.open(root)
    if state.database.exists():
        # Only a living platform can end what one that was killed has left running. One that cannot
        # start has a database that is beyond help.
        with suppress(PlatformError):
            find_or_start(root)
    stop(root)
    state.clear()


def find(root: Path | None) -> Running | None:
    """Return this user's platform if it runs."""
    return State.open(root).running()


def _start(state: State, options: Sequence[str]) -> Running:
    command = [sys.executable, "-m", "skaha.local", "serve", "--state", str(state.root)]
    command += ["--idle", str(_IDLE_SECONDS), *options]
    reading, writing = os.pipe()
    with os.fdopen(reading) as line:
        with os.fdopen(writing, "w") as stdout, state.log.open("ab") as log:
            subprocess.run(  # noqa: S603 - the daemon is this package
                ["/bin/sh", "-c", _DETACH, "sh", *command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                start_new_session=True,
                check=True,
            )
        _await(line)
    running = state.running()
    if running is None:
        raise PlatformError(f"the platform did not start: {_last_words(state)}")
    return running


def _await(line: IO[str]) -> None:
    """Wait for the daemon's one line, or its end, or the end of our patience."""
    select.select([line], [], [], _START_SECONDS)


def _fault(running: Running) -> Exception | None:
    # The token is not sent: whoever answers does so because the lock says it is ours.
    host = urlsplit(running.address.url).netloc
    connection = http.client.HTTPConnection(host, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/skaha/availability?detail=min")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        return error
    finally:
        connection.close()
    return None


def _check_installed() -> None:
    wanted = ("platformdirs", "starlette", "uvicorn", "psutil", "python_multipart")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        raise PlatformError(f"{', '.join(missing)} missing: run `pip install skaha[local]`")


def _last_words(state: State) -> str:
    words = state.log.read_text(errors="replace")[-_LAST_WORDS:].strip()
    return words or f"it said nothing; see {state.log}"
