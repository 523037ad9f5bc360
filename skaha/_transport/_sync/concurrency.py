"""What differs by nature between the colours, written by hand in each: this is the sync one."""

from __future__ import annotations

import contextlib
import contextvars
import operator
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    import httpx

__all__ = ["Breaker", "Guard", "Method", "Semaphore", "each", "pause"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Method: TypeAlias = Callable[P, R]
Guard = threading.Lock
Semaphore = threading.Semaphore

# Seconds to wait for threads that were told to stop.
_PATIENCE = 2.0


class _Stopped(BaseException):
    """The fan-out that this thread works for is over."""


class _FanOut:
    """Threads that work for one call, and how to stop them."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.in_flight: set[Breaker] = set()
        # What the threads want to be done in the calling one; nothing, when one of them has ended.
        self.handed_over: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._failures: list[BaseException] = []

    def run(self, lane: Callable[[], None], count: int) -> None:
        """Run `lane` in so many threads until all have returned."""
        # Daemon threads, not an executor: its threads would delay the exit after Ctrl-C, and it
        # refuses to work while the interpreter shuts down, when sessions are cleaned up.
        # Events, not joins: before Python 3.13, a join that Ctrl-C interrupts takes the thread for
        # ended although it is not.
        ends: list[threading.Event] = []
        try:
            for _ in range(count):
                context, ended = contextvars.copy_context(), threading.Event()
                arguments = (self._guarded, lane, ended)
                if not _started(threading.Thread(target=context.run, args=arguments, daemon=True)):
                    break
                ends.append(ended)
            if not ends:
                ends.append(threading.Event())
                contextvars.copy_context().run(self._guarded, lane, ends[0])
            for _ in ends:
                while (call := self.handed_over.get()) is not None:
                    call()
        except BaseException:
            self._stop(ends)
            raise
        for failure in self._failures:
            raise failure

    def _guarded(self, lane: Callable[[], None], ended: threading.Event) -> None:
        _current.set(self)
        try:
            lane()
        except _Stopped:
            pass
        except BaseException as failure:  # noqa: BLE001  (raised again in the calling thread)
            self._failures.append(failure)
            self.stopped.set()
        finally:
            ended.set()
            self.handed_over.put(None)

    def _stop(self, ends: Sequence[threading.Event]) -> None:
        self.stopped.set()
        for breaker in list(self.in_flight):
            breaker.break_off()
        end = time.monotonic() + _PATIENCE
        for ended in ends:
            ended.wait(max(0.0, end - time.monotonic()))


def _started(thread: threading.Thread) -> bool:
    """Start a thread, if there may be one more: not so at the exit of Python 3.12."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


_current: contextvars.ContextVar[_FanOut | None] = contextvars.ContextVar(
    "skaha-fan-out", default=None
)


class Breaker:
    """Breaks off a request that another thread waits for: nothing else can.

    A task is cancelled where it waits; a thread that waits for a socket only wakes when the socket
    is shut down.
    """

    def __init__(self) -> None:
        """Know no connection yet."""
        self._socket: socket.socket | None = None
        self._broken = False

    def watch(self, request: httpx.Request) -> None:
        """Be told of the connection that carries this request."""
        request.extensions["trace"] = self._note
        self._broken = False
        if fan_out := _current.get():
            fan_out.in_flight.add(self)
            if fan_out.stopped.is_set():
                self.free()
                raise _Stopped

    def _note(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._broken:
                self.break_off()

    def free(self) -> None:
        """Forget the request: its answer is complete, or will never be."""
        if fan_out := _current.get():
            fan_out.in_flight.discard(self)

    def break_off(self) -> None:
        """Shut the connection down, whatever it is waiting for; or as soon as there is one."""
        self._broken = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def pause(seconds: float) -> None:
    """Do nothing for a while; in a fan-out, until it is over."""
    fan_out = _current.get()
    if fan_out is None:
        time.sleep(seconds)
    elif fan_out.stopped.wait(seconds):
        raise _Stopped


def each(
    work: Callable[[T], R],
    items: Sequence[T],
    width: int,
    done: Callable[[T, R], None],
    tell: Callable[[R], None] | None = None,
) -> None:
    """Do `work` on every item, at most `width` at once, and tell `done` of each as it ends.

    Args:
        work: Returns its outcome and never raises, or the rest is not begun.
        items: What to work on, begun in this order.
        width: How many to work on at once.
        done: Called with an item and its outcome, by one thread at a time.
        tell: Called with each outcome after that, in the caller's thread.
    """
    rest = iter(items)
    noting = threading.Lock()
    fan_out = _FanOut()
    alone = len(items) <= 1
    hand_over = operator.call if alone else fan_out.handed_over.put

    def lane() -> None:
        for item in rest:
            if fan_out.stopped.is_set():
                return
            outcome = work(item)
            with noting:
                done(item, outcome)
            if tell is not None:
                hand_over(partial(tell, outcome))

    if alone:
        lane()
    else:
        fan_out.run(lane, min(width, len(items)))
