"""The processes of all sessions of a state directory; the database is not needed to find them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from skaha.local._errors import PlatformError
from skaha.local._runtimes import _shim
from skaha.local._runtimes._container import find_container
from skaha.local._runtimes._runtime import Workload

_KILL_TIMEOUT = 10.0


def end_all_sessions(sessions: Path, grace: float) -> None:
    """End the processes of all sessions that have a directory.

    Args:
        sessions: The directory with a subdirectory for the files of each session.
        grace: The time in seconds between the request to end and the kill.

    Raises:
        PlatformError: Some processes do not end. The message names their sessions.
    """
    # The caller may have an event loop in this thread, for example in a notebook.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, _end_all(sessions, grace)).result()


async def _end_all(sessions: Path, grace: float) -> None:
    workloads = {}
    for directory in sessions.glob("*/"):
        if workload := await asyncio.to_thread(_find, directory):
            workloads[directory.name] = asyncio.create_task(workload.stop(grace))
    if not workloads:
        return
    done, pending = await asyncio.wait(workloads.values(), timeout=grace + _KILL_TIMEOUT)
    for task in done:
        task.result()
    if pending:
        names = ", ".join(name for name, task in workloads.items() if task in pending)
        raise PlatformError(
            f"the processes of these sessions do not end: {names}; the records are kept: end the"
            " processes, or restart the machine, and try again"
        )


def _find(directory: Path) -> Workload | None:
    shim = _shim.find(directory.name, directory)
    return None if shim is None else (find_container(directory, shim) or shim)
