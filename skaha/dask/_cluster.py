"""The cluster: a scheduler in this process, and workers in sessions of a platform."""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
import math
import time
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_timedelta
from distributed import Scheduler
from distributed.core import Status
from distributed.deploy.spec import SpecCluster
from distributed.utils import format_dashboard_link

from skaha._sansio import validation
from skaha._sansio.polling import PollingInterval
from skaha.dask._adaptive import PatientAdaptive
from skaha.dask._network import scheduler_host
from skaha.dask._process_interface import Batch, WorkerSession
from skaha.dask._security import check_protocol, make_security
from skaha.dask._worker_command import check_extra_args, environment, program, worker_options
from skaha.dask._worker_sessions import WorkerSessions
from skaha.errors import FailedSessionError, InvalidInputError, SkahaError, WaitTimeoutError
from skaha.helpers import shell
from skaha.models import check_whole_number
from skaha.session import AsyncSession, Session

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from distributed import Security
    from distributed.deploy.adaptive import Adaptive
    from tornado.ioloop import IOLoop

    import skaha

__all__ = ["SkahaCluster"]

log = logging.getLogger("skaha")

# Letters of the name of a cluster: a name of a session has 63, with `-` and a number.
_MAX_NAME_LENGTH = 55
# Seconds between two looks at the sessions of workers that are not connected.
_FIRST_LOOK, _LONGEST_LOOK = 0.5, 15.0
# Seconds in which adaptive scaling launches nothing after a failure.
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
# Seconds in which workers hand over their results before their sessions are deleted.
_RETIRE_SECONDS = 60.0
# Seconds between two looks of a wait for workers.
_WAIT_INTERVAL = 0.2
# Reasons in one message.
_MAX_REASONS = 5


class SkahaCluster(SpecCluster):
    """A Dask cluster whose workers are headless sessions of a platform.

    The scheduler runs in this process. It listens on the loopback if the platform is the embedded
    one, and on all interfaces in a session of a platform. Elsewhere, give `host` or `interface`.

    The connections of the cluster use TLS with credentials that are made for this cluster alone.
    The workers receive them in their environment. The dashboard listens on the loopback only.

    All new workers are launched with one call. A closed cluster has ended its sessions, and so does
    the end of the process. A worker without a scheduler ends itself.

    Args:
        image: Full reference of the image of the workers, `host/project/name:tag`. It must contain
            bash, Python and `distributed`, in the versions of this process.
        cores: CPU cores of each worker, one of the platform's options; `None` leaves it to the
            platform.
        ram: Memory of each worker in GiB, one of the platform's options; `None` leaves it to the
            platform.
        n_workers: Number of workers to launch at once, 0 or more.
        name: Name of the cluster: letters, digits and `-`. The workers and their sessions are named
            `<name>-<n>`, n from 0. By default `dask-` and eight random letters.
        session: Client for the platform; it stays open. By default the cluster makes a client.
        server: Base URL of the platform, or `"local"`, if `session` is not given. By default as for
            `skaha.Session`.
        gpu: GPUs of each worker, one of the platform's options; 0 or `None` for none.
        env: Environment variables of the workers. The values may be secrets.
        nthreads: Tasks that a worker runs at the same time; by default `cores`.
        memory_limit: Memory at which a worker stores data on disk or pauses, such as `"6GiB"`; by
            default `ram`.
        python: The Python of the image: a program or a path.
        death_timeout: Seconds after which a worker that cannot reach the scheduler ends itself.
        worker_extra_args: More options of `dask worker`, such as `["--lifetime", "55m"]`.
        host: Address on which the scheduler listens; the workers connect to it.
        interface: Network interface of that address, such as `"eth0"`, instead of `host`.
        port: Port of the scheduler; 0 for any free one.
        protocol: `"tls"` or `"wss"`; without security `"tcp"` or `"ws"`.
        dashboard_address: Address of the dashboard. `":8787"` also shows it to other users of the
            network.
        scheduler_options: More arguments of `distributed.Scheduler`.
        security: A `distributed.Security` instead of new credentials. With `False` there is no
            encryption: everybody who can reach the scheduler can then run code on the cluster.
        asynchronous: Use the cluster with `await` in the running event loop.
        loop: Event loop of tornado for the cluster.
        silence_logs: Level below which Dask logs nothing in this process.

    Raises:
        skaha.errors.InvalidInputError: If an argument is wrong, or if the workers could not reach
            this process; nothing was launched.
        skaha.errors.SkahaError: If all of the first workers are refused.

    Example:
        >>> from dask.distributed import Client
        >>> from skaha.dask import SkahaCluster
        >>> with (
        ...     SkahaCluster(
        ...         "images.canfar.net/skaha/astroml:latest", cores=1, ram=1, n_workers=2,
        ...         server="local", dashboard_address="127.0.0.1:0",
        ...     ) as cluster,
        ...     Client(cluster) as client,
        ... ):
        ...     client.submit(sum, [1, 2, 3]).result(timeout=60)
        6
    """

    def __init__(
        self,
        image: str,
        cores: float | None = 2,
        ram: float | None = 4,
        n_workers: int = 0,
        *,
        name: str | None = None,
        session: skaha.Session | skaha.AsyncSession | None = None,
        server: str | None = None,
        gpu: int | None = None,
        env: Mapping[str, Any] | None = None,
        nthreads: int | None = None,
        memory_limit: str | None = None,
        python: str = "python3",
        death_timeout: float = 60,
        worker_extra_args: Sequence[str] = (),
        host: str | None = None,
        interface: str | None = None,
        port: int = 0,
        protocol: str | None = None,
        dashboard_address: str = "127.0.0.1:8787",
        scheduler_options: Mapping[str, Any] | None = None,
        security: Security | bool | None = None,
        asynchronous: bool = False,
        loop: IOLoop | None = None,
        silence_logs: int = logging.WARNING,
    ) -> None:
        """Start the scheduler, and launch the first workers."""
        # Tracebacks may show local variables: hide the secrets.
        env, server = validation.hidden(env), validation.hidden_url(server)
        name = _checked_name(name)
        check_whole_number("n_workers", n_workers, minimum=0)
        validation.check_seconds("death_timeout", death_timeout)
        check_extra_args(worker_extra_args)
        if nthreads is not None:
            check_whole_number("nthreads", nthreads, minimum=1)
        if session is not None and server is not None:
            raise InvalidInputError("give session or server, not both")
        client = Session(server=server) if session is None else _sync_session(session)
        self._own_session = client is not session
        secured = make_security(security)
        options: dict[str, Any] = {
            "protocol": f"{check_protocol(protocol, secured)}://",
            "security": secured,
            "host": host,
            "interface": interface,
            "port": port,
            "dashboard_address": dashboard_address,
            **(scheduler_options or {}),
        }
        if not any(options.get(key) for key in ("host", "interface", "contact_address")):
            options["host"] = scheduler_host(client.server)

        threads = nthreads or (None if cores is None else max(1, int(cores)))
        limit = memory_limit or (None if ram is None else f"{ram}GiB")
        self._session = client
        self._dashboard_address = str(options["dashboard_address"])
        self._form: dict[str, Any] = {
            "image": image,
            "cores": cores,
            "ram": ram,
            "gpu": gpu,
            "env": environment(env, secured),
        }
        self._program = program(python, env)
        self._options = worker_options(threads, limit, death_timeout, worker_extra_args)
        # A wrong argument is refused before the scheduler starts.
        client.preview(name, **self._form, **self._command(name, "tls://192.168.100.100:65535"))
        self._sessions = WorkerSessions(client, name, self._job)
        # Names of earlier workers are not used again: the scheduler may still know them.
        self._next_number = n_workers
        self._refused: dict[str, SkahaError] = {}
        # Since when the connection of a worker is lost.
        self._lost: dict[str, float] = {}
        self._has_changed = asyncio.Event()
        self._pause = PollingInterval(_FIRST_PAUSE, _LONGEST_PAUSE)
        self.paused_until = -math.inf
        self._watching: asyncio.Task[None] | None = None
        batches = {"launches": Batch(self._launch), "ends": Batch(self._end)}
        amounts = {"nthreads": threads, "memory_limit": limit}
        worker = {"cls": WorkerSession, "options": batches | amounts}
        try:
            super().__init__(
                workers={f"{name}-{number}": worker for number in range(n_workers)},
                scheduler={"cls": Scheduler, "options": options},
                worker=worker,
                asynchronous=asynchronous,
                loop=loop,
                security=secured,
                silence_logs=silence_logs,
                name=name,
            )
            if not self.called_from_running_loop:
                self._raise_if_all_refused()
        except BaseException:
            # Ctrl-C also ends the workers that are launched already.
            if not asynchronous and hasattr(self, "_loop_runner"):
                self.close()
            raise

    # The methods of all clusters of Dask.

    def scale(self, n: int = 0, memory: str | None = None, cores: int | None = None) -> Any:
        """Launch or end workers, until there are so many.

        The call does not wait for the workers. The workers that end first hand their results over
        to the others.

        Args:
            n: Number of workers, 0 or more.
            memory: Memory of all workers together, such as `"100GiB"`, instead of `n`.
            cores: Threads of all workers together, instead of `n`.

        Returns:
            `None`; something to await if the cluster is asynchronous.

        Raises:
            skaha.errors.InvalidInputError: If `memory` or `cores` is given, and the platform
                decides how much a worker gets.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     cluster.scale(2)
            ...     cluster.wait_for_workers(2, timeout=60)
            ...     len(cluster.observed)
            2
        """
        return super().scale(n, memory, cores)

    def adapt(
        self,
        Adaptive: Any = None,  # noqa: N803  (the name in Dask)
        minimum: float = 0,
        maximum: float = math.inf,
        minimum_cores: int | None = None,
        maximum_cores: int | None = None,
        minimum_memory: str | None = None,
        maximum_memory: str | None = None,
        **options: Any,
    ) -> Adaptive:
        """Launch and end workers as the work needs them.

        It also replaces workers that have ended. After a failure, it launches nothing for a while:
        5 seconds at first, and up to 5 minutes if the platform goes on to refuse.

        Args:
            Adaptive: A class instead of the one that waits after a failure.
            minimum: Smallest number of workers.
            maximum: Largest number of workers; by default there is no limit.
            minimum_cores: Smallest number of threads of all workers together.
            maximum_cores: Largest number of threads of all workers together.
            minimum_memory: Smallest memory of all workers together, such as `"16GiB"`.
            maximum_memory: Largest memory of all workers together.
            **options: More arguments of `distributed.deploy.Adaptive`, such as `interval="10s"`.

        Returns:
            The object that scales the cluster. Its method `stop` ends adaptive scaling.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     adaptive = cluster.adapt(minimum=1, maximum=4)
            ...     cluster.wait_for_workers(1, timeout=60)
            ...     adaptive.stop()
        """
        return super().adapt(
            Adaptive=Adaptive or PatientAdaptive,
            minimum=minimum,
            maximum=maximum,
            minimum_cores=minimum_cores,
            maximum_cores=maximum_cores,
            minimum_memory=minimum_memory,
            maximum_memory=maximum_memory,
            **options,
        )

    @property
    def failures(self) -> dict[str, SkahaError]:
        """The error of each worker that was refused or has ended, by its name.

        The message has the platform's own words, and the end of the log. A cluster keeps the last
        100 errors. A worker that works in the end has no error.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     cluster.failures
            {}
        """
        return self._sessions.failures

    @property
    def not_ended(self) -> dict[str, str]:
        """The id of each session that the cluster could not end, by the name of its worker.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     cluster.close()
            ...     cluster.not_ended
            {}
        """
        return self._sessions.not_ended

    @property
    def session_ids(self) -> dict[str, str]:
        """The id of the session of each worker, by the name of the worker.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> options = {"cores": 1, "ram": 1, "server": "local"}
            >>> with SkahaCluster(image, n_workers=2, name="fit", **options) as cluster:
            ...     sorted(cluster.session_ids)
            ['fit-0', 'fit-1']
        """
        return self._sessions.ids

    def preview(self) -> dict[str, Any]:
        """Show the form that would launch the next worker. Send nothing.

        Returns:
            The form fields. The values of `env` are shown as `...`.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     cluster.preview()["env"]
            ['SKAHA_DASK_CREDENTIALS=...', 'REPLICA_ID=1', 'REPLICA_COUNT=1']
        """
        name = f"{self.name}-{self._next_number}"
        command = self._command(name, self.scheduler_address)
        return self._session.preview(name, **self._form, **command)[0] | {"name": name}

    @property
    def dashboard_link(self) -> str:
        """Address of the dashboard, in the form of the setting `distributed.dashboard.link`.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     cluster.dashboard_link.startswith("http://127.0.0.1:")
            True
        """
        host, _, _ = self._dashboard_address.rpartition("://")[2].rpartition(":")
        port = self.scheduler_info.get("services", {}).get("dashboard")
        if port is None or not host or host == "0.0.0.0":  # noqa: S104  (nothing listens here)
            link: str = super().dashboard_link
        else:
            link = format_dashboard_link(host, port)
        return link

    @property
    def _cluster_class_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        """Return the name, the address and the workers."""
        # A traceback may show an object whose constructor has failed.
        text: str = super().__repr__() if hasattr(self, "_cluster_info") else "SkahaCluster()"
        return text

    def _repr_html_(self, cluster_status: str | None = None) -> str:
        """Return the widget's text, with the reasons of the last failures."""
        rows = [
            f"<tr><td colspan=2><strong>{html.escape(name)}:</strong> "
            f"<pre style='white-space: pre-wrap'>{html.escape(str(error))}</pre></td></tr>"
            for name, error in list(self.failures.items())[-_MAX_REASONS:]
        ]
        text: str = super()._repr_html_("".join([cluster_status or "", *rows]) or None)
        return text

    async def _wait_for_workers(self, n_workers: int = 0, timeout: float | None = None) -> None:
        """Wait for workers, and give the reasons if they do not come.

        Raises:
            WaitTimeoutError: If the time is over, or if no more workers are on their way.
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
        is_possible = is_adaptive or not self.failures or expected >= n_workers
        return is_possible and self.status == Status.running

    async def _missing_error(self, n_workers: int, timeout: float | None) -> WaitTimeoutError:
        reasons = await asyncio.to_thread(lambda: list(self._sessions.describe(self._missing())))
        more = f"; and {len(reasons) - _MAX_REASONS} more" if len(reasons) > _MAX_REASONS else ""
        unit = " s" if isinstance(timeout, float | int) else ""
        when = ", and no more are on their way" if timeout is None else f" after {timeout}{unit}"
        is_open = self.status == Status.running
        unknown = "no more were asked for: call scale" if is_open else "the cluster is closed"
        text = "; ".join(reasons[:_MAX_REASONS]) + more or unknown
        error = WaitTimeoutError(f"{self._connected} of {n_workers} are there{when}: {text}")
        error.subject = f"workers of {self.name}"
        return error

    # Launch.

    def _command(self, name: str, address: str) -> shell.CommandLine:
        return shell.command(*self._program, address, "--name", name, *self._options)

    def _job(self, name: str, address: str) -> dict[str, Any]:
        return {"name": name, **self._form, **self._command(name, address)}

    def new_worker_spec(self) -> dict[str, Any]:
        """Return the name and the specification of the next worker."""
        name = f"{self.name}-{self._next_number}"
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
        others = f" (and {len(failures) - 1} more workers failed)" if len(failures) > 1 else ""
        # `get_logs` shows these lines.
        self._cluster_manager_logs.append((datetime.now().astimezone(), f"{first}{others}"))
        log.warning("cluster %s: %s%s", self.name, first, others)

    def _raise_if_all_refused(self) -> None:
        """Raise the error of the first workers if there is no worker.

        Raises:
            SkahaError: The first error.
        """
        if not self.worker_spec and self.failures:
            raise next(iter(self.failures.values()))

    def __await__(self) -> Generator[Any, Any, SkahaCluster]:
        """Start the cluster, or wait until the last changes are made."""
        return self._ready().__await__()

    async def _ready(self) -> SkahaCluster:
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
        if self._watching is not None:
            self._watching.cancel()
        if getattr(self.scheduler, "status", None) == Status.closed:
            # Dask would try to reach it for half a minute.
            self.shutdown_scheduler = False
        try:
            await super()._close()
        finally:
            # At the exit of Python, no thread starts; the sessions have ended by then.
            if self._sessions.ids:
                await asyncio.to_thread(self._sessions.end_all)
            if self._own_session:
                self._session.close()

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


def _checked_name(name: str | None) -> str:
    if name is None:
        return f"dask-{uuid.uuid4().hex[:8]}"
    validation.check_job_name(name, ())
    if len(name) > _MAX_NAME_LENGTH:
        raise InvalidInputError(
            f"name is too long: at most {_MAX_NAME_LENGTH} letters, because the number of the "
            f"worker is added; {name!r} has {len(name)}"
        )
    return name


def _sync_session(session: object) -> Session:
    """Return a sync client with the settings of a client of either variant.

    Raises:
        InvalidInputError: If it is no client for sessions.
    """
    if isinstance(session, Session):
        return session
    if not isinstance(session, AsyncSession):
        kind = type(session).__name__
        raise InvalidInputError(f"session must be a Session or an AsyncSession, not {kind}")
    return Session(
        server=session.server,
        version=session.version,
        token=session.token,
        certificate=None if session.token is not None else session.certificate,
        timeout=session.timeout,
        concurrency=session.concurrency,
        registry=session.registry,
        retry=session.retry,
        # It was allowed when the session was made.
        allow_http=True,
    )
