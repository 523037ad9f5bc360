"""A cluster whose workers are sessions: it launches them, watches them and ends them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_timedelta
from distributed.core import Status
from distributed.deploy.spec import SpecCluster

from skaha._sansio.polling import PollingInterval
from skaha.dask._process_interface import Batch, WorkerSession
from skaha.errors import FailedSessionError, InvalidInputError, SkahaError, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Self

    from skaha.dask._worker_sessions import WorkerSessions

log = logging.getLogger("skaha")

# Seconds between two looks at the sessions of workers that are not connected.
_FIRST_LOOK, _LONGEST_LOOK = 0.5, 15.0
# Seconds in which adaptive scaling launches nothing after a failure.
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
# Seconds in which the results of workers move to others before their sessions are deleted.
_RETIRE_SECONDS = 60.0
# Seconds between two looks of a wait for workers.
_WAIT_INTERVAL = 0.2
# Reasons in one message.
MAX_REASONS = 5


class SessionCluster(SpecCluster):
    """A Dask cluster whose workers are sessions.

    The methods of this class run in the event loop of the cluster. Those of `WorkerSessions` block,
    so they run in threads.
    """

    def __init__(
        self,
        sessions: WorkerSessions,
        name: str,
        n_workers: int,
        nthreads: int | None,
        memory_limit: str | None,
        **options: Any,
    ) -> None:
        """Start the scheduler, and launch the first workers.

        Args:
            sessions: The sessions of the workers; none of them is launched yet.
            name: Name of the cluster, with which the names of the workers begin.
            n_workers: Number of the first workers.
            nthreads: Threads of each worker; `None` if the platform decides it.
            memory_limit: Memory of each worker; `None` if the platform decides it.
            **options: Other arguments of `SpecCluster`.
        """
        self._sessions = sessions
        # Names of earlier workers are not used again: the scheduler may still know them.
        self._next_number = n_workers
        self._refused: dict[str, SkahaError] = {}
        # Since when the connection of a worker is lost.
        self._lost: dict[str, float] = {}
        self._has_changed = asyncio.Event()
        self._pause = PollingInterval(_FIRST_PAUSE, _LONGEST_PAUSE)
        self.paused_until = -math.inf
        self._watching: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        batches = {"launches": Batch(self._launch), "ends": Batch(self._end)}
        amounts = {"nthreads": nthreads, "memory_limit": memory_limit}
        worker = {"cls": WorkerSession, "options": batches | amounts}
        try:
            super().__init__(
                workers={f"{name}-{number}": worker for number in range(n_workers)},
                worker=worker,
                name=name,
                **options,
            )
            if not self.called_from_running_loop:
                self._raise_if_all_refused()
        except BaseException:
            # Ctrl-C also ends the workers that are launched already.
            if not options["asynchronous"] and hasattr(self, "_loop_runner"):
                self.close()
            raise

    # Launch.

    @property
    def _next_name(self) -> str:
        return f"{self.name}-{self._next_number}"

    def new_worker_spec(self) -> dict[str, Any]:
        """Return the name and the specification of the next worker."""
        name = self._next_name
        self._next_number += 1
        return {name: self.new_spec}

    async def _launch(self, names: list[str]) -> None:
        scheduler: Any = self.scheduler
        address = getattr(scheduler, "contact_address", None) or scheduler.address
        self._refused |= await asyncio.to_thread(self._sessions.launch, names, address)

    def _correct_state(self) -> asyncio.Future[None]:
        # A cancelled caller must not stop a launch in the middle.
        return asyncio.shield(super()._correct_state())

    async def _correct_state_internal(self) -> None:
        await super()._correct_state_internal()
        # Before, Dask would add the workers again.
        refused, self._refused = self._refused, {}
        self._forget(refused)
        self._has_changed.set()

    def _forget(self, failures: dict[str, SkahaError]) -> None:
        """Take workers that failed out of the plan, and report the reasons."""
        for name in failures:
            self._lost.pop(name, None)
            self.worker_spec.pop(name, None)
            if (worker := self.workers.pop(name, None)) is not None:
                worker.status = Status.closed
        if not failures:
            return
        self._sessions.add_failures(failures)
        if time.monotonic() >= self.paused_until:
            self.paused_until = time.monotonic() + self._pause.next()
        first = next(iter(failures.values()))
        others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        # `get_logs` shows these lines.
        self._cluster_manager_logs.append((datetime.now().astimezone(), f"{first}{others}"))
        log.warning("cluster %s: %s%s", self.name, first, others)

    def _raise_if_all_refused(self) -> None:
        """Raise the error of the first workers if there is no worker.

        Raises:
            SkahaError: The first error.
        """
        if not self.worker_spec and self._sessions.failures:
            raise next(iter(self._sessions.failures.values()))

    def __await__(self) -> Generator[Any, Any, Self]:
        """Start the cluster, or wait until the last changes are made."""
        return self._ready().__await__()

    async def _ready(self) -> Self:
        is_new = self.status == Status.created
        ready = asyncio.ensure_future(self._prepare())
        try:
            await asyncio.shield(ready)
            if is_new:
                self._raise_if_all_refused()
        except BaseException:
            if is_new:
                # The start goes on after a cancellation: end its workers, too.
                await asyncio.wait([ready])
                await self._close()
            raise
        return self

    async def _prepare(self) -> None:
        if self.status == Status.created:
            await self._start()
        await self._correct_state()

    async def _start(self) -> None:
        await super()._start()
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._watch())

    # Watch.

    def _missing(self) -> list[str]:
        """Return the names of the launched workers that are not connected."""
        observed = self.observed
        return [name for name in self.workers if name in self.worker_spec and name not in observed]

    def _update_worker_status(self, op: str, msg: Any) -> None:
        workers = self.scheduler_info["workers"]
        names = [workers[msg]["name"]] if op == "remove" else []
        if op == "add":
            names = [worker["name"] for worker in msg["workers"].values()]
        # Not the method of `SpecCluster`: it deletes lost workers without looking at them.
        super(SpecCluster, self)._update_worker_status(op, msg)
        for name in names:
            if op == "add":
                self._note_connection(name)
            elif name in self.worker_spec:
                self._lost[name] = time.monotonic()
                self._has_changed.set()

    def _note_connection(self, name: str) -> None:
        self._lost.pop(name, None)
        self._pause.reset()
        if name in self._sessions.uncertain:
            # Its launch has succeeded.
            self.worker_spec[name] = self.new_spec
            self.workers[name] = WorkerSession(name=name, **self.new_spec["options"])
            self.workers[name].status = Status.running
        self._sessions.remove_failure(name)

    async def _watch(self) -> None:
        """Look at the sessions of workers that are not connected, again and again."""
        interval = PollingInterval(_FIRST_LOOK, _LONGEST_LOOK)
        while True:
            pause = interval.next() if self._missing() else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_changed.wait(), pause)
                self._has_changed.clear()
                interval.reset()
                continue
            try:
                await self._look()
            except Exception:
                log.exception("cluster %s could not look at its workers", self.name)

    async def _look(self) -> None:
        missing = self._missing()
        lost = [name for name in missing if name in self._lost]
        new = [name for name in missing if name not in self._lost]
        ended = await asyncio.to_thread(self._sessions.look, new, lost)
        silent = [name for name in lost if name not in ended and self._is_overdue(name)]
        for name in silent:
            error = FailedSessionError("its connection is lost, but its session runs, and is ended")
            error.subject = f"worker {name}"
            ended[name] = error
        still_missing = set(self._missing())
        self._forget({name: error for name, error in ended.items() if name in still_missing})
        if to_end := still_missing.intersection(silent):
            await asyncio.to_thread(self._sessions.end, to_end)

    def _is_overdue(self, name: str) -> bool:
        """Return whether the connection of a worker is lost for too long."""
        patience = parse_timedelta(dask.config.get("distributed.deploy.lost-worker-timeout"))
        return time.monotonic() > self._lost.get(name, math.inf) + float(patience)

    # Wait.

    def wait_for_workers(self, n_workers: int, timeout: float | None = None) -> Any:
        """Wait until so many workers are connected.

        Raises:
            WaitTimeoutError: If the time is over, or if no more workers are expected.
        """
        if self.status == Status.closed and not self.asynchronous:
            # Its event loop has ended, too.
            error = WaitTimeoutError(f"0 of {n_workers} are there: the cluster is closed")
            error.subject = f"workers of {self.name}"
            raise error
        return super().wait_for_workers(n_workers, timeout)

    async def _wait_for_workers(self, n_workers: int = 0, timeout: float | None = None) -> None:
        """Wait for workers, and give the reasons if they do not come.

        Raises:
            WaitTimeoutError: If the time is over, or if no more workers are expected.
        """
        end = math.inf if timeout is None else time.monotonic() + parse_timedelta(timeout)
        while self._connected < n_workers:
            is_over = time.monotonic() >= end
            if is_over or not self._can_reach(n_workers):
                raise await self._missing_error(n_workers, timeout if is_over else None)
            await asyncio.sleep(_WAIT_INTERVAL)

    @property
    def _connected(self) -> int:
        """The number of workers that the scheduler has now, and that this object knows, too."""
        workers = getattr(self.scheduler, "workers", {}).values()
        running = sum(worker.status == Status.running for worker in workers)
        connected: int = min(running, len(self.observed))
        return connected

    def _can_reach(self, n_workers: int) -> bool:
        """Return whether so many workers may come without another call."""
        is_adaptive = self._adaptive is not None and self._adaptive.periodic_callback is not None
        expected = len(self.plan) + len(self._sessions.uncertain)
        is_possible = is_adaptive or not self._sessions.failures or expected >= n_workers
        return is_possible and self.status == Status.running

    async def _missing_error(self, n_workers: int, timeout: float | None) -> WaitTimeoutError:
        reasons = await asyncio.to_thread(self._sessions.describe, self._missing())
        more = f"; and {len(reasons) - MAX_REASONS} more" if len(reasons) > MAX_REASONS else ""
        unit = " s" if isinstance(timeout, float | int) else ""
        when = ", and no more are expected" if timeout is None else f" after {timeout}{unit}"
        is_open = self.status == Status.running
        unknown = "no more were requested: call scale" if is_open else "the cluster is closed"
        text = "; ".join(reasons[:MAX_REASONS]) + more or unknown
        error = WaitTimeoutError(f"{self._connected} of {n_workers} are there{when}: {text}")
        error.subject = f"workers of {self.name}"
        return error

    # End.

    async def _end(self, names: list[str]) -> None:
        scheduler: Any = self.scheduler
        is_running = self.status == scheduler.status == Status.running
        if is_running and self.scheduler_comm is not None:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_RETIRE_SECONDS):
                    await self.scheduler_comm.retire_workers(
                        names=names, close_workers=True, remove=True
                    )
        if self._sessions.ids:
            await asyncio.to_thread(self._sessions.end, names)

    async def _close(self) -> None:
        # Dask waits for ever in a second call if the first one was cancelled. So a cancelled caller
        # does not stop the work, and all callers wait for the same work.
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close_once())
        await asyncio.shield(self._closing)

    async def _close_once(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if getattr(self.scheduler, "status", None) == Status.closed:
            # Dask would try to reach it for half a minute.
            self.shutdown_scheduler = False
        try:
            await super()._close()
        finally:
            if self._sessions.ids:
                await asyncio.to_thread(self._sessions.end_all)
            else:
                # It sends no request. At the exit of Python, no thread starts, and the sessions
                # have ended by then.
                self._sessions.end_all()

    def _threads_per_worker(self) -> int:
        return int(self._amount("nthreads"))

    def _memory_per_worker(self) -> int:
        self._amount("memory_limit")
        memory: int = super()._memory_per_worker()
        return memory

    def _amount(self, key: str) -> Any:
        if (amount := self.new_spec["options"][key]) is None:
            raise InvalidInputError(
                "the platform decides how much a worker gets: give the number of workers, or give "
                "cores and ram to the cluster"
            )
        return amount
