"""The cluster: a scheduler in this process, and workers in sessions of a platform."""

from __future__ import annotations

import html
import logging
import math
import uuid
from typing import TYPE_CHECKING, Any

import dask
from distributed import Scheduler
from distributed.utils import format_dashboard_link

from skaha._sansio import validation
from skaha.dask._adaptive import PatientAdaptive
from skaha.dask._network import scheduler_host
from skaha.dask._security import check_protocol, make_security
from skaha.dask._session_cluster import MAX_REASONS, SessionCluster
from skaha.dask._worker_command import (
    check_extra_args,
    check_memory_limit,
    environment,
    program,
    worker_options,
)
from skaha.dask._worker_sessions import WorkerSessions
from skaha.errors import InvalidInputError, SkahaError
from skaha.helpers import shell
from skaha.models import check_whole_number
from skaha.session import AsyncSession, Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distributed import Security
    from distributed.deploy.adaptive import Adaptive
    from tornado.ioloop import IOLoop

    import skaha

__all__ = ["SkahaCluster"]

# Letters of the name of a cluster: a name of a session has 63, with `-` and a number.
_MAX_NAME_LENGTH = 55
# The default of the setting `distributed.dashboard.link`.
_PLAIN_LINK = "{scheme}://{host}:{port}/status"


class SkahaCluster(SessionCluster):
    """A Dask cluster whose workers are headless sessions of a platform.

    The scheduler runs in this process. It listens on the loopback if the platform is the embedded
    one, and on all interfaces in a session of a platform. Elsewhere, give `host` or `interface`.

    The connections of the cluster use TLS with credentials that are made for this cluster alone.
    The workers receive them in their environment. The dashboard listens on the loopback only.

    All new workers are launched with one call. `close` ends the sessions of the cluster. The end of
    the process does, too. A worker without a scheduler ends itself.

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
        check_memory_limit(memory_limit)
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

        self._session = client
        self._dashboard_address = str(options["dashboard_address"])
        self._form: dict[str, Any] = {
            "image": image,
            "cores": cores,
            "ram": ram,
            "gpu": gpu,
            "env": environment(env, secured),
        }
        # Wrong arguments are refused before the scheduler starts: first the amounts, then the
        # command, which depends on them.
        client.preview(name, **self._form)
        threads = nthreads or (None if cores is None else max(1, int(cores)))
        limit = None if ram is None else f"{ram}GiB"
        if memory_limit is not None:
            limit = str(memory_limit)
        self._program = program(python, env)
        self._options = worker_options(threads, limit, death_timeout, worker_extra_args)
        client.preview(name, **self._form, **self._command(name, "tls://192.168.100.100:65535"))
        super().__init__(
            WorkerSessions(client, name, self._job),
            name,
            n_workers,
            threads,
            limit,
            scheduler={"cls": Scheduler, "options": options},
            asynchronous=asynchronous,
            loop=loop,
            security=secured,
            silence_logs=silence_logs,
        )

    # The methods of all clusters of Dask.

    def scale(self, n: int = 0, memory: str | None = None, cores: int | None = None) -> Any:
        """Launch or end workers, until there are so many.

        The call does not wait for the workers. Before a worker ends, its results move to the other
        workers.

        Args:
            n: Number of workers, 0 or more.
            memory: Memory of all workers together, such as `"100GiB"`, instead of `n`.
            cores: Threads of all workers together, instead of `n`.

        Returns:
            `None`; something to await if the cluster is asynchronous.

        Raises:
            skaha.errors.InvalidInputError: If `n` is not a whole number, 0 or more, or if `memory`
                or `cores` is given, and the platform decides how much a worker gets.

        Example:
            >>> from skaha.dask import SkahaCluster
            >>> image = "images.canfar.net/skaha/astroml:latest"
            >>> with SkahaCluster(image, cores=1, ram=1, server="local") as cluster:
            ...     cluster.scale(2)
            ...     cluster.wait_for_workers(2, timeout=60)
            ...     len(cluster.observed)
            2
        """
        return super().scale(check_whole_number("n", n, minimum=0), memory, cores)

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
        5 seconds at first, and up to 5 minutes if the failures continue.

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
        name = self._next_name
        command = self._command(name, self.scheduler_address)
        return self._session.preview(name, **self._form, **command)[0] | {"name": name}

    def _command(self, name: str, address: str) -> shell.CommandLine:
        return shell.command(*self._program, address, "--name", name, *self._options)

    def _job(self, name: str, address: str) -> dict[str, Any]:
        return {"name": name, **self._form, **self._command(name, address)}

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
        try:
            return self._dashboard_link()
        except KeyError:
            # The setting contains a variable that is not set here.
            with dask.config.set({"distributed.dashboard.link": _PLAIN_LINK}):
                return self._dashboard_link()

    def _dashboard_link(self) -> str:
        host, _, _ = self._dashboard_address.rpartition("://")[2].rpartition(":")
        port = self.scheduler_info.get("services", {}).get("dashboard")
        if port is None or not host or host == "0.0.0.0":  # noqa: S104  (nothing listens here)
            link: str = super().dashboard_link
        else:
            link = format_dashboard_link(host, port)
        return link

    async def _close_once(self) -> None:
        try:
            await super()._close_once()
        finally:
            if self._own_session:
                self._session.close()

    # Two clusters can have the same name. For Dask they would be equal, and `get_client` could
    # return the client of the other one.
    def __eq__(self, other: object) -> bool:
        """Return whether it is this object."""
        return self is other

    def __hash__(self) -> int:
        """Return the hash of this object."""
        return id(self)

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
            for name, error in list(self.failures.items())[-MAX_REASONS:]
        ]
        text: str = super()._repr_html_("".join([cluster_status or "", *rows]) or None)
        return text


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
