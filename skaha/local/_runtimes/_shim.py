"""Processes that outlive the daemon, and are found again with their log and their exit status.

Each command runs under a shim, which is described in `_shim_script`.
"""

import asyncio
import http.client
import logging
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from attrs import field, frozen

from skaha.local._kubernetes import cannot_execute
from skaha.local._runtimes import _shim_script
from skaha.local._runtimes._process_tree import (
    ProcessSnapshot,
    belongs_to_session,
    terminate_session,
    wait_for_exit,
)

# The variables and packages of the session do not change the interpreter.
_SHIM = (sys.executable, "-I", "-S", _shim_script.__file__)

_POLL_INTERVAL = 0.05
_RESPONSE_TIMEOUT = 5.0

logger = logging.getLogger(__name__)


@frozen
class ShimWorkload:
    """The processes of a session that run under a shim.

    Attributes:
        session_id: The session.
        directory: The directory of its log and of the files of the shim.
        adopts: Whether the shim adopts and ends all processes that the command starts.
    """

    session_id: str
    directory: Path
    _shim: int | None
    _child: subprocess.Popen[bytes] | None = None
    adopts: bool = True

    async def ready(self) -> None:
        """Wait until the session answers on its port; return immediately if it has no port."""
        assigned = port(self.directory)
        while assigned is not None and not await asyncio.to_thread(responds, assigned):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_INTERVAL)

    async def wait(self) -> int | None:
        """Wait for the shim; return the exit status, or `None` if it is lost.

        Log a warning if the shim did not end the processes that have an empty environment.
        """
        if self._shim is not None:
            await wait_for_exit(self._shim)
        if self._child is not None:
            status: int | None = self._child.wait()
        else:
            status = _read_number(self.directory / "exit")
        is_certain = sys.platform == "linux" and status is not None and status >= 0
        if self.adopts and not is_certain:
            logger.warning(
                "session %s: it is not certain that all its processes have ended, because some may"
                " have an empty environment",
                self.session_id,
            )
        return status

    async def stop(self, grace: float) -> None:
        """End all processes of the session, including those that have detached themselves."""
        await terminate_session(self.session_id, self._shim, grace)


@frozen
class Command:
    """A command for a shim.

    Attributes:
        words: The program and its arguments.
        cwd: The working directory.
        environment: All environment variables.
        adopt: Whether the shim adopts and ends all processes that the command starts.
    """

    words: list[str]
    cwd: Path
    environment: dict[str, str] = field(repr=False)
    adopt: bool = True


def start(session_id: str, directory: Path, command: Command) -> ShimWorkload:
    """Start a command under a shim.

    Args:
        session_id: The session of the command; it is also in the command's environment.
        directory: An existing directory for the log and the files of the shim.
        command: The command.

    Raises:
        OSError: The command cannot start.
    """
    adopt = ["--adopt"] if command.adopt else []
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as started:
        with os.fdopen(write_end, "w"), log(directory).open("ab") as file:
            child = subprocess.Popen(  # noqa: S603 - a platform runs the commands of its user
                [*_SHIM, *adopt, str(write_end), str(directory), *command.words],
                cwd=command.cwd,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[write_end],
            )
        # This ends with the start of the command. From then on, a stop finds its processes.
        error = started.read()
    if error:
        child.wait()
        raise OSError(cannot_execute(command.words[0], error))
    return ShimWorkload(session_id, directory, child.pid, child)


def find(session_id: str, directory: Path) -> ShimWorkload | None:
    """Find a shim by the process id in its file, or by the session id in its environment.

    Returns:
        The processes of the session, which may have ended, or `None` if it never had processes.
    """
    pid = process_id(directory)
    if pid is None:
        # The daemon was killed before the shim wrote its process id, or the disk was full.
        processes = ProcessSnapshot.take().of_session(session_id)
        if not processes and not (directory / "pid").exists():
            return None
        pid = min((process.pid for process in processes), default=None)
    has_shim = pid is not None and _is_shim(pid, session_id)
    return ShimWorkload(session_id, directory, pid if has_shim else None)


def process_id(directory: Path) -> int | None:
    """Return the process id of a shim, or `None` if it is not known."""
    return _read_number(directory / "pid")


def log(directory: Path) -> Path:
    """Return the file of a session's output and errors."""
    return directory / "log"


def port(directory: Path) -> int | None:
    """Return the port on which a session listens, or `None` if it has no port."""
    return _read_number(directory / "port")


def write_port(directory: Path, number: int) -> None:
    """Record the port on which a session will listen."""
    (directory / "port").write_text(f"{number}\n")


def find_free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_in_use(number: int) -> bool:
    """Return whether a program listens on a port of the loopback interface."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", number), timeout=1):
        return True
    return False


def responds(number: int) -> bool:
    """Return whether an HTTP server responds on a port.

    A connection alone proves nothing: the proxy of a container engine listens before the server.
    """
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=_RESPONSE_TIMEOUT)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _read_number(file: Path) -> int | None:
    """Return the number in a file of one line, or `None` if the file does not exist."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    # A full disk cuts a line; then its end is missing.
    return int(text) if text.endswith("\n") else None


def _is_shim(pid: int, session_id: str) -> bool:
    try:
        return belongs_to_session(psutil.Process(pid), session_id)
    except psutil.NoSuchProcess:
        return False
