"""The scheduler: it starts sessions in order of arrival, and supervises them until they end."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from attrs import define, evolve, field

from skaha.local import _kubernetes
from skaha.local._faults import FaultInjector
from skaha.local._lifetimes import renewed_lifetime, retention
from skaha.local._machine import Machine
from skaha.local._options import Options
from skaha.local._runtimes import ImagePullError, Runtime, StartError, Workload
from skaha.local._session import END_PHASES, PROCESS_PHASES, Event, Phase, Session
from skaha.local._store import Store

_RETRY_INTERVAL = 1.0

# Seconds for a deletion on a full disk, in addition to the grace.
_DELETE_TIMEOUT = 5.0

# The clock of the event loop stands still while the machine sleeps.
_LONGEST_SLEEP = 60.0

# The disk is full, or the database is damaged.
_WriteError = sqlite3.DatabaseError

logger = logging.getLogger(__name__)


@define(eq=False)
class _Allocation:
    """A session that holds cores and memory, because it has processes or is about to start them."""

    session: Session
    stop: asyncio.Event = field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    deleted: bool = False

    def delete(self) -> None:
        """End the processes of the session, then remove its files and its record."""
        self.deleted = True
        self.stop.set()


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
        check_space: Callable[[], None],
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._machine = machine
        self._options = options
        self._injector = injector
        self._node = node
        self._check_space = check_space
        self._allocations: dict[int, _Allocation] = {}
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()

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
        self._store.add(session, self._due(session))
        self._wake.set()

    async def delete(self, session: Session) -> None:
        """Remove a session from the list immediately, and end its processes.

        On a full disk, this method waits until the processes have ended and the files of the
        session are removed: the session may have filled the disk. Only then the deletion can be
        recorded, unless the database has room in its own files.

        Raises:
            sqlite3.DatabaseError: The deletion cannot be recorded.
        """
        allocation = self._allocations.get(session.seq)
        if allocation is None:
            self._remove(session)
        else:
            try:
                self._store.mark_deleted(session)
            except _WriteError:
                allocation.delete()
                if not await self._is_released(allocation):
                    raise
            else:
                allocation.delete()
                if await asyncio.to_thread(self._is_disk_full):
                    await self._is_released(allocation)
        self._wake.set()

    def _is_disk_full(self) -> bool:
        try:
            self._check_space()
        except OSError:
            return True
        return False

    async def _is_released(self, allocation: _Allocation) -> bool:
        """Wait for the end of a session's supervision; return `False` after a time-out."""
        if allocation.task is not None:
            timeout = self._options.grace + _DELETE_TIMEOUT
            await asyncio.wait({allocation.task}, timeout=timeout)
        return allocation.session.seq not in self._allocations

    def renew(self, session: Session) -> None:
        """Move the expiry of an active session to a lifetime from now, if that is later."""
        now = time.time()
        started = session.started or now
        lifetime = now - started + renewed_lifetime(self._options)
        if lifetime > session.lifetime:
            renewed = evolve(session, started=started, lifetime=lifetime)
            self._store.set_lifetime(session, lifetime, self._due(renewed))

    def scheduling_event(self, session: Session) -> Event | None:
        """Return the event that tells why a queued session does not start."""
        if resources := self._insufficient_resources(session):
            return _kubernetes.failed_scheduling(resources)
        first = self._store.first_queued()
        if first is None or first.seq == session.seq:
            return None
        resources = self._insufficient_resources(first)
        return _kubernetes.queued_behind(first.id, resources) if resources else None

    async def recover(self) -> None:
        """Resume the sessions of an earlier run; call this before the first request."""
        for session in self._store.with_processes():
            workload = await self._runtime.reattach(session)
            allocation = _Allocation(session)
            if session.deleted:
                allocation.delete()
            self._allocate(allocation, self._resume(allocation, workload))

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
        self._closing.set()
        tasks = []
        for allocation in self._allocations.values():
            # The next run records the end if this is not possible.
            with suppress(_WriteError):
                if self._store.phase(allocation.session) in PROCESS_PHASES:
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
        except _WriteError as error:
            # A later attempt loses nothing.
            logger.warning("the scheduler cannot use its database: %s; trying again", error)
            return _RETRY_INTERVAL
        return None if due is None else min(max(0.0, due - time.time()), _LONGEST_SLEEP)

    def _process_due(self) -> None:
        now = time.time()
        sessions = self._store.due(now)
        # First end the processes: on a full disk, this may make room for the records.
        for session in sessions:
            if allocation := self._allocations.get(session.seq):
                allocation.stop.set()
        for session in sessions:
            if session.phase in END_PHASES:
                self._expire_record(session)
            elif session.expiry is not None and session.expiry <= now:
                self._record_failure(session, _kubernetes.deadline_exceeded(now))
            else:
                # A queued session may start now.
                self._store.set_due(session, session.expiry)

    def _expire_record(self, session: Session) -> None:
        allocation = self._allocations.get(session.seq)
        if allocation is None:
            self._remove(session)
        else:
            self._store.mark_deleted(session)
            allocation.delete()

    def _start_queued(self) -> None:
        """Start sessions in order of arrival, until the next session does not fit."""
        while session := self._store.first_queued():
            if self._insufficient_resources(session) or self._is_delayed(session):
                return
            self._store.set_phase(session, Phase.STARTING, now=time.time(), due=session.expiry)
            allocation = _Allocation(session)
            self._allocate(allocation, self._start(allocation))

    def _due(self, session: Session) -> float | None:
        """Return the next time at which the scheduler must act on a session before its end."""
        if session.phase is Phase.QUEUED and self._is_delayed(session):
            return session.created + self._options.start_delay
        return session.expiry

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

    def _allocate(self, allocation: _Allocation, begin: Awaitable[Workload | None]) -> None:
        self._allocations[allocation.session.seq] = allocation
        allocation.task = asyncio.create_task(self._supervise(allocation, begin))

    async def _supervise(self, allocation: _Allocation, begin: Awaitable[Workload | None]) -> None:
        """Supervise a session from its start or its recovery until none of its processes runs."""
        session = allocation.session
        try:
            workload = await begin
            # The session now has an expiry, which the loop has not seen yet.
            self._wake.set()
            if workload is not None:
                await self._follow(allocation, workload)
            if allocation.deleted:
                await self._record(allocation, partial(self._remove, session), self._closing)
        except Exception as error:
            # Without this, the session would be shown as running for ever.
            logger.exception("the platform cannot supervise session %s", session.id)
            event = _kubernetes.internal_error(error, time.time())
            record = partial(self._record_failure, session, event)
            await self._record(allocation, record, self._closing)
        finally:
            del self._allocations[session.seq]
            self._wake.set()

    async def _resume(self, allocation: _Allocation, workload: Workload | None) -> Workload | None:
        """Record the progress of a session since the end of the earlier run."""
        session = allocation.session
        if workload is None and not allocation.deleted:
            await self._record(allocation, partial(self._record_lost, session))
        elif session.phase is Phase.STARTING:
            await self._record(allocation, partial(self._record_start, session))
        return workload

    async def _start(self, allocation: _Allocation) -> Workload | None:
        session = allocation.session
        try:
            if not await self._prepare(allocation):
                return None
            workload = await self._runtime.start(session)
        except ImagePullError as error:
            write = partial(self._record_pull_failure, session, str(error))
            workload = None
        except StartError as error:
            write = partial(self._record_start_failure, session, str(error))
            workload = None
        else:
            write = partial(self._record_start, session)
        await self._record(allocation, write)
        return workload

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
        ready = asyncio.create_task(self._wait_until_ready(allocation, workload))
        await asyncio.wait({end, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        ready.cancel()
        if not end.done():
            await workload.stop(self._options.grace)
        status = await end
        # As in a container, background processes end with the command. They may fill the disk, so
        # do not wait for the record.
        record = partial(self._record_exit, allocation.session, status)
        await asyncio.gather(self._record(allocation, record), workload.stop(0))

    async def _wait_until_ready(self, allocation: _Allocation, workload: Workload) -> None:
        await workload.ready()
        await self._record(allocation, partial(self._store.set_ready, allocation.session))

    async def _record(
        self,
        allocation: _Allocation,
        write: Callable[[], None],
        give_up: asyncio.Event | None = None,
    ) -> None:
        """Write a change of a session; while the disk is full, repeat this until it succeeds.

        Args:
            allocation: The session.
            write: The function that writes the change.
            give_up: The event that ends the repetition. The default is the request to end the
                session: its processes must not wait for the disk, and its end is recorded later.
        """
        give_up = give_up or allocation.stop
        has_warned = False
        while True:
            try:
                return write()
            except _WriteError as error:
                if give_up.is_set():
                    return None
                if not has_warned:
                    has_warned = True
                    text = "cannot record a change of session %s: %s; trying again"
                    logger.warning(text, allocation.session.id, error)
            with suppress(TimeoutError):
                await asyncio.wait_for(give_up.wait(), _RETRY_INTERVAL)

    def _record_start(self, session: Session) -> None:
        # A headless session has no port, and therefore no readiness check.
        phase = Phase.RUNNING if session.kind == "headless" else Phase.UNREADY
        now = time.time()
        events = [
            *(evolve(event, at=now) for event in self._runtime.start_events(session)),
            _kubernetes.started(session.id, now),
        ]
        self._record_scheduled(session, phase, events, now)

    def _record_pull_failure(self, session: Session, reason: str) -> None:
        now = time.time()
        events = _kubernetes.image_pull_failed(session.image, reason, now)
        self._record_scheduled(session, Phase.PULLING, events, now)

    def _record_start_failure(self, session: Session, reason: str) -> None:
        now = time.time()
        events = [
            *(evolve(event, at=now) for event in self._runtime.start_events(session)),
            _kubernetes.start_failed(reason, now),
        ]
        self._record_scheduled(session, Phase.FAILED, events, now)

    def _record_scheduled(
        self, session: Session, phase: Phase, events: list[Event], now: float
    ) -> None:
        """Record the result of a start, unless the session is deleted or its end is recorded."""
        current = self._store.get(session.id, session.appid)
        if current is None or current.phase in END_PHASES:
            return
        dropped = [evolve(event, at=now) for event in self._runtime.schedule_events(session)]
        events = [_kubernetes.scheduled(session.id, self._node), *dropped, *events]
        started = current.started or now
        if phase is Phase.FAILED:
            due, ended = now + retention(self._options, session.kind), now
        else:
            due, ended = started + current.lifetime, None
        self._store.set_phase(
            session, phase, *events, now=now, due=due, started=started, ended=ended
        )

    def _record_exit(self, session: Session, status: int | None) -> None:
        """Record the end of a command, unless the end of its session is recorded already."""
        if self._store.phase(session) not in END_PHASES:
            phase = Phase.COMPLETED if status == 0 else Phase.FAILED
            self._record_end(session, phase, _kubernetes.exited(status, time.time()))

    def _record_lost(self, session: Session) -> None:
        """Record that there is no trace of the processes of a session."""
        if session.phase is Phase.STARTING:
            # The daemon was killed before it started them.
            self._store.set_phase(session, Phase.QUEUED, now=time.time(), due=session.expiry)
        else:
            self._record_exit(session, None)

    def _record_failure(self, session: Session, event: Event) -> None:
        self._record_end(session, Phase.FAILED, event)

    def _record_end(self, session: Session, phase: Phase, event: Event) -> None:
        now = time.time()
        due = now + retention(self._options, session.kind)
        self._store.set_phase(session, phase, event, now=now, due=due, ended=now)

    def _remove(self, session: Session) -> None:
        # The files first: on a full disk, this makes room for the change of the record.
        self._runtime.remove_files(session)
        self._store.remove(session)
