"""Cores and memory of this machine, and the values that a session may request."""

import os
from pathlib import Path

import psutil
from attrs import frozen

GIB = 2**30

# The real platform places a session by these requests if the launch names no cores or memory. The
# session may grow up to the limits.
CORES_REQUEST = 1.0
RAM_REQUEST = 4.0
CORES_LIMIT = 8
RAM_LIMIT = 32
GPU_OPTIONS = range(1, 29)

_RAM_OPTIONS = (
    *(1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 26, 28, 30, 32, 36, 40, 44, 48, 56, 64),
    *(80, 92, 112, 128, 140, 170, 192),
)
_CGROUP = Path("/sys/fs/cgroup")


@frozen
class Machine:
    """Cores and memory to schedule on; memory is in GiB."""

    cores: float
    ram: float

    # Also a small machine accepts the default limits of the real platform, so that scripts for the
    # real platform run without a change. A session larger than the machine runs alone.
    @property
    def cores_options(self) -> range:
        """The allowed values of `cores`."""
        return range(1, max(CORES_LIMIT, int(self.cores)) + 1)

    @property
    def ram_options(self) -> list[int]:
        """The allowed values of `ram`."""
        largest = max(RAM_LIMIT, int(self.ram))
        return [size for size in _RAM_OPTIONS if size <= largest]


def measure() -> Machine:
    """Measure the cores and the memory that this process may use."""
    cores = float(_usable_cpus())
    quota, _, period = _cgroup_limit("cpu.max").partition(" ")
    if quota.isdigit() and period:
        cores = min(cores, int(quota) / int(period))
    ram = psutil.virtual_memory().total
    memory = _cgroup_limit("memory.max")
    if memory.isdigit():
        ram = min(ram, int(memory))
    return Machine(cores, ram / GIB)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroup_limit(name: str) -> str:
    try:
        return (_CGROUP / name).read_text().strip()
    except OSError:
        return ""
