"""Sessions as processes of this machine.

Each command runs under a shim of one line of shell, in a session (and process group) of its own.
The shim writes its process id before and the exit status after, so that a daemon that was killed
in between finds the command again, or how it ended.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from attrs import frozen

from skaha.local._runtimes import ImageAbsentError, StartError
from skaha.local._runtimes._tree import MARK, end, ended, is_marked, members
from skaha.local._session import Event, Session

# One write each: a reader sees the whole line or none.
_SHIM = 'echo $$ >"$0/pid"; "$@"; status=$?; echo $status >"$0/exit"; exit $status'

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_INHERITED = ("LANG", "TZ", "TMPDIR")
_INHERITED_PREFIXES = ("LC_", "SSL_CERT_")


@frozen
class ProcessWork:
    """The processes of one session."""

    _session_id: str
    _directory: Path
    _shim: int | None
    _child: subprocess.Popen[bytes] | None = None

    async def wait(self) -> int | None:
        """Wait for the shim; return the exit status, None where it was killed unseen."""
        if self._shim is not None:
            await ended(self._shim)
        if self._child is not None:
            return self._child.wait()
        return _number(self._directory / "exit")

    async def stop(self, grace: float) -> None:
        """End every process of the session, also those that have detached themselves."""
        await end(self._session_id, self._shim, grace)


@frozen
class ProcessRuntime:
    """Runs a session's command on this machine.

    Attributes:
        root: Where each session has a directory for its log and the shim's notes.
        user: The user's name on the platform.
        host: What `skaha_hostname` says.
    """

    root: Path
    user: str
    host: str

    def notes(self, session: Session) -> list[Event]:
        """Say that no container runs, and what of the request is not fulfilled."""
        notes = []
        if session.gpus:
            text = f"GPUs are not enabled here: the request for {session.gpus} was dropped"
            notes.append(Event("Warning", "GpusDropped", text))
        if session.kind == "headless":
            text = f'The command runs on this machine, not in the image "{session.image}"'
            notes.append(Event("Normal", "ProcessRuntime", text))
        if lost := [name for name, _ in session.env if not _NAME.fullmatch(name)]:
            text = f"The shell passes on no variables of such names: {' '.join(lost)}"
            notes.append(Event("Warning", "EnvDropped", text))
        return notes

    async def start(self, session: Session) -> ProcessWork:
        """Start the command of a headless session."""
        if session.kind != "headless":
            raise ImageAbsentError("this platform has no images: it runs headless sessions only")
        child = await asyncio.to_thread(self._spawn, session)
        return ProcessWork(session.id, self._directory(session), child.pid, child)

    async def adopt(self, session: Session) -> ProcessWork | None:
        """Find the shim of a session by the process id it wrote, or by its mark."""
        return await asyncio.to_thread(self._find, session)

    def log(self, session: Session) -> Path:
        """Return the file of the command's output and errors."""
        return self._directory(session) / "log"

    def discard(self, session: Session) -> None:
        """Remove the log and the shim's notes."""
        shutil.rmtree(self._directory(session), ignore_errors=True)

    def _directory(self, session: Session) -> Path:
        return self.root / f"{session.id}{session.appid}"

    def _spawn(self, session: Session) -> subprocess.Popen[bytes]:
        try:
            return self._shim(session, self._home())
        except (OSError, ValueError) as error:
            raise StartError(str(error)) from error

    def _shim(self, session: Session, home: Path) -> subprocess.Popen[bytes]:
        environment = self._environment(session, home)
        command = [_executable(session, environment["PATH"], home), *(session.args or ())]
        directory = self._directory(session)
        directory.mkdir(parents=True, exist_ok=True)
        with self.log(session).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - running users' commands is the job
                ["/bin/sh", "-c", _SHIM, directory, *command],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _find(self, session: Session) -> ProcessWork | None:
        directory = self._directory(session)
        pid = _number(directory / "pid")
        if pid is None:
            # Killed between the fork and the first line of the shim, or before the fork.
            marked = members(session.id)
            if not marked:
                return None
            pid = min(process.pid for process in marked)
        return ProcessWork(session.id, directory, pid if _is_shim(pid, session.id) else None)

    def _home(self) -> Path:
        with suppress(RuntimeError):  # a user without a home
            home = Path.home()
            if os.access(home, os.R_OK | os.X_OK):
                return home
        stand_in = self.root / "home"
        stand_in.mkdir(parents=True, exist_ok=True)
        return stand_in

    def _environment(self, session: Session, home: Path) -> dict[str, str]:
        # Not the daemon's own environment: it may hold secrets that no container would see.
        base = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
        }
        # `python3` is the interpreter whose packages the caller can see.
        base["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        return base | dict(session.env) | self._platform_variables(session, home)

    def _platform_variables(self, session: Session, home: Path) -> dict[str, str]:
        return {
            MARK: session.id,
            "skaha_hostname": self.host,
            "skaha_username": self.user,
            "HOME": str(home),
            "PWD": str(home),
            "OMP_NUM_THREADS": str(max(1, int(session.cores))),
        }


def _executable(session: Session, path: str, home: Path) -> str:
    if session.cmd is None:
        raise StartError("the process runtime has no image whose entrypoint it could run: give cmd")
    if "/" in session.cmd:
        program = home / session.cmd
        if not program.exists():
            raise StartError(f'exec: "{session.cmd}": stat {program}: no such file or directory')
        if program.is_dir() or not os.access(program, os.X_OK):
            raise StartError(f'exec: "{session.cmd}": permission denied')
        return str(program)
    found = shutil.which(session.cmd, path=path)
    if found is None:
        raise StartError(f'exec: "{session.cmd}": executable file not found in $PATH')
    return found


def _is_shim(pid: int, session_id: str) -> bool:
    try:
        return is_marked(psutil.Process(pid), session_id)
    except psutil.NoSuchProcess:
        return False


def _number(file: Path) -> int | None:
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    # A line without its end was cut short by a full disk.
    return int(text) if text.endswith("\n") else None
