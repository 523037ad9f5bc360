"""The statistics of the platform, which has one node: this machine."""

from typing import Any

from skaha.local._machine import CORES_LIMIT, RAM_LIMIT
from skaha.local._wire._objects import gigabytes
from skaha.local._wire._platform import Platform


def statistics(platform: Platform) -> dict[str, Any]:
    """Return what is requested, what there is, and what one session may have."""
    cores, ram = float(CORES_LIMIT), f"{RAM_LIMIT}Gi"
    return {
        "cores": {
            "requestedCPUCores": float(platform.scheduler.cores),
            "cpuCoresAvailable": float(platform.machine.cores),
            "maxCPUCores": {"cpuCores": cores, "withRam": ram},
        },
        "ram": {
            "requestedRAM": _size(platform.scheduler.ram),
            "ramAvailable": _size(platform.machine.ram),
            "maxRAM": {"ram": ram, "withCPUCores": cores},
        },
    }


def _size(gib: float) -> str:
    number = gigabytes(gib, 3).rstrip("0").rstrip(".")
    return f"{number}G"
