"""The session of one worker in the form of a process of Dask, and batches of names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from distributed.deploy.spec import ProcessInterface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class WorkerSession(ProcessInterface):
    """The session of one worker in the form of a process of Dask."""

    def __init__(
        self,
        scheduler: str | None = None,
        name: str | None = None,
        *,
        launches: Batch,
        ends: Batch,
        **_: Any,
    ) -> None:
        """Keep the name, and the batches of the cluster."""
        super().__init__(scheduler, name)
        self.name = str(name)
        self._launches, self._ends = launches, ends

    async def start(self) -> None:
        """Launch the session, together with all others of the same moment."""
        await self._launches.add(self.name)
        await super().start()

    async def close(self) -> None:
        """Delete the session, together with all others of the same moment."""
        await self._ends.add(self.name)
        await super().close()


class Batch:
    """Names that are handled with one call, although each is added by its own task."""

    def __init__(self, work: Callable[[list[str]], Awaitable[None]]) -> None:
        """Start without a name."""
        self._work = work
        self._names: list[str] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, name: str) -> None:
        """Add a name, and wait until it is handled."""
        self._names.append(name)
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        # The others go on if this task is cancelled.
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        # All tasks of the same moment add their names first.
        await asyncio.sleep(0)
        names, self._names, self._task = self._names, [], None
        await self._work(names)
