"""One run of the platform, from taking the state directory to leaving it."""

import asyncio
import getpass
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

from skaha.local import _machine
from skaha.local._address import Address, PlatformError
from skaha.local._connection import Connection
from skaha.local._faults import Switches
from skaha.local._options import Options
from skaha.local._runtimes import Runtime
from skaha.local._runtimes._container import ContainerRuntime, find_engine
from skaha.local._runtimes._process import ProcessRuntime
from skaha.local._runtimes._shim import Shims
from skaha.local._scheduler import Scheduler
from skaha.local._state import State
from skaha.local._store import Store
from skaha.local._wire import Gate, Platform, application

_KEEP_ALIVE = 60
_FAREWELL = 3


def serve(
    state: State,
    options: Options,
    *,
    port: int = 0,
    token: str | None = None,
    tether: int | None = None,
    ready: Callable[[Address], None],
) -> None:
    """Run the platform until it is told to end.

    Args:
        state: The directory it lives on.
        options: Choices about it.
        port: Where to listen on the loopback; 0 picks a free one.
        token: The token it wants; by default one that nobody can guess.
        tether: A descriptor whose end is also that of the platform.
        ready: Called with the address once it answers.

    Raises:
        PlatformError: The state directory or the port is taken.
    """
    lock = state.take()
    try:
        state.withdraw()
        _allow_many_connections()
        with _listen(port) as listener:
            address = Address(
                f"http://127.0.0.1:{listener.getsockname()[1]}/skaha",
                token or secrets.token_urlsafe(32),
            )
            asyncio.run(_run(state, options, address, listener, tether, ready))
    finally:
        state.withdraw()
        lock.release()


async def _run(
    state: State,
    options: Options,
    address: Address,
    listener: socket.socket,
    tether: int | None,
    ready: Callable[[Address], None],
) -> None:
    platform = _platform(state, options, address)
    scheduler = platform.scheduler
    gate = Gate(application(platform), listener.getsockname()[1])
    server = _Server(_configuration(gate))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.leave)
    if tether is not None:
        asyncio.get_running_loop().add_reader(tether, _look_at, tether, server)
    # The shell that starts the daemon has it ignored, and sessions would inherit that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    await scheduler.recover()
    tasks = [asyncio.create_task(scheduler.run())]
    if options.idle is not None:
        tasks.append(asyncio.create_task(_leave_when_idle(server, gate, scheduler, options.idle)))
    state.publish(address)
    ready(address)
    await server.serve(sockets=[listener])
    state.withdraw()
    for task in tasks:
        task.cancel()
    await scheduler.close()
    platform.store.close()


def _platform(state: State, options: Options, address: Address) -> Platform:
    user, host = _user(), address.url.split("/")[2]
    store = _store(state)
    machine = _machine.measure()
    machine = _machine.Machine(options.cores or machine.cores, options.ram or machine.ram)
    switches = Switches(options.faults)
    runtime = _runtime(state, options, user, host)
    return Platform(
        store=store,
        scheduler=Scheduler(store, runtime, machine, options, switches, socket.gethostname()),
        runtime=runtime,
        machine=machine,
        options=options,
        switches=switches,
        user=user,
        token=address.token,
        uid=os.getuid(),
        gid=os.getgid(),
        groups=sorted(set(os.getgroups()) - {os.getgid()}),
        host=host,
    )


def _runtime(state: State, options: Options, user: str, host: str) -> Runtime:
    shims = Shims(state.sessions, state.key())
    if options.runtime == "container":
        return ContainerRuntime(shims, find_engine(), user, host)
    return ProcessRuntime(shims, state.images, user, host)


def _store(state: State) -> Store:
    try:
        return Store(state.database)
    except sqlite3.OperationalError as error:
        raise PlatformError(f"{state.database}: {error}") from error
    except sqlite3.DatabaseError as error:
        message = f"{state.database}: {error}; `python -m skaha.local reset` begins anew"
        raise PlatformError(message) from error


def _user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid-{os.getuid()}"
    # It has to stand in headers and in the names of jobs.
    return re.sub("[^a-z0-9._-]", "-", name.lower())


def _configuration(gate: Gate) -> uvicorn.Config:
    return uvicorn.Config(
        gate,
        http=Connection,
        ws="none",
        lifespan="off",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_FAREWELL,
    )


class _Server(uvicorn.Server):
    """The server, which leaves the signals to us: its own way ends the process by the signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield

    def leave(self) -> None:
        """Answer what has begun, then return from `serve`."""
        self.should_exit = True


def _look_at(tether: int, server: _Server) -> None:
    if not os.read(tether, 1024):
        asyncio.get_running_loop().remove_reader(tether)
        server.leave()


async def _leave_when_idle(
    server: _Server, gate: Gate, scheduler: Scheduler, seconds: float
) -> None:
    while True:
        left = gate.last_request + seconds - time.monotonic()
        if left <= 0 and scheduler.idle:
            server.leave()
        await asyncio.sleep(left if left > 0 else seconds / 2)


def _listen(port: int) -> socket.socket:
    # The protocol has to be named, or asyncio leaves Nagle's algorithm on: 40 ms a request.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise PlatformError(f"cannot listen on port {port}: {error}; choose another") from error
    listener.listen(2048)
    return listener


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
