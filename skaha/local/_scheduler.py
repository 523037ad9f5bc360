"""The scheduler: it starts sessions in order of arrival, and supervises them until they end."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

from attrs import define, evolve, field

from skaha.local import _kubernetes
from skaha.local._faults import FaultInjector
from skaha.local._lifetimes import renewed_lifetime, retention
from skaha.local._machine import Machine
from skaha.local._options import Options
from skaha.local._runtimes import ImagePullError, Runtime, StartError, Workload
from skaha.local._session import PROCESS_PHASES, Event, Phase, Session
from skaha.local._store import Store

_RETRY_INTERVAL = 1.0

# The clock of the event loop stands still while the machine sleeps.
_LONGEST_SLEEP = 60.0

logger = logging.getLogger(__name__)


@define(eq=False)
class _Allocation:
    """A session that holds cores and memory, because it has processes or is about to start them."""

    session: Session
    stop: asyncio.Event = field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Scheduler:
    """Move sessions from phase to phase; only the scheduler does this.

    Its loop sleeps until a session arrives, ends or is deleted, or until the next time that is due
    in the store.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        machine: Machine,
        options: Options,
        injector: FaultInjector,
        node: str,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._machine = machine
        self._options = options
        self._injector = injector
        self._node = node
        self._allocations: dict[int, _Allocation] = {}
        self._wake = asyncio.Event()

    @property
    def cores(self) -> float:
        """The cores that running sessions have requested."""
        return sum(allocation.session.cores for allocation in self._allocations.values())

    @property
    def ram(self) -> float:
        """The memory that running sessions have requested, in GiB."""
        return sum(allocation.session.ram for allocation in self._allocations.values())

    @property
    def idle(self) -> bool:
        """Whether no session runs or is queued."""
        return not self._allocations and self._store.first_queued() is None

    def submit(self, session: Session) -> None:
        """Add a session to the queue."""
        delay = self._options.start_delay
        self._store.add(session, session.created + delay if delay else None)
        self._wake.set()

    def delete(self, session: Session) -> None:
        """Remove a session from the list at once, and end its processes."""
        try:
            self._unlist(session)
        except sqlite3.OperationalError:
            # On a full disk, the space of the session's log is needed to record its deletion.
            with suppress(OSError):
                os.truncate(self._runtime.log(session), 0)
            self._unlist(session)
        self._wake.set()

    def _unlist(self, session: Session) -> None:
        allocation = self._allocations.get(session.seq)
        if allocation is None:
            self._remove(session)
        else:
            self._store.mark_deleted(session)
            allocation.stop.set()

    def renew(self, session: Session) -> None:
        """Move the expiry of an active session to a lifetime from now, if that is later."""
        now = time.time()
        started = session.started or now
        lifetime = now - started + renewed_lifetime(self._options)
        if lifetime > session.lifetime:
            self._store.set_lifetime(session, lifetime, started + lifetime)

    def scheduling_event(self, session: Session) -> Event | None:
        """Return the event that names the missing resources of a queued session."""
        resources = self._insufficient_resources(session)
        return _kubernetes.failed_scheduling(resources) if resources else None

    async def recover(self) -> None:
        """Resume the sessions of an earlier run; call this before the first request."""
        for session in self._store.with_processes():
            workload = await self._runtime.reattach(session)
            if workload is not None:
                if session.phase is Phase.STARTING:
                    self._record_start(session)
                self._allocate(session, workload)
            elif session.deleted:
                self._remove(session)
            else:
                self._store.set_phase(session, Phase.QUEUED, now=time.time())

    async def run(self) -> None:
        """Schedule until this task is cancelled."""
        while True:
            self._wake.clear()
            sleep = self._schedule()
            try:
                async with asyncio.timeout(sleep):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """End all running sessions, because the platform ends."""
        tasks = []
        for allocation in self._allocations.values():
            if allocation.task and self._store.phase(allocation.session) in PROCESS_PHASES:
                self._record_failure(allocation.session, _kubernetes.killed(time.time()))
            allocation.stop.set()
            tasks.append(allocation.task)
        await asyncio.gather(*(task for task in tasks if task))

    def _schedule(self) -> float | None:
        """Do all work that is due now; return the longest time to sleep."""
        try:
            self._process_due()
            self._start_queued()
            due = self._store.next_due()
        except sqlite3.OperationalError:
            # The disk is probably full. A later attempt loses nothing.
            logger.exception("the scheduler cannot write to its database")
            return _RETRY_INTERVAL
        return None if due is None else min(max(0.0, due - time.time()), _LONGEST_SLEEP)

    def _process_due(self) -> None:
        now = time.time()
        for session in self._store.due(now):
            if session.phase is Phase.QUEUED:
                self._store.clear_due(session)
            elif session.active:
                self._record_failure(session, _kubernetes.deadline_exceeded(time.time()))
                if allocation := self._allocations.get(session.seq):
                    allocation.stop.set()
            else:
                self.delete(session)

    def _start_queued(self) -> None:
        """Start sessions in order of arrival, until the next session does not fit."""
        while session := self._store.first_queued():
            if self._insufficient_resources(session) or self._is_delayed(session):
                return
            self._store.set_phase(session, Phase.STARTING, now=time.time())
            self._allocate(session)

    def _is_delayed(self, session: Session) -> bool:
        return session.created + self._options.start_delay > time.time()

    def _insufficient_resources(self, session: Session) -> list[str]:
        # A session larger than the machine counts as large as the machine: it runs alone.
        resources = []
        if self.cores + min(session.cores, self._machine.cores) > self._machine.cores:
            resources.append("cpu")
        if self.ram + min(session.ram, self._machine.ram) > self._machine.ram:
            resources.append("memory")
        return resources

    def _allocate(self, session: Session, workload: Workload | None = None) -> None:
        allocation = _Allocation(session)
        if session.deleted:
            allocation.stop.set()
        self._allocations[session.seq] = allocation
        allocation.task = asyncio.create_task(self._supervise(allocation, workload))

    async def _supervise(self, allocation: _Allocation, workload: Workload | None) -> None:
        """Supervise a session from its start or its recovery until none of its processes runs."""
        session = allocation.session
        try:
            workload = workload or await self._start(allocation)
            # The session now has an expiry, which the loop has not seen yet.
            self._wake.set()
            if workload is not None:
                await self._follow(allocation, workload)
            if self._store.get(session.id, session.appid) is None:
                await _retry_while_disk_full(lambda: self._remove(session))
        except Exception as error:
            # Without this, the session would be shown as running for ever.
            logger.exception("the platform cannot supervise session %s", session.id)
            event = _kubernetes.internal_error(error, time.time())
            await _retry_while_disk_full(lambda: self._record_failure(session, event))
        finally:
            del self._allocations[session.seq]
            self._wake.set()

    async def _start(self, allocation: _Allocation) -> Workload | None:
        session = allocation.session
        try:
            if not await self._prepare(allocation):
                return None
            workload = await self._runtime.start(session)
        except ImagePullError as error:
            reason = str(error)
            await _retry_while_disk_full(lambda: self._record_pull_failure(session, reason))
        except StartError as error:
            reason = str(error)
            await _retry_while_disk_full(lambda: self._record_start_failure(session, reason))
        else:
            await _retry_while_disk_full(lambda: self._record_start(session))
            return workload
        return None

    async def _prepare(self, allocation: _Allocation) -> bool:
        """Prepare the image of a session; return `False` if the session was deleted meanwhile."""
        stuck = self._injector.faults.stuck
        if stuck is not None and allocation.session.name.startswith(stuck):
            raise ImagePullError("the registry is out of reach")
        preparation = asyncio.create_task(self._runtime.prepare(allocation.session))
        stop = asyncio.create_task(allocation.stop.wait())
        await asyncio.wait({preparation, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in (preparation, stop):
            task.cancel()
        await asyncio.wait({preparation})
        if preparation.cancelled():
            return False
        preparation.result()
        return not allocation.stop.is_set()

    async def _follow(self, allocation: _Allocation, workload: Workload) -> None:
        end = asyncio.create_task(workload.wait())
        stop = asyncio.create_task(allocation.stop.wait())
        ready = asyncio.create_task(self._wait_until_ready(allocation.session, workload))
        await asyncio.wait({end, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        ready.cancel()
        if not end.done():
            await workload.stop(self._options.grace)
        status = await end
        await _retry_while_disk_full(lambda: self._record_exit(allocation.session, status))
        # As in a container, background processes end with the command.
        await workload.stop(0)

    async def _wait_until_ready(self, session: Session, workload: Workload) -> None:
        await workload.ready()
        await _retry_while_disk_full(lambda: self._store.set_ready(session))

    def _record_start(self, session: Session) -> None:
        now = time.time()
        # A headless session has no port, and therefore no readiness check.
        phase = Phase.RUNNING if session.kind == "headless" else Phase.UNREADY
        events = [*self._scheduled_events(session, now), _kubernetes.started(session.id, now)]
        due = now + session.lifetime
        self._store.set_phase(session, phase, *events, now=now, due=due, started=now)

    def _record_pull_failure(self, session: Session, reason: str) -> None:
        now = time.time()
        events = [
            *self._scheduled_events(session, now),
            *_kubernetes.image_pull_failed(session.image, reason, now),
        ]
        due = now + session.lifetime
        self._store.set_phase(session, Phase.PULLING, *events, now=now, due=due, started=now)

    def _record_start_failure(self, session: Session, reason: str) -> None:
        now = time.time()
        events = [
            *self._scheduled_events(session, now),
            _kubernetes.start_failed(reason, now),
        ]
        due = now + retention(self._options, session.kind)
        self._store.set_phase(
            session, Phase.FAILED, *events, now=now, due=due, started=now, ended=now
        )

    def _scheduled_events(self, session: Session, now: float) -> list[Event]:
        differences = [evolve(event, at=now) for event in self._runtime.start_events(session)]
        return [_kubernetes.scheduled(session.id, self._node), *differences]

    def _record_exit(self, session: Session, status: int | None) -> None:
        """Record the end of a command, unless the end of its session is recorded already."""
        if self._store.phase(session) in PROCESS_PHASES:
            phase = Phase.COMPLETED if status == 0 else Phase.FAILED
            self._record_end(session, phase, _kubernetes.exited(status, time.time()))

    def _record_failure(self, session: Session, event: Event) -> None:
        self._record_end(session, Phase.FAILED, event)

    def _record_end(self, session: Session, phase: Phase, event: Event) -> None:
        now = time.time()
        due = now + retention(self._options, session.kind)
        self._store.set_phase(session, phase, event, now=now, due=due, ended=now)

    def _remove(self, session: Session) -> None:
        self._runtime.remove_files(session)
        self._store.remove(session)


async def _retry_while_disk_full(write: Callable[[], None]) -> None:
    """Repeat a write until it succeeds, so that no change of a session is lost."""
    while True:
        try:
            return write()
        except sqlite3.OperationalError:
            logger.exception("cannot record a change of a session; trying again")
            await asyncio.sleep(_RETRY_INTERVAL)
