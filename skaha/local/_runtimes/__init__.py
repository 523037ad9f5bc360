"""Runtimes: start the processes of sessions, find them again after a restart, and keep their logs.

`_process` runs commands of this machine, `_container` runs images. Both share `_runtime`.
`_leftovers` ends the processes of all sessions without a running platform.
"""

from skaha.local._runtimes._container import ContainerRuntime, find_engine
from skaha.local._runtimes._leftovers import end_all_sessions
from skaha.local._runtimes._process import ProcessRuntime
from skaha.local._runtimes._process_tree import ProcessUsage
from skaha.local._runtimes._runtime import ImagePullError, Runtime, StartError, Workload

__all__ = [
    "ContainerRuntime",
    "ImagePullError",
    "ProcessRuntime",
    "ProcessUsage",
    "Runtime",
    "StartError",
    "Workload",
    "end_all_sessions",
    "find_engine",
]
