"""All processes of a session, including those that have detached themselves.

A process belongs to a session if the session's id is in its environment, or if one of its ancestors
belongs to the session. All descendants inherit the environment unless they clear it. The shim of a
session is an ancestor of all its processes.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil
from attrs import frozen

SESSION_VARIABLE = "skaha_sessionid"

_SNAPSHOT_INTERVAL = 1.0
_KILL_TIMEOUT = 5.0
_POLL_INTERVAL = 0.05
_CLOCK_TICK = 0.01

logger = logging.getLogger(__name__)


@frozen
class ProcessSnapshot:
    """All processes of this machine at one moment, without zombies.

    Attributes:
        processes: The processes by process id.
        parents: The process id of the parent of each process.
        session_ids: The session id in the environment of each process that has one.
    """

    processes: dict[int, psutil.Process]
    parents: dict[int, int]
    session_ids: dict[int, str]

    @classmethod
    def take(cls) -> "ProcessSnapshot":
        """Read all processes."""
        snapshot = cls({}, {}, {})
        # Do not use `psutil.process_iter`: it caches processes, and does not send a signal to a new
        # process with the id of an old process.
        for pid in psutil.pids():
            # The process may have ended, or the system may hide the processes of other users.
            with suppress(psutil.Error):
                snapshot._add(psutil.Process(pid))
        return snapshot

    def of_session(self, session_id: str) -> list[psutil.Process]:
        """Return the processes of a session."""
        roots = {pid for pid, owner in self.session_ids.items() if owner == session_id}
        if not roots:
            return []
        return [
            process
            for pid, process in self.processes.items()
            if pid in roots or _descends(pid, self.parents, roots)
        ]

    def by_session(self) -> dict[str, list[psutil.Process]]:
        """Return the processes of all sessions, by the ids of the sessions."""
        owners: dict[int, str | None] = dict(self.session_ids)
        groups: dict[str, list[psutil.Process]] = {}
        for pid, process in self.processes.items():
            if owner := self._owner(pid, owners):
                groups.setdefault(owner, []).append(process)
        return groups

    def _owner(self, pid: int, owners: dict[int, str | None]) -> str | None:
        """Return the session of a process or of its nearest ancestor, and note it."""
        line: dict[int, None] = {}
        while pid not in owners and pid in self.parents and pid not in line:
            line[pid] = None
            pid = self.parents[pid]
        owner = owners.get(pid)
        owners |= dict.fromkeys(line, owner)
        return owner

    def _add(self, process: psutil.Process) -> None:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            self.processes[process.pid] = process
            self.parents[process.pid] = process.ppid()
            with suppress(psutil.Error):
                session_id = process.environ().get(SESSION_VARIABLE)
                if session_id is not None:
                    self.session_ids[process.pid] = session_id


@frozen
class ProcessUsage:
    """The use of some processes.

    Attributes:
        cpu_seconds: The CPU time of the processes, and of the children that have ended.
        ram: The memory in bytes; memory that processes share counts for each of them.
        age: The seconds since the start of the first process.
    """

    cpu_seconds: float
    ram: int
    age: float


def measure(processes: Iterable[psutil.Process], shim: int | None = None) -> ProcessUsage | None:
    """Measure the use of processes.

    Args:
        processes: The processes.
        shim: The process that belongs to the platform: only its ended children count.

    Returns:
        The use, or `None` if no process runs.
    """
    cpu_seconds, ram, starts = 0.0, 0, []
    for process in processes:
        # The process may have ended.
        with suppress(psutil.Error), process.oneshot():
            times, start = process.cpu_times(), process.create_time()
            cpu_seconds += times.children_user + times.children_system
            if process.pid != shim:
                cpu_seconds += times.user + times.system
                ram += process.memory_info().rss
                starts.append(start)
    if not starts:
        return None
    return ProcessUsage(cpu_seconds, ram, max(_CLOCK_TICK, time.time() - min(starts)))


def is_in_other_namespace(process: psutil.Process) -> bool:
    """Return whether a process runs in a container, as far as this machine tells it."""
    with suppress(OSError):
        own, other = (Path(f"/proc/{name}/ns/pid").stat() for name in ("self", process.pid))
        return own.st_ino != other.st_ino
    return False


class _SharedSnapshots:
    """Snapshots that all callers share, because hundreds of sessions may end at the same time."""

    def __init__(self) -> None:
        self._current: asyncio.Task[ProcessSnapshot] | None = None
        self._next: asyncio.Task[ProcessSnapshot] | None = None

    async def take(self) -> ProcessSnapshot:
        """Return a snapshot that does not start before this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._take_after(self._current))
        return await asyncio.shield(self._next)

    async def _take_after(self, previous: asyncio.Task[ProcessSnapshot] | None) -> ProcessSnapshot:
        if previous is not None and not previous.done():
            await asyncio.wait({previous})
        # This snapshot may miss a process that starts from here on. Later callers get the next.
        self._current, self._next = self._next, None
        return await asyncio.to_thread(ProcessSnapshot.take)


_snapshots = _SharedSnapshots()


def belongs_to_session(process: psutil.Process, session_id: str) -> bool:
    """Return whether the session's id is in the environment of a process."""
    try:
        return process.environ().get(SESSION_VARIABLE) == session_id
    except psutil.Error:
        return False


async def wait_for_exit(pid: int) -> None:
    """Wait until a process has ended; it need not be a child of this process."""
    descriptor = _open_pidfd(pid)
    if descriptor is None:
        while _runs(pid):  # noqa: ASYNC110 - no event exists without a descriptor
            await asyncio.sleep(_POLL_INTERVAL)
        return
    try:
        await _wait_until_readable(descriptor)
    finally:
        os.close(descriptor)


async def terminate_session(session_id: str, shim: int | None, grace: float) -> None:
    """Ask all processes of a session to end, and kill the remaining ones after `grace` seconds.

    The shim gets no signal while other processes remain: it ends after its command, when it has
    reaped the command and recorded the exit status.
    """
    deadline = time.monotonic() + grace
    signalled: set[tuple[int, int]] = set()
    warned = False
    while processes := (await _snapshots.take()).of_session(session_id):
        remaining = deadline - time.monotonic()
        number = signal.SIGTERM if remaining > 0 else signal.SIGKILL
        for process in [process for process in processes if process.pid != shim] or processes:
            if (process.pid, number) not in signalled:
                signalled.add((process.pid, number))
                _signal(process, number)
        if remaining < -_KILL_TIMEOUT and not warned:
            warned = True
            pids = [process.pid for process in processes]
            logger.warning("session %s: its processes %s do not end", session_id, pids)
        wait = min(remaining, _SNAPSHOT_INTERVAL) if remaining > 0 else _SNAPSHOT_INTERVAL
        await _wait_for_any_exit(processes, wait)


async def _wait_for_any_exit(processes: list[psutil.Process], seconds: float) -> None:
    exits = [asyncio.ensure_future(wait_for_exit(process.pid)) for process in processes]
    await asyncio.wait(exits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in exits:
        task.cancel()
    await asyncio.gather(*exits, return_exceptions=True)


def _signal(process: psutil.Process, number: int) -> None:
    # The process may have ended, or may have more rights than this process.
    with suppress(psutil.Error):
        process.send_signal(number)


def _descends(pid: int, parents: dict[int, int], roots: set[int]) -> bool:
    seen: set[int] = set()
    while pid in parents and pid not in seen:
        if pid in roots:
            return True
        seen.add(pid)
        pid = parents[pid]
    return False


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _open_pidfd(pid: int) -> int | None:
    # Only Linux has process descriptors, and some sandboxes forbid them.
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


async def _wait_until_readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
