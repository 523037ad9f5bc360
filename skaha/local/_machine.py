"""What this machine has, and what a session may ask for because of it."""

import os
from pathlib import Path
from typing import Any

import psutil
from attrs import frozen

GIB = 2**30

# The platform's chart: a session that leaves cores and memory open is placed by the requests
# and may grow to the limits.
CORES_REQUEST = 1.0
RAM_REQUEST = 4.0
CORES_LIMIT = 8
RAM_LIMIT = 32
INTERACTIVE_LIMIT = 5
GPU_OPTIONS = range(1, 29)

_RAM_OPTIONS = (
    *(1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 26, 28, 30, 32, 36, 40, 44, 48, 56, 64),
    *(80, 92, 112, 128, 140, 170, 192),
)
_CGROUP = Path("/sys/fs/cgroup")


@frozen
class Machine:
    """Cores and GiB of memory to schedule on."""

    cores: float
    ram: float

    # A laptop takes what a platform's default limits allow, so that scripts written for the
    # platform run on it unedited; what is larger than the machine then runs alone.
    @property
    def cores_options(self) -> range:
        """What `cores` may be."""
        return range(1, max(CORES_LIMIT, int(self.cores)) + 1)

    @property
    def ram_options(self) -> list[int]:
        """What `ram` may be."""
        most = max(RAM_LIMIT, int(self.ram))
        return [size for size in _RAM_OPTIONS if size <= most]

    def context(self) -> dict[str, Any]:
        """Return the platform's context: defaults, limits and options of a session."""
        return {
            "cores": {
                "default": 2,
                "defaultLimit": CORES_LIMIT,
                "options": list(self.cores_options),
                "defaultRequest": int(CORES_REQUEST),
            },
            "gpus": {"options": list(GPU_OPTIONS)},
            "memoryGB": {
                "default": 8,
                "defaultLimit": RAM_LIMIT,
                "options": self.ram_options,
                "defaultRequest": int(RAM_REQUEST),
            },
            "maxInteractiveSessions": str(INTERACTIVE_LIMIT),
        }


def measure() -> Machine:
    """Measure the machine, or the part of it that this process may use."""
    cores = float(_usable_cpus())
    quota, _, period = _limit("cpu.max").partition(" ")
    if quota.isdigit() and period:
        cores = min(cores, int(quota) / int(period))
    ram = psutil.virtual_memory().total
    memory = _limit("memory.max")
    if memory.isdigit():
        ram = min(ram, int(memory))
    return Machine(cores, ram / GIB)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limit(name: str) -> str:
    try:
        return (_CGROUP / name).read_text().strip()
    except OSError:
        return ""
