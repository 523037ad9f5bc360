"""The base class of all runtimes, with the files and secrets of their sessions."""

import asyncio
import hashlib
import hmac
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil
from attrs import field, frozen

from skaha.local._private_directory import make_private_directory
from skaha.local._runtimes import _shim
from skaha.local._runtimes._process_tree import ProcessSnapshot, ProcessUsage, measure
from skaha.local._runtimes._shim import Command, ShimWorkload
from skaha.local._session import Event, Session


class StartError(Exception):
    """A session cannot start; its events show this message."""


class ImagePullError(Exception):
    """The image of a session cannot be used; the session's events show this message."""


class Workload(Protocol):
    """The processes of a session."""

    async def ready(self) -> None:
        """Wait until the session answers on its port; return immediately if it has no port."""

    async def wait(self) -> int | None:
        """Wait for the end; return the exit status, or `None` if it is lost."""

    async def stop(self, grace: float) -> None:
        """Ask all processes to end, and kill them after `grace` seconds."""


@frozen
class Runtime(ABC):
    """A way to run sessions.

    Attributes:
        root: The directory with a subdirectory for the files of each session.
        key: The key of the sessions' secrets.
        user: The name of the user on the platform.
        host: The value of `skaha_hostname` in sessions.
    """

    root: Path
    key: bytes = field(repr=False)
    user: str
    host: str

    def unsupported_reason(self, kind: str) -> str | None:  # noqa: ARG002 - for subclasses
        """Return the reason why the platform refuses sessions of a kind, or `None`."""
        return None

    def schedule_events(self, session: Session) -> list[Event]:
        """Return the events of requests that are dropped before the start of a session."""
        if not session.gpus:
            return []
        text = f"GPUs are not enabled here: the request for {session.gpus} was dropped"
        return [Event("Warning", "GpusDropped", text)]

    @abstractmethod
    def start_events(self, session: Session) -> list[Event]:
        """Return the events that tell how a started session differs from the real platform."""

    @abstractmethod
    async def prepare(self, session: Session) -> None:
        """Get the image of a session; this may take long, and may be cancelled.

        Raises:
            ImagePullError: The image cannot be used.
        """

    @abstractmethod
    def command(self, session: Session) -> Command:
        """Return the command that runs a session; this may write files and takes some time.

        Raises:
            StartError: There is no such command.
        """

    def measure(self, sessions: Iterable[Session]) -> dict[int, ProcessUsage]:
        """Measure the use of running sessions; this takes some time.

        Returns:
            The use of each session by its `seq`; a session is absent if its use is not known. An
            app of a desktop counts as a part of the desktop.
        """
        groups = ProcessSnapshot.take().by_session()
        usages = {}
        for session in sessions:
            processes = [] if session.appid else groups.get(session.id, [])
            shim = _shim.process_id(self.directory(session))
            if usage := measure(self._own_processes(processes), shim):
                usages[session.seq] = usage
        return usages

    def _own_processes(self, processes: Iterable[psutil.Process]) -> Iterable[psutil.Process]:
        """Return the processes that the session started itself."""
        return processes

    def workload(self, session: Session, shim: ShimWorkload) -> Workload:  # noqa: ARG002
        """Return the workload of a session whose command runs under a shim."""
        return shim

    async def start(self, session: Session) -> Workload:
        """Start the command of a session.

        Raises:
            StartError: It cannot start.
        """
        try:
            shim = await asyncio.to_thread(self._start, session)
        except (OSError, ValueError) as error:
            raise StartError(str(error)) from error
        return self.workload(session, shim)

    def _start(self, session: Session) -> ShimWorkload:
        directory = self.directory(session)
        make_private_directory(directory)
        return _shim.start(session.id, directory, self.command(session))

    async def reattach(self, session: Session) -> Workload | None:
        """Find the processes that an earlier run started; return `None` if it started none."""
        shim = await asyncio.to_thread(_shim.find, session.id, self.directory(session))
        return None if shim is None else self.workload(session, shim)

    def directory(self, session: Session) -> Path:
        """Return the directory of a session's files."""
        return self.root / f"{session.id}{session.appid}"

    def log(self, session: Session) -> Path:
        """Return the file of a session's output and errors; it may not exist yet."""
        return _shim.log(self.directory(session))

    def url(self, session: Session) -> str | None:
        """Return the base URL of an interactive session, or `None` if it has no port."""
        port = _shim.port(self.directory(session))
        if port is None:
            return None
        path = f"/session/notebook/{session.id}" if session.kind == "notebook" else ""
        return f"http://127.0.0.1:{port}{path}"

    def secret(self, session: Session) -> str:
        """Return the access token of a notebook.

        The session's id cannot be the token: other users of this machine can see it.
        """
        return hmac.new(self.key, session.id.encode(), hashlib.sha256).hexdigest()

    def remove_files(self, session: Session) -> None:
        """Remove the files of a session that has ended."""
        shutil.rmtree(self.directory(session), ignore_errors=True)

    def home(self) -> Path:
        """Return the user's home directory; without it, a directory of the platform."""
        with suppress(RuntimeError):
            home = Path.home()
            if os.access(home, os.R_OK | os.X_OK):
                return home
        substitute = self.root / "home"
        make_private_directory(substitute)
        return substitute
