"""Everything that runs for one session, however it detached itself.

A process belongs to a session when it carries the session's id in its environment, as all
descendants do unless they clear it, or when it descends from one that does.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress

import psutil
from attrs import frozen

MARK = "skaha_sessionid"

_LOOK_AGAIN = 1.0


@frozen
class Census:
    """All processes of this machine, zombies excepted, at one moment.

    Attributes:
        processes: Each by its number.
        parents: The number of the parent of each.
        marks: Which session's mark is in the environment, where there is one.
    """

    processes: dict[int, psutil.Process]
    parents: dict[int, int]
    marks: dict[int, str]

    @classmethod
    def take(cls) -> "Census":
        """Look at every process."""
        census = cls({}, {}, {})
        # Not psutil's own iterator: it remembers processes, and would refuse to signal a new one
        # that has got the number of an old one.
        for pid in psutil.pids():
            with suppress(psutil.NoSuchProcess):
                census._count(psutil.Process(pid))
        return census

    def members(self, session_id: str) -> list[psutil.Process]:
        """Return the processes of a session."""
        marked = {pid for pid, mark in self.marks.items() if mark == session_id}
        if not marked:
            return []
        return [
            process
            for pid, process in self.processes.items()
            if pid in marked or _descends(pid, self.parents, marked)
        ]

    def _count(self, process: psutil.Process) -> None:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            self.processes[process.pid] = process
            self.parents[process.pid] = process.ppid()
            with suppress(psutil.Error):
                mark = process.environ().get(MARK)
                if mark is not None:
                    self.marks[process.pid] = mark


class _Lookout:
    """Takes a census for all who ask for one in the meantime, as hundreds of sessions may."""

    def __init__(self) -> None:
        self._taking: asyncio.Task[Census] | None = None
        self._next: asyncio.Task[Census] | None = None

    async def census(self) -> Census:
        """Return a census that was not begun before this was called."""
        if self._next is None:
            self._next = asyncio.create_task(self._take(self._taking))
        return await asyncio.shield(self._next)

    async def _take(self, before: asyncio.Task[Census] | None) -> Census:
        if before is not None and not before.done():
            await asyncio.wait({before})
        # From here on a process may start that this census misses: who asks now waits for the next.
        self._taking, self._next = self._next, None
        return await asyncio.to_thread(Census.take)


_lookout = _Lookout()


def is_marked(process: psutil.Process, session_id: str) -> bool:
    """Return whether a process carries the id of the session."""
    try:
        return process.environ().get(MARK) == session_id
    except psutil.Error:
        return False


async def ended(pid: int) -> None:
    """Wait until a process, a child of ours or not, has ended."""
    watch = _descriptor(pid)
    if watch is None:
        while _runs(pid):  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.05)
        return
    try:
        await _readable(watch)
    finally:
        os.close(watch)


async def end(session_id: str, shim: int | None, grace: float) -> None:
    """Ask every process of a session to end, and kill after `grace` seconds what did not.

    The shim is spared while others remain: it ends by itself when its command has, having reaped
    the command and written down how it ended.
    """
    deadline = time.monotonic() + grace
    signalled: set[tuple[int, int]] = set()
    while found := (await _lookout.census()).members(session_id):
        left = deadline - time.monotonic()
        number = signal.SIGTERM if left > 0 else signal.SIGKILL
        for process in [p for p in found if p.pid != shim] or found:
            if (process.pid, number) not in signalled:
                signalled.add((process.pid, number))
                _signal(process, number)
        await _any_ended(found, min(left, _LOOK_AGAIN) if left > 0 else _LOOK_AGAIN)


async def _any_ended(processes: list[psutil.Process], seconds: float) -> None:
    watches = [asyncio.ensure_future(ended(process.pid)) for process in processes]
    await asyncio.wait(watches, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for watch in watches:
        watch.cancel()
    await asyncio.gather(*watches, return_exceptions=True)


def _signal(process: psutil.Process, number: int) -> None:
    # Gone already, or (a program with more rights than ours) not ours to end.
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


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _runs(pid: int) -> bool:
    try:
        return _alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _descriptor(pid: int) -> int | None:
    # Linux only, and some sandboxes leave it out.
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
