"""Adaptive scaling of a cluster."""

from __future__ import annotations

import time
from typing import Any

from distributed.deploy.adaptive import Adaptive


class PatientAdaptive(Adaptive):
    """Adaptive scaling that launches nothing for a while after a failure."""

    cluster: Any

    async def scale_up(self, n: Any) -> None:
        """Launch workers, unless the cluster pauses after a failure."""
        if time.monotonic() >= self.cluster.paused_until:
            await super().scale_up(n)

    async def scale_down(self, workers: Any) -> None:
        """End workers. The cluster first moves their results to other workers."""
        await self.cluster.scale_down(workers)
