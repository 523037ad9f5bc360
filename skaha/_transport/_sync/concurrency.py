"""Concurrency of the sync variant: threads.

This file and its async counterpart are written by hand, because they hold the differences.
"""

from __future__ import annotations

import contextlib
import contextvars
import operator
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Lock",
    "Method",
    "RequestCanceller",
    "Semaphore",
    "call_blocking",
    "run_concurrently",
    "run_with_limit",
    "sleep",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Method: TypeAlias = Callable[P, R]
Lock = threading.Lock
Semaphore = threading.Semaphore

# Seconds to wait for the end of threads that were told to stop.
_STOP_SECONDS = 2.0


def call_blocking(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that blocks."""
    return function(*args, **kwargs)


class _StoppedError(BaseException):
    """The fan-out of this thread was stopped."""


class _FanOut:
    """Threads that work for one call."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.in_flight: set[RequestCanceller] = set()
        # While it is held, no connection leaves this fan-out: another call could take it.
        self.lock = threading.Lock()
        # Functions to call in the thread of the caller; `None` for each thread that has ended.
        self.calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._failures: list[BaseException] = []

    def run(self, worker: Callable[[], None], count: int, seconds: float | None = None) -> None:
        """Run `worker` in so many threads until all of them have returned.

        Args:
            worker: The function of each thread.
            count: Number of threads.
            seconds: Time after which the threads are stopped; `None` for no limit.

        Raises:
            queue.Empty: If the threads were stopped because the time was over.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        # Daemon threads, not an executor: the threads of an executor would delay the exit after
        # Ctrl-C, and an executor refuses work at the exit of Python, when programs clean up.
        # Events, not joins: before Python 3.13, a join that Ctrl-C interrupts marks the thread as
        # ended although it still runs.
        ends: list[threading.Event] = []
        threads: list[threading.Thread] = []
        try:
            for _ in range(count):
                context, ended = contextvars.copy_context(), threading.Event()
                arguments = (self._run_worker, worker, ended)
                thread = threading.Thread(target=context.run, args=arguments, daemon=True)
                if not _started(thread):
                    break
                ends.append(ended)
                threads.append(thread)
            if not ends:
                ends.append(threading.Event())
                contextvars.copy_context().run(self._run_worker, worker, ends[0])
            for _ in ends:
                while (call := self.calls.get(timeout=_time_left(deadline))) is not None:
                    call()
            # They end at this moment. The caller may fork, which is not safe beside other threads.
            for thread in threads:
                thread.join()
        except BaseException:
            self._stop(ends)
            raise
        for failure in self._failures:
            raise failure

    def _run_worker(self, worker: Callable[[], None], ended: threading.Event) -> None:
        _current.set(self)
        try:
            worker()
        except _StoppedError:
            pass
        except BaseException as failure:  # noqa: BLE001  (raised again in the thread of the caller)
            self._failures.append(failure)
            self.stopped.set()
        finally:
            ended.set()
            self.calls.put(None)

    def _stop(self, ends: Sequence[threading.Event]) -> None:
        self.stopped.set()
        with self.lock:
            for canceller in self.in_flight:
                canceller.cancel()
        deadline = time.monotonic() + _STOP_SECONDS
        for ended in ends:
            ended.wait(max(0.0, deadline - time.monotonic()))


def _time_left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _started(thread: threading.Thread) -> bool:
    """Start a thread; return `False` if Python 3.12 refuses it at the exit of the interpreter."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


_current: contextvars.ContextVar[_FanOut | None] = contextvars.ContextVar(
    "skaha-fan-out", default=None
)


class RequestCanceller:
    """Cancels a request that another thread waits for.

    A thread that waits for a socket wakes up only if the socket is shut down.
    """

    def __init__(self) -> None:
        """Start without a connection."""
        self._socket: socket.socket | None = None
        self._duplicate: socket.socket | None = None
        self._is_cancelled = False

    def watch(self, request: httpx.Request) -> None:
        """Begin a request. It uses the known socket, unless `trace_connect` follows."""
        request.extensions.pop("trace", None)
        self._is_cancelled = False
        if fan_out := _current.get():
            with fan_out.lock:
                fan_out.in_flight.add(self)
            if fan_out.stopped.is_set():
                raise _StoppedError

    def trace_connect(self, request: httpx.Request) -> None:
        """Note the socket of the new connection of the request as soon as it is connected."""
        request.extensions["trace"] = self._trace

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        step = event.partition(".")[2]
        if step == "start_tls.started" and not isinstance(self._socket, ssl.SSLSocket):
            # The handshake takes the socket over; a duplicate can still be shut down.
            self._socket = self._duplicate = self._socket and self._socket.dup()
        elif step in ("connect_tcp.complete", "start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_cancelled:
                self.cancel()
        if step in ("start_tls.complete", "start_tls.failed") and self._duplicate is not None:
            self._duplicate.close()
            self._duplicate = None

    def forget(self) -> None:
        """Forget the request, because it is over."""
        if fan_out := _current.get():
            with fan_out.lock:
                fan_out.in_flight.discard(self)

    def cancel(self) -> None:
        """Shut the connection down, now or as soon as it is connected."""
        self._is_cancelled = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def sleep(seconds: float) -> None:
    """Wait; within a fan-out, stop waiting when the fan-out is stopped."""
    fan_out = _current.get()
    if fan_out is None:
        time.sleep(seconds)
    elif fan_out.stopped.wait(seconds):
        raise _StoppedError


def run_concurrently(
    work: Callable[[T], R],
    items: Sequence[T],
    limit: int,
    on_done: Callable[[T, R], None],
    report: Callable[[R], None] | None = None,
) -> None:
    """Run `work` on every item, on at most `limit` items at once.

    Args:
        work: A function that returns its outcome and never raises. An exception stops the rest.
        items: The items, which are started in this order.
        limit: Largest number of items at once.
        on_done: Called with an item and its outcome, by one thread at a time.
        report: Called with each outcome afterwards, in the thread of the caller.
    """
    rest = iter(items)
    lock = threading.Lock()
    fan_out = _FanOut()
    is_single = len(items) <= 1
    call_in_caller = operator.call if is_single else fan_out.calls.put

    def worker() -> None:
        for item in rest:
            if fan_out.stopped.is_set():
                return
            outcome = work(item)
            with lock:
                on_done(item, outcome)
            if report is not None:
                call_in_caller(partial(report, outcome))

    if is_single:
        worker()
    else:
        fan_out.run(worker, min(limit, len(items)))


def run_with_limit(work: Callable[[], None], seconds: float) -> None:
    """Run `work`, and stop it after so many seconds."""
    with contextlib.suppress(Empty):
        _FanOut().run(work, 1, seconds)
