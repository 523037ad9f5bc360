"""Sessions as containers of their images, run by podman or docker."""

import asyncio
import math
import os
import resource
import shutil
from collections.abc import Iterable
from pathlib import Path

import psutil
from attrs import evolve, frozen

from skaha.local._errors import PlatformError
from skaha.local._runtimes._environment import (
    inherited_variables,
    platform_variables,
    select_variables,
    thread_variables,
)
from skaha.local._runtimes._jupyter import jupyter_command, jupyter_variables
from skaha.local._runtimes._process_tree import SESSION_VARIABLE, is_in_other_namespace
from skaha.local._runtimes._runtime import ImagePullError, Runtime, Workload
from skaha.local._runtimes._shim import Command, ShimWorkload, find_free_port, write_port
from skaha.local._session import Event, Session

_ENGINES = ("podman", "docker")
# The file with the engine and the name of a session's container.
_CONTAINER_FILE = "container"
_PORTS = {"contributed": 5000, "notebook": 8888}

# An engine finds its programs, its files and its socket by these variables.
_ENGINE_VARIABLES = ("PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
_ENGINE_VARIABLE_PREFIXES = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "XDG_")

# Engines request more by default than some machines allow.
_MAX_FILES = 16384
_MAX_PROCESSES = 4096


def find_engine() -> str:
    """Return the path of the container engine.

    Raises:
        PlatformError: This machine has no container engine.
    """
    for name in _ENGINES:
        if path := shutil.which(name):
            return path
    raise PlatformError(f"neither {' nor '.join(_ENGINES)} is installed: install podman or docker")


@frozen
class ContainerWorkload:
    """The container of a session, and the engine's client that waits for it."""

    _engine: str
    _name: str
    _client: Workload

    async def ready(self) -> None:
        """Wait until the session answers on its port; return immediately if it has no port."""
        await self._client.ready()

    async def wait(self) -> int | None:
        """Wait for the end of the container; return its exit status, or `None` if it is lost."""
        return await self._client.wait()

    async def stop(self, grace: float) -> None:
        """End the container and remove it."""
        if grace > 0:
            await _run(self._engine, "stop", "--time", str(math.ceil(grace)), self._name)
        await self._client.stop(0)
        # The client removes the container, unless it was killed before or during the start.
        await _run(self._engine, "rm", "--force", self._name)


def find_container(directory: Path, client: Workload) -> ContainerWorkload | None:
    """Return the container of a session from its directory, or `None` if it has no container."""
    try:
        engine, name = (directory / _CONTAINER_FILE).read_text().splitlines()
    except (OSError, ValueError):
        return None
    return ContainerWorkload(engine, name, client)


@frozen
class ContainerRuntime(Runtime):
    """Run the images of sessions.

    Attributes:
        engine: The path of the container engine.
    """

    engine: str

    def start_events(self, session: Session) -> list[Event]:
        """Return events: the image, dropped variables."""
        events = [Event("Normal", "Pulled", f'Image "{session.image}" is on this machine')]
        if dropped := [name for name, value in session.env if "\n" in value]:
            text = f"The engine cannot pass on variables of several lines: {' '.join(dropped)}"
            events.append(Event("Warning", "EnvDropped", text))
        return events

    async def prepare(self, session: Session) -> None:
        """Pull the image unless it is on this machine."""
        if session.kind != "headless" and session.kind not in _PORTS:
            raise ImagePullError(f"this platform does not run sessions of type {session.kind}")
        status, _ = await _run(self.engine, "image", "inspect", session.image)
        if status:
            status, message = await _run(self.engine, "pull", session.image)
        if status:
            raise ImagePullError(message)

    def command(self, session: Session) -> Command:
        """Return the engine's command that runs the image of a session."""
        end, variables = self._container_command(session)
        names = f"{self.engine}\n{_container_name(session)}\n"
        (self.directory(session) / _CONTAINER_FILE).write_text(names)
        file = self.directory(session) / "env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{n}={v}\n" for n, v in variables.items() if "\n" not in v))
        words = [self.engine, "run", *self._flags(session), "--env-file", str(file), *end]
        environment = {
            **inherited_variables(),
            **select_variables(_ENGINE_VARIABLES, _ENGINE_VARIABLE_PREFIXES),
            SESSION_VARIABLE: session.id,
        }
        # The engine keeps the processes of a container together, with processes of its own.
        return Command(words, Path("/"), environment, adopt=False)

    def _own_processes(self, processes: Iterable[psutil.Process]) -> Iterable[psutil.Process]:
        # The engine's own processes run outside of the container.
        return filter(is_in_other_namespace, processes)

    def workload(self, session: Session, shim: ShimWorkload) -> Workload:
        """Return the container whose engine runs under a shim."""
        client = evolve(shim, adopts=False)
        return ContainerWorkload(self.engine, _container_name(session), client)

    def _container_command(self, session: Session) -> tuple[list[str], dict[str, str]]:
        """Return the end of the engine's command, from the entrypoint on, and the variables."""
        variables = dict(session.env)
        variables |= platform_variables(session, self.user, self.host, self._container_home())
        variables |= thread_variables(session)
        if session.kind == "notebook":
            directory = Path("/tmp/jupyter")  # noqa: S108 - inside the container
            variables |= jupyter_variables(self.secret(session), directory, self.user)
            words = jupyter_command(session.id, "0.0.0.0", _PORTS["notebook"], Path("/"))  # noqa: S104
            return ["--entrypoint", words[0], session.image, *words[1:]], variables
        entrypoint = [] if session.cmd is None else ["--entrypoint", session.cmd]
        return [*entrypoint, session.image, *(session.args or ())], variables

    def _flags(self, session: Session) -> list[str]:
        home = self._container_home()
        flags = [
            *("--rm", "--name", _container_name(session), "--hostname", session.name),
            *("--log-driver", "none"),
            *("--memory", f"{int(session.ram_limit * 1024)}m"),
            *("--cpus", f"{min(session.cores_limit, os.cpu_count() or 1):g}"),
            *("--ulimit", f"nofile={_ulimit(resource.RLIMIT_NOFILE, _MAX_FILES)}"),
            *("--ulimit", f"nproc={_ulimit(resource.RLIMIT_NPROC, _MAX_PROCESSES)}"),
            *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
            *("--user", f"{os.getuid()}:{os.getgid()}"),
            *("--volume", f"{self.home()}:{home}", "--workdir", home),
        ]
        if Path(self.engine).name == "podman":
            # Without these flags, the files in the user's home belong to another user.
            flags += ["--security-opt", "label=disable"]
            flags += ["--userns", "keep-id"] if os.getuid() else []
        if container_port := _PORTS.get(session.kind):
            port = find_free_port()
            write_port(self.directory(session), port)
            flags += ["--publish", f"127.0.0.1:{port}:{container_port}"]
        return flags

    def _container_home(self) -> str:
        return f"/arc/home/{self.user}"


def _container_name(session: Session) -> str:
    return f"skaha-{session.kind}-{session.id}"


def _ulimit(kind: int, largest: int) -> str:
    _, hard = resource.getrlimit(kind)
    number = largest if hard == resource.RLIM_INFINITY else min(largest, hard)
    return f"{number}:{number}"


async def _run(*command: str) -> tuple[int, str]:
    """Run the engine until it ends; return its exit status and its last line of errors."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, stderr = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    lines = stderr.decode(errors="replace").strip().splitlines()
    return process.returncode or 0, lines[-1] if lines else "the engine wrote no message"
