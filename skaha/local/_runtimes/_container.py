"""Sessions as containers of their own images, run by the engine that the machine has."""

import asyncio
import math
import os
import resource
import shutil
from pathlib import Path

from attrs import frozen

from skaha.local._address import PlatformError
from skaha.local._runtimes import ImageAbsentError, StartError
from skaha.local._runtimes._jupyter import jupyter
from skaha.local._runtimes._shim import Shims, ShimWork, free_port, inherited
from skaha.local._runtimes._tree import MARK
from skaha.local._runtimes._variables import platform_variables, thread_variables
from skaha.local._session import Event, Session

_ENGINES = ("podman", "docker")
_PORTS = {"contributed": 5000, "notebook": 8888}

# What an engine looks for itself and its socket by.
_OF_ENGINES = ("PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
_OF_ENGINES_PREFIXES = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "XDG_")

# Engines ask for more than a machine may let them have.
_MOST_FILES = 16384
_MOST_PROCESSES = 4096


def find_engine() -> str:
    """Return the engine of this machine.

    Raises:
        PlatformError: It has none.
    """
    for name in _ENGINES:
        if found := shutil.which(name):
            return found
    raise PlatformError(f"neither {' nor '.join(_ENGINES)} is here: install one of them")


@frozen
class ContainerWork:
    """The container of one session, and the engine's client that waits for it."""

    _engine: str
    _name: str
    _client: ShimWork

    async def ready(self) -> None:
        """Wait until the session answers on its port, where it has one."""
        await self._client.ready()

    async def wait(self) -> int | None:
        """Wait for the container's end; return its exit status, None where that was lost."""
        return await self._client.wait()

    async def stop(self, grace: float) -> None:
        """End the container and remove it."""
        if grace > 0:
            await _run(self._engine, "stop", "--time", str(math.ceil(grace)), self._name)
        await self._client.stop(0)
        # The client may have been killed before it could do that, or while it made the container.
        await _run(self._engine, "rm", "--force", self._name)


@frozen
class ContainerRuntime:
    """Runs sessions' images.

    Attributes:
        shims: Where sessions live.
        engine: The program that runs containers.
        user: The user's name on the platform.
        host: What `skaha_hostname` says.
    """

    shims: Shims
    engine: str
    user: str
    host: str

    def objection(self, kind: str) -> str | None:  # noqa: ARG002 - another runtime looks at it
        """Object to nothing."""
        return None

    def notes(self, session: Session) -> list[Event]:
        """Say where the image is, and what of the request is not fulfilled."""
        notes = [Event("Normal", "Pulled", f'Image "{session.image}" is on this machine')]
        if session.gpus:
            text = f"GPUs are not enabled here: the request for {session.gpus} was dropped"
            notes.append(Event("Warning", "GpusDropped", text))
        if lost := [name for name, value in session.env if "\n" in value]:
            text = f"The engine takes no variables of several lines: {' '.join(lost)}"
            notes.append(Event("Warning", "EnvDropped", text))
        return notes

    async def prepare(self, session: Session) -> None:
        """Pull the image unless it is here."""
        if session.kind != "headless" and session.kind not in _PORTS:
            raise ImageAbsentError(f"this platform does not run sessions of type {session.kind}")
        status, _ = await _run(self.engine, "image", "inspect", session.image)
        if status:
            status, words = await _run(self.engine, "pull", session.image)
        if status:
            raise ImageAbsentError(words)

    async def start(self, session: Session) -> ContainerWork:
        """Start the container."""
        try:
            client = await asyncio.to_thread(self._start, session)
        except OSError as error:
            raise StartError(str(error)) from error
        return self._work(session, client)

    async def adopt(self, session: Session) -> ContainerWork | None:
        """Find the client that waits for the session's container."""
        client = await asyncio.to_thread(self.shims.find, session)
        return None if client is None else self._work(session, client)

    def log(self, session: Session) -> Path:
        """Return the file of the container's output and errors."""
        return self.shims.log(session)

    def address(self, session: Session) -> str | None:
        """Return where the container's port is to be found on this machine."""
        return self.shims.address(session)

    def secret(self, session: Session) -> str:
        """Return the token of a notebook's server."""
        return self.shims.secret(session)

    def discard(self, session: Session) -> None:
        """Remove the log."""
        self.shims.discard(session)

    def _work(self, session: Session, client: ShimWork) -> ContainerWork:
        return ContainerWork(self.engine, _name(session), client)

    def _start(self, session: Session) -> ShimWork:
        directory = self.shims.directory(session)
        directory.mkdir(parents=True, exist_ok=True)
        command, variables = self._inside(session)
        file = directory / "env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{n}={v}\n" for n, v in variables.items() if "\n" not in v))
        run = [self.engine, "run", *self._flags(session), "--env-file", str(file), *command]
        environment = inherited() | _for_engine() | {MARK: session.id}
        return self.shims.start(session, run, Path("/"), environment)

    def _inside(self, session: Session) -> tuple[list[str], dict[str, str]]:
        """Return the last words of the command, from the entrypoint on, and the variables."""
        home = f"/arc/home/{self.user}"
        variables = dict(session.env) | platform_variables(session, self.user, self.host, home)
        variables |= thread_variables(session)
        if session.kind == "notebook":
            own, secret = Path("/tmp/jupyter"), self.shims.secret(session)  # noqa: S108 - its own
            server = jupyter(session.id, "0.0.0.0", _PORTS["notebook"], Path("/"))  # noqa: S104
            variables |= server.variables(secret, own, self.user)
            command = server.command
            return ["--entrypoint", command[0], session.image, *command[1:]], variables
        entrypoint = [] if session.cmd is None else ["--entrypoint", session.cmd]
        return [*entrypoint, session.image, *(session.args or ())], variables

    def _flags(self, session: Session) -> list[str]:
        home = f"/arc/home/{self.user}"
        flags = [
            *("--rm", "--name", _name(session), "--hostname", session.name),
            *("--log-driver", "none"),
            *("--memory", f"{int(session.ram_limit * 1024)}m"),
            *("--cpus", f"{min(session.cores_limit, os.cpu_count() or 1):g}"),
            *("--ulimit", f"nofile={_most(resource.RLIMIT_NOFILE, _MOST_FILES)}"),
            *("--ulimit", f"nproc={_most(resource.RLIMIT_NPROC, _MOST_PROCESSES)}"),
            *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
            *("--user", f"{os.getuid()}:{os.getgid()}"),
            *("--volume", f"{self.shims.home()}:{home}", "--workdir", home),
        ]
        if Path(self.engine).name == "podman":
            # Else files in the user's home would seem to be somebody else's.
            flags += ["--security-opt", "label=disable"]
            flags += ["--userns", "keep-id"] if os.getuid() else []
        if inside := _PORTS.get(session.kind):
            port = free_port()
            self.shims.give_port(session, port)
            flags += ["--publish", f"127.0.0.1:{port}:{inside}"]
        return flags


def _name(session: Session) -> str:
    return f"skaha-{session.kind}-{session.id}"


def _for_engine() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _OF_ENGINES or name.startswith(_OF_ENGINES_PREFIXES)
    }


def _most(kind: int, most: int) -> str:
    _, hard = resource.getrlimit(kind)
    number = most if hard == resource.RLIM_INFINITY else min(most, hard)
    return f"{number}:{number}"


async def _run(*command: str) -> tuple[int, str]:
    """Run the engine to its end; return its status and its last words."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    lines = said.decode(errors="replace").strip().splitlines()
    return process.returncode or 0, lines[-1] if lines else "the engine said nothing"
