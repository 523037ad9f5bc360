"""The cores and the memory that sessions use, measured when a request asks for them."""

import asyncio
import logging
import time

import psutil
from attrs import frozen

from skaha.local._runtimes import ProcessUsage, Runtime
from skaha.local._session import PROCESS_PHASES, Session
from skaha.local._store import Store

logger = logging.getLogger(__name__)

# Seconds for which a measurement is valid. The system counts CPU time in steps of 0.01 s.
_MIN_INTERVAL = 1.0
# A long measurement is valid for longer, so that the platform is free for most of the time.
_INTERVAL_FACTOR = 20


@frozen
class Usage:
    """The use of one session.

    Attributes:
        cores: The mean number of busy cores since the last measurement, or since the start.
        ram: The memory in bytes.
    """

    cores: float
    ram: int


@frozen
class _Sample:
    usage: ProcessUsage
    at: float


class UsageMeter:
    """Measure the use of all sessions at once.

    Nothing is measured while nobody asks, so the platform needs no time at rest. Many requests in
    a row share one measurement.
    """

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime
        self._samples: dict[int, _Sample] = {}
        self._usages: dict[int, Usage] = {}
        self._valid_until = 0.0
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Measure the use of all running sessions, unless the last measurement is still valid.

        If the measurement fails, the use is unknown, as on a real platform.
        """
        async with self._lock:
            start = time.monotonic()
            if start < self._valid_until:
                return
            running = self._store.with_processes()
            if not running:
                return
            measured: dict[int, ProcessUsage] = {}
            try:
                measured = await asyncio.to_thread(self._runtime.measure, running)
            except (OSError, psutil.Error) as error:
                logger.warning("the use of the sessions cannot be measured: %s", error)
            now = time.monotonic()
            samples = {seq: _Sample(usage, now) for seq, usage in measured.items()}
            self._usages = {
                seq: _usage(sample, self._samples.get(seq)) for seq, sample in samples.items()
            }
            self._samples = samples
            self._valid_until = now + max(_MIN_INTERVAL, _INTERVAL_FACTOR * (now - start))

    def of(self, session: Session) -> Usage | None:
        """Return the last known use of a session; `None` if it does not run."""
        return self._usages.get(session.seq) if session.phase in PROCESS_PHASES else None


def _usage(sample: _Sample, previous: _Sample | None) -> Usage:
    seconds, age = sample.usage.cpu_seconds, sample.usage.age
    if previous is not None:
        seconds, age = seconds - previous.usage.cpu_seconds, sample.at - previous.at
    # A process takes its time with it if no process of the session waits for its end.
    return Usage(max(0.0, seconds / age), sample.usage.ram)
