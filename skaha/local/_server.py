"""A run of the platform: take the state directory, serve requests, end all sessions."""

import asyncio
import getpass
import logging
import os
import re
import resource
import secrets
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from skaha.local import _machine
from skaha.local._api import LimitsMiddleware, Platform, create_app
from skaha.local._connection_limits import KEEP_ALIVE_TIMEOUT, LimitedProtocol
from skaha.local._errors import DISK_FULL, PlatformError
from skaha.local._faults import FaultInjector
from skaha.local._file_lock import FileLock
from skaha.local._models import Address
from skaha.local._options import Options
from skaha.local._page import create_page
from skaha.local._runtimes import ContainerRuntime, ProcessRuntime, Runtime, find_engine
from skaha.local._scheduler import Scheduler
from skaha.local._state_directory import StateDirectory
from skaha.local._store import Store
from skaha.local._usage import UsageMeter

_SHUTDOWN_TIMEOUT = 3
_PUBLISH_INTERVAL, _PUBLISH_TIMEOUT = 0.1, 10.0
_DIRECTORY_INTERVAL = 1.0

# A header can carry such a token.
_TOKEN = re.compile("[!-~]+")

logger = logging.getLogger(__name__)


def serve(
    directory: StateDirectory,
    options: Options,
    *,
    port: int = 0,
    token: str | None = None,
    tether: int | None = None,
    ready: Callable[[Address], None],
) -> None:
    """Run the platform until a signal, the end of the tether or the idle time ends it.

    Args:
        directory: The state directory.
        options: The options of this run.
        port: The port on the loopback interface; 0 selects a free port.
        token: The token that requests need; `None` creates a random token.
        tether: A file descriptor; the platform ends when its end of file is reached.
        ready: A function that is called with the address when the platform is ready.

    Raises:
        PlatformError: The state directory or the port is in use, or the token cannot be sent.
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise PlatformError("the token must consist of visible ASCII characters without blanks")
    lock = directory.lock()
    try:
        directory.unpublish()
        _raise_file_limit()
        with _listen(port) as listener:
            address = Address(
                f"http://127.0.0.1:{listener.getsockname()[1]}/skaha",
                secrets.token_urlsafe(32) if token is None else token,
            )
            try:
                asyncio.run(_run(directory, lock, options, address, listener, tether, ready))
            finally:
                directory.withdraw(address)
    finally:
        lock.release()


async def _run(
    directory: StateDirectory,
    lock: FileLock,
    options: Options,
    address: Address,
    listener: socket.socket,
    tether: int | None,
    ready: Callable[[Address], None],
) -> None:
    platform = _create_platform(directory, options, address)
    scheduler = platform.scheduler
    page = create_page(
        store=platform.store,
        scheduler=scheduler,
        runtime=platform.runtime,
        token=address.token,
        status=platform.status,
        meter=platform.meter,
    )
    app = LimitsMiddleware(_api_and_page(create_app(platform), page), listener.getsockname()[1])

    def is_unused() -> bool:
        return options.idle is not None and app.idle_time >= options.idle and scheduler.idle

    def refuse_requests() -> None:
        app.closing = True
        directory.withdraw(address)

    server = _Server(_server_configuration(app), is_unused, refuse_requests)
    loop = asyncio.get_running_loop()
    signals = [signal.SIGINT, signal.SIGTERM]
    # The sessions end with the terminal of the platform, but not under `nohup`.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, server.shut_down)
    if tether is not None:
        loop.add_reader(tether, _read_tether, tether, server)
    with _database_errors(directory):
        await scheduler.recover()
    tasks = [
        asyncio.create_task(scheduler.run()),
        asyncio.create_task(_end_without_directory(server, lock)),
    ]
    await _publish(directory, address)
    # Before this moment, no client can find the platform.
    app.last_request = time.monotonic()
    ready(address)
    await server.serve(sockets=[listener])
    for task in tasks:
        task.cancel()
    await scheduler.close()
    platform.store.close()


def _api_and_page(api: ASGIApp, page: ASGIApp) -> ASGIApp:
    """Return an application: requests below `/page/` go to the page, all others to the API."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["path"] == "/page" or scope["path"].startswith("/page/")
        await (page if is_page else api)(scope, receive, send)

    return app


def _create_platform(directory: StateDirectory, options: Options, address: Address) -> Platform:
    user, host = _user_name(), address.url.split("/")[2]
    with _database_errors(directory):
        store = Store(directory.database)
    machine = _machine.measure()
    machine = _machine.Machine(options.cores or machine.cores, options.ram or machine.ram)
    injector = FaultInjector(options.faults)
    runtime = _create_runtime(directory, options, user, host)
    node = socket.gethostname()
    scheduler = Scheduler(store, runtime, machine, options, injector, node, directory.check_space)
    return Platform(
        store=store,
        scheduler=scheduler,
        runtime=runtime,
        machine=machine,
        options=options,
        injector=injector,
        meter=UsageMeter(store, runtime),
        user=user,
        token=address.token,
        uid=os.getuid(),
        gid=os.getgid(),
        groups=sorted(set(os.getgroups()) - {os.getgid()}),
        host=host,
    )


def _create_runtime(directory: StateDirectory, options: Options, user: str, host: str) -> Runtime:
    shared = (directory.sessions, directory.secret_key(), user, host)
    if options.runtime == "container":
        return ContainerRuntime(*shared, find_engine())
    return ProcessRuntime(*shared, directory.images)


@contextmanager
def _database_errors(directory: StateDirectory) -> Iterator[None]:
    """Convert the errors of a database that cannot be opened or read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        directory.check_space()
        raise PlatformError(f"{directory.database}: {error}") from error
    except sqlite3.DatabaseError as error:
        message = (
            f"{directory.database}: {error}; `python -m skaha.local reset` ends and deletes all"
            " sessions"
        )
        raise PlatformError(message) from error


def _user_name() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid-{os.getuid()}"
    # The name must be valid in headers and labels.
    return re.sub("[^a-z0-9._-]", "-", name.lower())


def _server_configuration(app: LimitsMiddleware) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_TIMEOUT,
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
    )


class _Server(uvicorn.Server):
    """A server that ends when nobody uses it.

    It has no signal handlers of its own, which would end the process by the signal.

    Args:
        config: The configuration.
        is_unused: A function that returns whether the server may end.
        refuse_requests: A function that is called before the server ends. From then on, the
            application refuses requests: a session that it accepts would end immediately.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        is_unused: Callable[[], bool],
        refuse_requests: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._is_unused = is_unused
        self._refuse_requests = refuse_requests

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield

    def shut_down(self) -> None:
        """Finish the current responses, then return from `serve`."""
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; the server calls this ten times per second."""
        return await super().on_tick(counter) or self._is_unused()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse requests, then finish the current responses."""
        # The server calls this directly after the last tick. No request begins in between.
        self._refuse_requests()
        await super().shutdown(sockets)


def _read_tether(tether: int, server: _Server) -> None:
    if not os.read(tether, 1024):
        asyncio.get_running_loop().remove_reader(tether)
        server.shut_down()


async def _publish(directory: StateDirectory, address: Address) -> None:
    """Write the address; on a full disk, wait until the end of deleted sessions makes room.

    Raises:
        OSError: The address cannot be written.
    """
    deadline = time.monotonic() + _PUBLISH_TIMEOUT
    while True:
        try:
            return directory.publish(address)
        except OSError as error:
            if error.errno not in DISK_FULL or time.monotonic() > deadline:
                raise
        await asyncio.sleep(_PUBLISH_INTERVAL)


async def _end_without_directory(server: _Server, lock: FileLock) -> None:
    """End the platform if its state directory disappears: no client could find it any more."""
    while lock.is_valid():  # noqa: ASYNC110 - no event exists on every system
        await asyncio.sleep(_DIRECTORY_INTERVAL)
    logger.warning("the state directory was removed: the platform and its sessions end")
    server.shut_down()


def _listen(port: int) -> socket.socket:
    # Name the protocol: without it, asyncio leaves Nagle's algorithm on, and a request takes 40 ms
    # longer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise PlatformError(
            f"cannot listen on port {port}: {error}; choose another port"
        ) from error
    listener.listen(2048)
    return listener


def _raise_file_limit() -> None:
    # Each connection needs a file descriptor.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
