"""Sessions, the context and the statistics in the format of the v0 server.

No field is ever absent. Sizes are in GiB, although their unit is called G.
"""

from typing import Any

from skaha.local._api._fields import connect_url, times
from skaha.local._api._platform import Platform
from skaha.local._machine import GPU_OPTIONS
from skaha.local._session import Phase, Session

_NONE = "<none>"

# The server's templates for these kinds have no line for GPUs.
_KINDS_WITHOUT_GPUS = ("carta", "desktop", "firefly", "desktop-app")

_DEFAULT = {"cores": 1, "ram": 2}
_DEFAULT_HEADLESS = {"cores": 1, "ram": 4}
_REQUEST = {"cores": 1, "ram": 4}


def default_request(name: str, kind: str) -> float:
    """Return the cores, or the GiB of memory, of a session that requests none."""
    return float((_DEFAULT_HEADLESS if kind == "headless" else _DEFAULT)[name])


def session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session with all fields that its owner sees."""
    start_and_expiry = times(session)
    return {
        "id": session.id,
        "userid": platform.user,
        "runAsUID": str(platform.uid),
        "runAsGID": str(platform.gid),
        "supplementalGroups": platform.groups,
        "appid": session.appid or _NONE,
        "image": session.image,
        "type": session.kind,
        "status": platform.status(session),
        "name": _NONE if session.appid else session.name,
        "startTime": start_and_expiry.get("startTime", _NONE),
        "expiryTime": start_and_expiry.get("expiryTime", _NONE),
        "connectURL": connect_url(platform, session) or "not-applicable",
        "requestedRAM": f"{_number(session.ram)}G",
        "requestedCPUCores": _number(session.cores),
        "requestedGPUCores": _NONE if session.kind in _KINDS_WITHOUT_GPUS else "0",
        "ramInUse": _NONE,
        "gpuRAMInUse": _NONE,
        "cpuCoresInUse": _NONE,
        "gpuUtilization": _NONE,
    }


def context(platform: Platform) -> dict[str, Any]:
    """Return the defaults, limits and options of a session."""
    return {
        "cores": _resource("cores", list(platform.machine.cores_options)),
        "memoryGB": _resource("ram", platform.machine.ram_options),
        "gpus": {"options": list(GPU_OPTIONS)},
    }


def statistics(platform: Platform) -> dict[str, Any]:
    """Return the running sessions, the requested resources, and those of the only node."""
    running = [session for session in platform.store.all() if session.phase is Phase.RUNNING]
    apps = sum(session.kind == "desktop-app" for session in running)
    headless = sum(session.kind == "headless" for session in running)
    cores, ram = float(platform.machine.cores), f"{_number(platform.machine.ram)}G"
    return {
        "instances": {
            "session": len(running) - apps - headless,
            "desktopApp": apps,
            "headless": headless,
            "total": len(running),
        },
        "cores": {
            "requestedCPUCores": float(platform.scheduler.cores),
            "cpuCoresAvailable": cores,
            "maxCPUCores": {"cpuCores": cores, "withRam": ram},
        },
        "ram": {
            "requestedRAM": f"{_number(platform.scheduler.ram)}G",
            "ramAvailable": ram,
            "maxRAM": {"ram": ram, "withCPUCores": cores},
        },
    }


def _resource(name: str, options: list[int]) -> dict[str, Any]:
    return {
        "default": _DEFAULT[name],
        "defaultRequest": _REQUEST[name],
        "defaultLimit": options[-1],
        "defaultHeadless": _DEFAULT_HEADLESS[name],
        "options": options,
    }


def _number(amount: float) -> str:
    return f"{round(amount, 3):g}"
