"""The objects of the older profile: nothing is ever left out, sizes are in GiB and called G."""

from typing import Any

from skaha.local._machine import GPU_OPTIONS, Machine
from skaha.local._session import Phase, Session
from skaha.local._wire._objects import connect_url, times
from skaha.local._wire._platform import Platform

_NONE = "<none>"

# Their templates have no line about GPUs.
_WITHOUT_GPUS = ("carta", "desktop", "firefly", "desktop-app")

_DEFAULT = {"cores": 1, "ram": 2}
_DEFAULT_HEADLESS = {"cores": 1, "ram": 4}
_REQUEST = {"cores": 1, "ram": 4}


def default_amount(name: str, kind: str) -> float:
    """Return how many cores, or GiB, a session gets that does not ask."""
    return float((_DEFAULT_HEADLESS if kind == "headless" else _DEFAULT)[name])


def session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session as its owner sees it."""
    lived = times(session)
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
        "startTime": lived.get("startTime", _NONE),
        "expiryTime": lived.get("expiryTime", _NONE),
        "connectURL": connect_url(platform, session) or "not-applicable",
        "requestedRAM": f"{_number(session.ram)}G",
        "requestedCPUCores": _number(session.cores),
        "requestedGPUCores": _NONE if session.kind in _WITHOUT_GPUS else "0",
        "ramInUse": _NONE,
        "gpuRAMInUse": _NONE,
        "cpuCoresInUse": _NONE,
        "gpuUtilization": _NONE,
    }


def context(machine: Machine) -> dict[str, Any]:
    """Return what a session may ask for."""
    return {
        "cores": _limits("cores", list(machine.cores_options)),
        "memoryGB": _limits("ram", machine.ram_options),
        "gpus": {"options": list(GPU_OPTIONS)},
    }


def statistics(platform: Platform) -> dict[str, Any]:
    """Return who runs, what is requested and what the only node has."""
    running = [s for s in platform.store.listed() if s.phase is Phase.RUNNING]
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


def _limits(name: str, options: list[int]) -> dict[str, Any]:
    return {
        "default": _DEFAULT[name],
        "defaultRequest": _REQUEST[name],
        "defaultLimit": options[-1],
        "defaultHeadless": _DEFAULT_HEADLESS[name],
        "options": options,
    }


def _number(amount: float) -> str:
    return f"{round(amount, 3):g}"
