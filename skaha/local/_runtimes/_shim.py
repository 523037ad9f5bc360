"""Programs that outlive the daemon, and are found again with their log and their exit status.

Each runs under a shim of one line of shell, in a session (and process group) of its own. The shim
writes its process id before and the exit status after, so that a daemon that was killed in between
finds the program again, or how it ended.
"""

import asyncio
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from attrs import frozen

from skaha.local._runtimes._tree import Census, end, ended, is_marked
from skaha.local._session import Session

# One write each: a reader sees the whole line or none.
_SHIM = 'echo $$ >"$0/pid"; "$@"; status=$?; echo $status >"$0/exit"; exit $status'

_LOOK_AGAIN = 0.05
# The kernel shows the environment of a new program a moment after its start.
_LOOK_FOR_MARK, _MOST_LOOKS = 0.001, 1000
_ANSWER_SECONDS = 5.0


@frozen
class ShimWork:
    """The processes of one session."""

    session_id: str
    directory: Path
    _shim: int | None
    _child: subprocess.Popen[bytes] | None = None

    async def ready(self) -> None:
        """Wait until the session answers on its port, where it has one."""
        port = number(self.directory / "port")
        while port is not None and not await asyncio.to_thread(answers, port):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN)

    async def wait(self) -> int | None:
        """Wait for the shim; return the exit status, None where it was killed unseen."""
        if self._shim is not None:
            await ended(self._shim)
        if self._child is not None:
            return self._child.wait()
        return number(self.directory / "exit")

    async def stop(self, grace: float) -> None:
        """End every process of the session, also those that have detached themselves."""
        await end(self.session_id, self._shim, grace)


@frozen
class Shims:
    """The directories of the sessions, and the shims that run in them.

    Attributes:
        root: Where each session has a directory for its log and the shim's notes.
        key: What the secrets of the sessions are made from.
    """

    root: Path
    key: bytes

    def directory(self, session: Session) -> Path:
        """Return the directory of a session."""
        return self.root / f"{session.id}{session.appid}"

    def log(self, session: Session) -> Path:
        """Return the file of the output and errors."""
        return self.directory(session) / "log"

    def secret(self, session: Session) -> str:
        """Return a session's secret; not its id, which others on this machine can see."""
        return hmac.new(self.key, session.id.encode(), hashlib.sha256).hexdigest()

    def address(self, session: Session) -> str | None:
        """Return the URL below which a session answers, if it was given a port."""
        port = number(self.directory(session) / "port")
        if port is None:
            return None
        below = f"/session/notebook/{session.id}" if session.kind == "notebook" else ""
        return f"http://127.0.0.1:{port}{below}"

    def home(self) -> Path:
        """Return the user's home, or a directory of the platform for a user without one."""
        with suppress(RuntimeError):
            home = Path.home()
            if os.access(home, os.R_OK | os.X_OK):
                return home
        stand_in = self.root / "home"
        stand_in.mkdir(parents=True, exist_ok=True)
        return stand_in

    def give_port(self, session: Session, port: int) -> None:
        """Note the port on which a session is to listen."""
        directory = self.directory(session)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "port").write_text(f"{port}\n")

    def discard(self, session: Session) -> None:
        """Remove the directory."""
        shutil.rmtree(self.directory(session), ignore_errors=True)

    def start(
        self, session: Session, command: Sequence[str], cwd: Path, environment: dict[str, str]
    ) -> ShimWork:
        """Start a command."""
        directory = self.directory(session)
        directory.mkdir(parents=True, exist_ok=True)
        with self.log(session).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - running users' commands is the job
                ["/bin/sh", "-c", _SHIM, directory, *command],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _await_mark(child, session.id)
        return ShimWork(session.id, directory, child.pid, child)

    def find(self, session: Session) -> ShimWork | None:
        """Find the shim of a session by the process id it wrote, or by its mark."""
        directory = self.directory(session)
        pid = number(directory / "pid")
        if pid is None:
            # Killed between the fork and the first line of the shim, or before the fork.
            marked = Census.take().members(session.id)
            if not marked:
                return None
            pid = min(process.pid for process in marked)
        return ShimWork(session.id, directory, pid if _is_shim(pid, session.id) else None)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether somebody listens on a port of the loopback."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def answers(port: int) -> bool:
    """Return whether a server answers on a port; the proxy of an engine listens before that."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def inherited() -> dict[str, str]:
    """Return the part of the daemon's environment that any program needs.

    Not all of it: it may hold secrets that no container would see.
    """
    names, prefixes = ("LANG", "TZ", "TMPDIR"), ("LC_", "SSL_CERT_")
    return {
        name: value
        for name, value in os.environ.items()
        if name in names or name.startswith(prefixes)
    }


def number(file: Path) -> int | None:
    """Return the number in a file of one line."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    # A line without its end was cut short by a full disk.
    return int(text) if text.endswith("\n") else None


def _await_mark(child: subprocess.Popen[bytes], session_id: str) -> None:
    """Wait until a new process can be found: who ended it before that would end nothing."""
    for _ in range(_MOST_LOOKS):
        if child.poll() is not None or _is_shim(child.pid, session_id):
            return
        time.sleep(_LOOK_FOR_MARK)


def _is_shim(pid: int, session_id: str) -> bool:
    try:
        return is_marked(psutil.Process(pid), session_id)
    except psutil.NoSuchProcess:
        return False
