"""Sessions, the context and the statistics in the format of the v1 server.

Unknown values are absent. Sizes are in decimal gigabytes.
"""

from typing import Any

from skaha.local._api._fields import connect_url, times
from skaha.local._api._platform import Platform
from skaha.local._machine import (
    CORES_LIMIT,
    CORES_REQUEST,
    GIB,
    GPU_OPTIONS,
    RAM_LIMIT,
    RAM_REQUEST,
)
from skaha.local._session import Session

# The largest `int` of Java.
_LARGEST_INTEGER = 2**31 - 1


def session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session with all fields that its owner sees."""
    fields = {
        "id": session.id,
        "userid": platform.user,
        "runAsUID": str(platform.uid),
        "runAsGID": str(platform.gid),
        "supplementalGroups": platform.groups,
        "appid": session.appid or None,
        "image": session.image,
        "type": session.kind,
        "status": platform.status(session),
        "name": session.name,
        **_times(session),
        "connectURL": connect_url(platform, session),
        **_requests(session),
        "requestedGPUCores": "0",
        **_usage(platform, session),
        "isFixedResources": session.fixed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def context(platform: Platform) -> dict[str, Any]:
    """Return the defaults, limits and options of a session."""
    return {
        "cores": {
            "default": 2,
            "defaultLimit": CORES_LIMIT,
            "options": list(platform.machine.cores_options),
            "defaultRequest": int(CORES_REQUEST),
        },
        "gpus": {"options": list(GPU_OPTIONS)},
        "memoryGB": {
            "default": 8,
            "defaultLimit": RAM_LIMIT,
            "options": platform.machine.ram_options,
            "defaultRequest": int(RAM_REQUEST),
        },
        "maxInteractiveSessions": str(platform.profile.max_interactive),
    }


def statistics(platform: Platform) -> dict[str, Any]:
    """Return the requested and the available resources, and the maximum for a session."""
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


def _times(session: Session) -> dict[str, str]:
    # The server prints the start with a Java class that omits zero seconds.
    return {
        name: text.replace(":00Z", "Z") if name == "startTime" else text
        for name, text in times(session).items()
    }


def _requests(session: Session) -> dict[str, str]:
    # The server shows the requests only if they are also the limits.
    if not session.fixed:
        return {}
    cores = session.cores
    requested_cores = f"{cores:.0f}" if cores == int(cores) else f"{cores:.3f}"
    return {"requestedRAM": _gigabytes(session.ram, 2), "requestedCPUCores": requested_cores}


def _usage(platform: Platform, session: Session) -> dict[str, str]:
    # Without the metrics of Kubernetes, the server has neither the use nor the statistics.
    usage = platform.meter.of(session) if platform.options.stats else None
    if usage is None:
        return {}
    return {"ramInUse": f"{usage.ram / 10**9:.2f}", "cpuCoresInUse": cores_in_use(usage.cores)}


def cores_in_use(cores: float) -> str:
    """Return the number of busy cores as a text.

    The server counts billionths of a core. It cannot convert a large number of them, and then
    passes on the text of Kubernetes.
    """
    billionths = round(cores * 10**9)
    return f"{cores:.3f}" if billionths <= _LARGEST_INTEGER else f"{billionths}n"


def _size(gib: float) -> str:
    number = _gigabytes(gib, 3).rstrip("0").rstrip(".")
    return f"{number}G"


def _gigabytes(gib: float, digits: int) -> str:
    return f"{gib * GIB / 10**9:.{digits}f}"
