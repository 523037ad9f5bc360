"""The platform in the background: find it, start it, stop it, delete its records."""

import http.client
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from attrs import Attribute, asdict

from skaha.local._errors import PlatformError, check_installed
from skaha.local._models import Address, Status
from skaha.local._options import Options, as_flags
from skaha.local._state_directory import RunningPlatform, StateDirectory

_START_TIMEOUT = 15.0
_TRANSITION_TIMEOUT = 20.0
_RESPONSE_TIMEOUT = 5.0
_STOP_TIMEOUT = 30.0
_IDLE_TIMEOUT = 3600.0
_LOG_EXCERPT_LENGTH = 500
_RESET_GRACE = 10.0

# The shell detaches the daemon: it is not a child of the client, and leaves no zombie there.
_DETACH = '"$@" &'


def find_or_start(root: Path | None, options: Options | None) -> Address:
    """Return the address of this user's platform; start the platform if it does not run.

    Args:
        root: The state directory.
        options: Options for the start; a running platform cannot take them.

    Raises:
        PlatformError: The platform cannot start or does not respond, or it runs already and
            `options` are given.
    """
    check_installed()
    directory = StateDirectory.open(root)
    running = directory.running_platform()
    if running is not None and options is not None:
        raise PlatformError("the platform runs already: stop it to start it with other options")
    if running is not None and _connection_error(running) is None:
        return running.address
    # If several processes reach this point, the first starts the platform and the others find it.
    with directory.start_lock(_TRANSITION_TIMEOUT + _START_TIMEOUT):
        running = directory.wait_until_stable(_TRANSITION_TIMEOUT) or _start(directory, options)
    if error := _connection_error(running):
        raise PlatformError(
            f"the platform (process {running.pid}) does not respond: {error};"
            f" end it with `kill -9 {running.pid}` and try again, its sessions are kept"
        )
    return running.address


def status(root: Path | None) -> Status | None:
    """Return the status of this user's platform, or `None` if it does not run."""
    running = StateDirectory.open(root).running_platform()
    return None if running is None else Status(running.address.url, running.pid)


def stop(root: Path | None) -> bool:
    """End the platform and the processes of its sessions; return whether it was running.

    Raises:
        PlatformError: The platform does not end.
    """
    directory = StateDirectory.open(root)
    running = directory.wait_until_stable(_TRANSITION_TIMEOUT)
    if running is None:
        return False
    with suppress(ProcessLookupError):  # the platform may end itself at this moment
        os.kill(running.pid, signal.SIGTERM)
    if not directory.wait_until_unlocked(_STOP_TIMEOUT):
        raise PlatformError(f"the platform does not end: try `kill -9 {running.pid}`")
    return True


def reset(root: Path | None) -> None:
    """End the platform and the processes of its sessions; delete all its records.

    Raises:
        PlatformError: The platform or a process does not end.
    """
    stop(root)
    directory = StateDirectory.open(root)
    if not directory.was_used:
        return
    check_installed()
    from skaha.local._runtimes import end_all_sessions

    lock = directory.lock()
    try:
        # If the daemon was killed, the processes of its sessions still run.
        end_all_sessions(directory.sessions, _RESET_GRACE)
        directory.clear()
    finally:
        lock.release()


def _start(directory: StateDirectory, options: Options | None) -> RunningPlatform:
    command = [sys.executable, "-m", "skaha.local", "serve", "--state", str(directory.root)]
    command.append(f"--idle={_IDLE_TIMEOUT}")
    if options is not None:
        command += as_flags(asdict(options, filter=_differs_from_default))
    log_size = directory.log.stat().st_size if directory.log.exists() else 0
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as ready:
        with os.fdopen(write_end, "w") as stdout, directory.log.open("ab") as log:
            subprocess.run(  # noqa: S603 - the daemon is this package
                ["/bin/sh", "-c", _DETACH, "sh", *command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                start_new_session=True,
                check=True,
            )
        _wait_for_output(ready)
    running = directory.running_platform()
    if running is None:
        # The log of a full disk is empty.
        directory.check_space()
        if directory.is_locked():
            raise directory.not_ready_error()
        excerpt = _log_excerpt(directory, log_size)
        raise PlatformError(f"the platform did not start: {excerpt}")
    return running


def _differs_from_default(attribute: "Attribute[Any]", value: object) -> bool:
    return value != attribute.default


def _wait_for_output(ready: IO[str]) -> None:
    """Wait until the daemon prints its URL, or ends, or the time-out is over."""
    select.select([ready], [], [], _START_TIMEOUT)


def _connection_error(running: RunningPlatform) -> Exception | None:
    # No token is needed: the lock proves that the listener is this user's platform.
    host = urlsplit(running.address.url).netloc
    connection = http.client.HTTPConnection(host, timeout=_RESPONSE_TIMEOUT)
    try:
        connection.request("GET", "/skaha/availability?detail=min")
        response = connection.getresponse()
        response.read()
        if response.status != HTTPStatus.OK:
            # The platform is about to end.
            return http.client.HTTPException(f"{response.status} {response.reason}")
    except (OSError, http.client.HTTPException) as error:
        return error
    finally:
        connection.close()
    return None


def _log_excerpt(directory: StateDirectory, start: int) -> str:
    """Return the end of the log, without its first `start` bytes."""
    new = directory.log.read_bytes()[start:].decode(errors="replace")
    text = new[-_LOG_EXCERPT_LENGTH:].strip()
    return text or f"it wrote no message; see {directory.log}"
