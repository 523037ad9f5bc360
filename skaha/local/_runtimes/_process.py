"""Sessions as processes of this machine: no image, but a command or a server of JupyterLab."""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

from attrs import frozen

from skaha.local._runtimes import ImageAbsentError, StartError
from skaha.local._runtimes._jupyter import jupyter, platform_root
from skaha.local._runtimes._shim import Shims, ShimWork, free_port, inherited, listens
from skaha.local._runtimes._variables import platform_variables, thread_variables
from skaha.local._session import Event, Session

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_CONTRIBUTED_PORT = 5000
_PORT = "{port}"


@frozen
class ProcessRuntime:
    """Runs a session's command on this machine.

    Attributes:
        shims: Where sessions live.
        images: A file that says what command stands for which image.
        user: The user's name on the platform.
        host: What `skaha_hostname` says.
    """

    shims: Shims
    images: Path
    user: str
    host: str

    def objection(self, kind: str) -> str | None:
        """Refuse notebooks where there is no server for them."""
        if kind == "notebook" and _server_of_notebooks() is None:
            return "this platform has no JupyterLab: run `pip install jupyterlab` beside it"
        return None

    def notes(self, session: Session) -> list[Event]:
        """Say that no container runs, and what of the request is not fulfilled."""
        notes = []
        if session.gpus:
            text = f"GPUs are not enabled here: the request for {session.gpus} was dropped"
            notes.append(Event("Warning", "GpusDropped", text))
        if self._runs(session):
            text = f'The command runs on this machine, not in the image "{session.image}"'
            notes.append(Event("Normal", "ProcessRuntime", text))
        if lost := [name for name, _ in session.env if not _NAME.fullmatch(name)]:
            text = f"The shell passes on no variables of such names: {' '.join(lost)}"
            notes.append(Event("Warning", "EnvDropped", text))
        return notes

    async def prepare(self, session: Session) -> None:
        """Check that something stands for the image."""
        if not self._runs(session):
            raise ImageAbsentError(
                "this platform has no images; for an interactive one, its file images.json can"
                " name a command of this machine"
            )

    async def start(self, session: Session) -> ShimWork:
        """Start the command of a session, or its server."""
        try:
            return await asyncio.to_thread(self._start, session)
        except (OSError, ValueError) as error:
            raise StartError(str(error)) from error

    async def adopt(self, session: Session) -> ShimWork | None:
        """Find the shim of a session."""
        return await asyncio.to_thread(self.shims.find, session)

    def log(self, session: Session) -> Path:
        """Return the file of the command's output and errors."""
        return self.shims.log(session)

    def address(self, session: Session) -> str | None:
        """Return where the session's server listens."""
        return self.shims.address(session)

    def secret(self, session: Session) -> str:
        """Return the token of a notebook's server."""
        return self.shims.secret(session)

    def discard(self, session: Session) -> None:
        """Remove the log and whatever else is kept."""
        self.shims.discard(session)

    def _runs(self, session: Session) -> bool:
        if session.kind == "contributed":
            return session.image in self._commands()
        return session.kind in {"headless", "notebook"}

    def _commands(self) -> dict[str, list[str]]:
        try:
            commands: dict[str, list[str]] = json.loads(self.images.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ImageAbsentError(f"{self.images.name} is not JSON: {error}") from error
        return commands

    def _start(self, session: Session) -> ShimWork:
        home = self.shims.home()
        environment = self._environment(session, home)
        command = self._command(session, home, environment)
        program = _found(command[0], environment["PATH"], home)
        return self.shims.start(session, [program, *command[1:]], home, environment)

    def _command(self, session: Session, home: Path, environment: dict[str, str]) -> list[str]:
        if session.kind == "notebook":
            port = free_port()
            self.shims.give_port(session, port)
            directory, secret = self.shims.directory(session), self.shims.secret(session)
            root = platform_root(directory, home, self.user)
            server = jupyter(session.id, "127.0.0.1", port, root)
            environment |= server.variables(secret, directory / "jupyter", self.user)
            return server.command
        entrypoint = self._commands().get(session.image)
        if session.kind == "contributed" and entrypoint:
            return self._listening(session, entrypoint)
        if session.cmd is not None:
            return [session.cmd, *(session.args or ())]
        if not entrypoint:
            raise StartError(
                "the process runtime has no image whose entrypoint it could run: give cmd"
            )
        return [entrypoint[0], *(entrypoint[1:] if session.args is None else session.args)]

    def _listening(self, session: Session, command: list[str]) -> list[str]:
        """Give a command that leaves its port open one; each container has its own 5000."""
        port = free_port() if any(_PORT in word for word in command) else _CONTRIBUTED_PORT
        if listens(port):
            raise StartError(f"somebody listens on port {port} of this machine: use {_PORT}")
        self.shims.give_port(session, port)
        return [word.replace(_PORT, str(port)) for word in command]

    def _environment(self, session: Session, home: Path) -> dict[str, str]:
        return {
            **inherited(),
            "PATH": _path(),
            **dict(session.env),
            **platform_variables(session, self.user, self.host, str(home)),
            **thread_variables(session),
        }


def _path() -> str:
    # `python3` is the interpreter whose packages the caller can see.
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"


def _server_of_notebooks() -> str | None:
    return shutil.which("jupyter-lab", path=_path())


def _found(program: str, path: str, home: Path) -> str:
    if "/" in program:
        file = home / program
        if not file.exists():
            raise StartError(f'exec: "{program}": stat {file}: no such file or directory')
        if file.is_dir() or not os.access(file, os.X_OK):
            raise StartError(f'exec: "{program}": permission denied')
        return str(file)
    found = shutil.which(program, path=path)
    if found is None:
        raise StartError(f'exec: "{program}": executable file not found in $PATH')
    return found
