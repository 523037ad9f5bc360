"""Who runs when: starts what fits, in order of arrival, and follows it to its end."""

import asyncio
import logging
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

from attrs import define, evolve, field

from skaha.local._faults import Switches
from skaha.local._machine import Machine
from skaha.local._options import Options
from skaha.local._runtimes import ImageAbsentError, Runtime, StartError, Work
from skaha.local._session import ALIVE, Event, Phase, Session
from skaha.local._store import Store

_RETRY = 1.0

# The loop's clock stands still while the machine sleeps.
_LONGEST_SLEEP = 60.0

# A shell reports an end by signal n as this plus n.
_SIGNALLED = 128

logger = logging.getLogger(__name__)


@define(eq=False)
class _Held:
    """A session that has, or is about to have, processes, and so holds cores and memory."""

    session: Session
    stop: asyncio.Event = field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Scheduler:
    """Moves sessions from phase to phase; nobody else does.

    The loop sleeps until something happens: a session arrives, ends or is deleted, or the clock
    reaches the next moment that the store knows of.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        machine: Machine,
        options: Options,
        switches: Switches,
        node: str,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._machine = machine
        self._options = options
        self._switches = switches
        self._node = node
        self._held: dict[int, _Held] = {}
        self._wake = asyncio.Event()

    @property
    def cores(self) -> float:
        """Cores that running sessions have requested."""
        return sum(held.session.cores for held in self._held.values())

    @property
    def ram(self) -> float:
        """GiB that running sessions have requested."""
        return sum(held.session.ram for held in self._held.values())

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits for its turn."""
        return not self._held and self._store.first_queued() is None

    def submit(self, session: Session) -> None:
        """Accept a session; it starts when its turn comes."""
        delay = self._options.start_delay
        self._store.add(session, session.created + delay if delay else None)
        self._wake.set()

    def delete(self, session: Session) -> None:
        """Delete a session: it is unlisted at once and its processes are ended."""
        try:
            self._unlist(session)
        except sqlite3.OperationalError:
            # What goes makes room on a full disk for the note that it is gone.
            with suppress(OSError):
                os.truncate(self._runtime.log(session), 0)
            self._unlist(session)
        self._wake.set()

    def _unlist(self, session: Session) -> None:
        held = self._held.get(session.seq)
        if held is None:
            self._forget(session)
        else:
            self._store.hide(session)
            held.stop.set()

    def renew(self, session: Session) -> None:
        """Let an active session live its lifetime from now on, if that is longer."""
        now = time.time()
        started = session.started or now
        lifetime = now - started + self._options.renewal
        if lifetime > session.lifetime:
            self._store.prolong(session, lifetime, started + lifetime)

    def shortage(self, session: Session) -> str | None:
        """Return what a queued session waits for, in the platform's words."""
        lacking = [f"1 Insufficient {what}." for what in self._lacking(session)]
        return f"0/1 nodes are available: {' '.join(lacking)}" if lacking else None

    async def recover(self) -> None:
        """Take up what an earlier run has left, before anything is asked of this one."""
        for session in self._store.at_work():
            work = await self._runtime.adopt(session)
            if work is not None:
                if session.phase is Phase.STARTING:
                    self._begin(session)
                self._hold(session, work)
            elif session.deleted:
                self._forget(session)
            else:
                self._store.move(session, Phase.QUEUED, now=time.time())

    async def run(self) -> None:
        """Schedule until cancelled."""
        while True:
            self._wake.clear()
            wait = self._turn()
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """End every running session: the platform is going down."""
        tasks = []
        for held in self._held.values():
            if held.task and self._store.phase(held.session) in ALIVE:
                self._fail(held.session, "Killing", "The platform was stopped")
            held.stop.set()
            tasks.append(held.task)
        await asyncio.gather(*(task for task in tasks if task))

    def _turn(self) -> float | None:
        """Do all there is to do now; return how long to sleep at most."""
        try:
            self._attend()
            self._fill()
            due = self._store.next_due()
        except sqlite3.OperationalError:
            # A full disk, most likely: nothing is lost by trying again.
            logger.exception("the scheduler cannot write")
            return _RETRY
        return None if due is None else min(max(0.0, due - time.time()), _LONGEST_SLEEP)

    def _attend(self) -> None:
        """See to the sessions whose moment has come."""
        now = time.time()
        for session in self._store.due(now):
            if session.phase is Phase.QUEUED:
                self._store.ripen(session)
            elif session.active:
                self._fail(session, "DeadlineExceeded", "Active longer than its lifetime")
                if held := self._held.get(session.seq):
                    held.stop.set()
            else:
                self.delete(session)

    def _fill(self) -> None:
        """Start sessions in order of arrival as long as the next one fits."""
        while (session := self._store.first_queued()) and not self._lacking(session):
            if self._delayed(session):
                return
            self._store.move(session, Phase.STARTING, now=time.time())
            self._hold(session)

    def _delayed(self, session: Session) -> bool:
        return session.created + self._options.start_delay > time.time()

    def _lacking(self, session: Session) -> list[str]:
        # A session larger than the machine counts as large as the machine: it runs alone.
        lacking = []
        if self.cores + min(session.cores, self._machine.cores) > self._machine.cores:
            lacking.append("cpu")
        if self.ram + min(session.ram, self._machine.ram) > self._machine.ram:
            lacking.append("memory")
        return lacking

    def _hold(self, session: Session, work: Work | None = None) -> None:
        held = _Held(session)
        if session.deleted:
            held.stop.set()
        self._held[session.seq] = held
        held.task = asyncio.create_task(self._live(held, work))

    async def _live(self, held: _Held, work: Work | None) -> None:
        """Follow one session from its start, or its adoption, until nothing of it runs."""
        try:
            work = work or await self._start(held)
            # It now has a lifetime, of which the loop does not know yet.
            self._wake.set()
            if work is not None:
                await self._follow(held, work)
            if self._store.get(held.session.id, held.session.appid) is None:
                await _insist(lambda: self._forget(held.session))
        except Exception as error:
            # One that cannot be followed must not look as if it ran for ever.
            logger.exception("session %s is out of control", held.session.id)
            reason = f"The platform has lost control of it: {error}"
            await _insist(lambda: self._fail(held.session, "Failed", reason))
        finally:
            del self._held[held.session.seq]
            self._wake.set()

    async def _start(self, held: _Held) -> Work | None:
        session = held.session
        try:
            if not await self._prepare(held):
                return None
            work = await self._runtime.start(session)
        except ImageAbsentError as absence:
            reason = str(absence)
            await _insist(lambda: self._pull(session, reason))
        except StartError as failure:
            reason = f"Error: failed to start container: {failure}"
            await _insist(lambda: self._refuse(session, reason))
        else:
            await _insist(lambda: self._begin(session))
            return work
        return None

    async def _prepare(self, held: _Held) -> bool:
        """Get what a session needs; return whether it is still wanted then."""
        stuck = self._switches.faults.stuck
        if stuck is not None and held.session.name.startswith(stuck):
            raise ImageAbsentError("the registry is out of reach")
        preparation = asyncio.create_task(self._runtime.prepare(held.session))
        stop = asyncio.create_task(held.stop.wait())
        await asyncio.wait({preparation, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in (preparation, stop):
            task.cancel()
        await asyncio.wait({preparation})
        if preparation.cancelled():
            return False
        preparation.result()
        return not held.stop.is_set()

    async def _follow(self, held: _Held, work: Work) -> None:
        end = asyncio.create_task(work.wait())
        stop = asyncio.create_task(held.stop.wait())
        ready = asyncio.create_task(self._admit(held.session, work))
        await asyncio.wait({end, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        ready.cancel()
        if not end.done():
            await work.stop(self._options.grace)
        status = await end
        await _insist(lambda: self._settle(held.session, status))
        # As in a container, what the command has left behind ends with it.
        await work.stop(0)

    async def _admit(self, session: Session, work: Work) -> None:
        await work.ready()
        await _insist(lambda: self._store.admit(session))

    def _begin(self, session: Session) -> None:
        now = time.time()
        # What nobody connects to has no test of its readiness.
        phase = Phase.RUNNING if session.kind == "headless" else Phase.UNREADY
        events = [
            *self._scheduled(session, now),
            Event("Normal", "Started", f"Started the command of session {session.id}", now),
        ]
        due = now + session.lifetime
        self._store.move(session, phase, *events, now=now, due=due, started=now)

    def _pull(self, session: Session, reason: str) -> None:
        now = time.time()
        image = f'image "{session.image}"'
        events = [
            *self._scheduled(session, now),
            Event("Normal", "Pulling", f"Pulling {image}", now),
            Event("Warning", "Failed", f"Failed to pull {image}: {reason}", now),
            Event("Warning", "Failed", "Error: ErrImagePull", now),
            Event("Normal", "BackOff", f"Back-off pulling {image}", now),
            Event("Warning", "Failed", "Error: ImagePullBackOff", now),
        ]
        due = now + session.lifetime
        self._store.move(session, Phase.PULLING, *events, now=now, due=due, started=now)

    def _refuse(self, session: Session, reason: str) -> None:
        now = time.time()
        events = [*self._scheduled(session, now), Event("Warning", "Failed", reason, now)]
        due = now + self._options.retention(session.kind)
        self._store.move(session, Phase.FAILED, *events, now=now, due=due, started=now, ended=now)

    def _scheduled(self, session: Session, now: float) -> list[Event]:
        # The platform's scheduler leaves the times of its events out.
        placed = Event("Normal", "Scheduled", f"Successfully assigned {session.id} to {self._node}")
        notes = self._runtime.notes(session)
        return [placed, *(evolve(note, at=now) for note in notes)]

    def _settle(self, session: Session, status: int | None) -> None:
        """Write down how a command ended, unless its session was ended for another reason."""
        if self._store.phase(session) in ALIVE:
            phase, event = _verdict(status, now := time.time())
            due = now + self._options.retention(session.kind)
            self._store.move(session, phase, event, now=now, due=due, ended=now)

    def _fail(self, session: Session, reason: str, message: str) -> None:
        now = time.time()
        due = now + self._options.retention(session.kind)
        event = Event("Warning", reason, message, now)
        self._store.move(session, Phase.FAILED, event, now=now, due=due, ended=now)

    def _forget(self, session: Session) -> None:
        self._runtime.discard(session)
        self._store.remove(session)


def _verdict(status: int | None, now: float) -> tuple[Phase, Event]:
    if status == 0:
        return Phase.COMPLETED, Event("Normal", "Completed", "Exit status 0", now)
    if status is None:
        message = "Gone without an exit status: the machine was restarted, or it was killed"
    elif status < 0:
        message = f"Killed by signal {-status}"
    elif status - _SIGNALLED in signal.valid_signals():
        message = f"Exit status {status}: killed by signal {status - _SIGNALLED}"
    else:
        message = f"Exit status {status}"
    return Phase.FAILED, Event("Warning", "Failed", message, now)


async def _insist(write: Callable[[], None]) -> None:
    """Write again and again while the disk is full: what happened must not be lost."""
    while True:
        try:
            return write()
        except sqlite3.OperationalError:
            logger.exception("cannot write what happened to a session; trying again")
            await asyncio.sleep(_RETRY)
