"""Sessions as processes of this machine: they run commands or JupyterLab, but no images."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TypeGuard

from attrs import frozen

from skaha.local._kubernetes import executable_not_found, no_such_file, permission_denied
from skaha.local._runtimes._environment import (
    inherited_variables,
    platform_variables,
    thread_variables,
)
from skaha.local._runtimes._jupyter import jupyter_command, jupyter_variables, make_platform_root
from skaha.local._runtimes._runtime import ImagePullError, Runtime, StartError
from skaha.local._runtimes._shim import Command, find_free_port, is_in_use, write_port
from skaha.local._session import Event, Session

_SHELL_VARIABLE_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_CONTRIBUTED_PORT = 5000
_PORT_PLACEHOLDER = "{port}"


@frozen
class ProcessRuntime(Runtime):
    """Run the commands of sessions on this machine.

    Attributes:
        images: The file that maps images to commands of this machine.
    """

    images: Path

    def unsupported_reason(self, kind: str) -> str | None:
        """Refuse notebooks if JupyterLab is not installed."""
        if kind == "notebook" and _find_jupyter() is None:
            return (
                "this platform has no JupyterLab: run `pip install jupyterlab` in the environment "
                "that started the platform"
            )
        return None

    def start_events(self, session: Session) -> list[Event]:
        """Return events: a command without its image, dropped variables."""
        text = f'The command runs on this machine, not in the image "{session.image}"'
        events = [Event("Normal", "ProcessRuntime", text)]
        if dropped := [name for name, _ in session.env if not _SHELL_VARIABLE_NAME.fullmatch(name)]:
            text = f"The shell cannot pass on variables with these names: {' '.join(dropped)}"
            events.append(Event("Warning", "EnvDropped", text))
        return events

    async def prepare(self, session: Session) -> None:
        """Check that a command replaces the image of a session."""
        is_runnable = session.kind in {"headless", "notebook"}
        if not (is_runnable or self._image_command(session)):
            raise ImagePullError(
                "this platform has no images; for an interactive image, its file images.json can"
                " name a command of this machine"
            )

    def _image_command(self, session: Session) -> list[str] | None:
        """Return the command of this machine that replaces the image of a session.

        Raises:
            ImagePullError: The file of these commands is not valid.
        """
        try:
            commands = json.loads(self.images.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ImagePullError(f"{self.images.name} is not JSON: {error}") from error
        except OSError as error:
            raise ImagePullError(f"{self.images.name} cannot be read: {error}") from error
        if not isinstance(commands, dict):
            raise ImagePullError(f"{self.images.name} is not a JSON object")
        command = commands.get(session.image)
        if command is not None and not _is_command(command):
            raise ImagePullError(
                f'{self.images.name}: the command for "{session.image}" is not a list of words'
            )
        return command

    def command(self, session: Session) -> Command:
        """Return the command that runs a session on this machine."""
        home = self.home()
        environment = self._environment(session, home)
        words = self._words(session, home, environment)
        program = _find_program(words[0], environment["PATH"], home)
        return Command([program, *words[1:]], home, environment)

    def _words(self, session: Session, home: Path, environment: dict[str, str]) -> list[str]:
        directory = self.directory(session)
        if session.kind == "notebook":
            port = find_free_port()
            write_port(directory, port)
            root = make_platform_root(directory, home, self.user)
            environment |= jupyter_variables(self.secret(session), directory / "jupyter", self.user)
            return jupyter_command(session.id, "127.0.0.1", port, root)
        if session.cmd is not None:
            return [session.cmd, *(session.args or ())]
        entrypoint = self._image_command(session)
        if entrypoint and session.kind == "contributed":
            port = _choose_port(entrypoint)
            write_port(directory, port)
            return [word.replace(_PORT_PLACEHOLDER, str(port)) for word in entrypoint]
        if not entrypoint:
            raise StartError(
                "the process runtime has no image whose entrypoint it could run: give cmd"
            )
        return [entrypoint[0], *(entrypoint[1:] if session.args is None else session.args)]

    def _environment(self, session: Session, home: Path) -> dict[str, str]:
        return {
            **inherited_variables(),
            "PATH": _path(),
            **dict(session.env),
            **platform_variables(session, self.user, self.host, str(home)),
            **thread_variables(session),
        }


def _is_command(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and value != [] and all(isinstance(w, str) for w in value)


def _choose_port(words: list[str]) -> int:
    """Return a free port if the command has a placeholder for it, else that of the real platform.

    Raises:
        StartError: Another program listens on the port.
    """
    has_placeholder = any(_PORT_PLACEHOLDER in word for word in words)
    port = find_free_port() if has_placeholder else _CONTRIBUTED_PORT
    if is_in_use(port):
        raise StartError(
            f"another program listens on port {port} of this machine: use {_PORT_PLACEHOLDER}"
        )
    return port


def _path() -> str:
    # `python3` must be the interpreter with the packages of the user.
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"


def _find_jupyter() -> str | None:
    return shutil.which("jupyter-lab", path=_path())


def _find_program(program: str, path: str, home: Path) -> str:
    if "/" in program:
        file = home / program
        if not file.exists():
            raise StartError(no_such_file(program, file))
        if file.is_dir() or not os.access(file, os.X_OK):
            raise StartError(permission_denied(program))
        return str(file)
    executable = shutil.which(program, path=path)
    if executable is None:
        raise StartError(executable_not_found(program))
    return executable
