"""Small clusters of Dask, and the changes of their workers, for which a test can wait."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import SchedulerPlugin

from skaha import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from skaha.dask import SkahaCluster

IMAGE = "images.canfar.net/skaha/astroml:latest"
SECONDS = 120
# Small workers, and no dashboard at a fixed port.
SMALL = {"cores": 1, "ram": 1, "memory_limit": "256MiB", "dashboard_address": "127.0.0.1:0"}


class CountingSession(Session):
    """A client that keeps the number of jobs of each of its launches."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.launches: list[int] = []

    def create_many(self, jobs: Any, **options: Any) -> Any:
        self.launches.append(len(jobs))
        return super().create_many(jobs, **options)


class ConnectedWorkers(SchedulerPlugin):
    """The names of the connected workers. A test waits for their changes."""

    def __init__(self, cluster: SkahaCluster) -> None:
        self._cluster = cluster
        self._changed = threading.Condition()
        cluster.loop.add_callback(cluster.scheduler.add_plugin, self, name=f"connected-{id(self)}")

    def add_worker(self, *_: Any, **__: Any) -> None:
        with self._changed:
            self._changed.notify_all()

    remove_worker = add_worker

    @property
    def names(self) -> set[str]:
        return {worker.name for worker in list(self._cluster.scheduler.workers.values())}

    def wait_for(self, condition: Callable[[set[str]], bool]) -> set[str]:
        """Wait until the names are as a test wants them."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.names), SECONDS), self.names
        return self.names
