"""Records of platforms: old ones (A) write unknown values as "<none>", new ones (B) omit them."""

from __future__ import annotations

from typing import Any

import recorded

_OWNER = {"userid": "vrubin", "runAsUID": "40117", "runAsGID": "40117"}
_UNUSED_A = dict.fromkeys(("ramInUse", "gpuRAMInUse", "cpuCoresInUse", "gpuUtilization"), "<none>")

HEADLESS_A: dict[str, Any] = {
    "id": "q1r7zz3d",
    **_OWNER,
    "supplementalGroups": [51001],
    "appid": "<none>",
    "image": "images.canfar.net/skaha/terminal:1.1.2",
    "type": "headless",
    "status": "Succeeded",
    "name": "bias-1",
    "startTime": "2025-05-20T18:30:00Z",
    "expiryTime": "2025-06-03T18:30:00Z",
    "connectURL": "not-applicable",
    "requestedRAM": "4G",
    "requestedCPUCores": "2",
    "requestedGPUCores": "0",
    **_UNUSED_A,
}
SESSIONS_A: list[dict[str, Any]] = [
    HEADLESS_A,
    {
        **HEADLESS_A,
        "id": "d8waits0",
        "type": "desktop",
        "status": "Pending",
        "name": "desk",
        "startTime": "<none>",
        "expiryTime": "<none>",
        "connectURL": "https://sessions.example.org/session/desktop/d8waits0/",
        "requestedRAM": "1G",
        "requestedCPUCores": "0.25",
        "requestedGPUCores": "<none>",
    },
    {
        **HEADLESS_A,
        "id": "d8waits0",
        "appid": "k4b",
        "type": "desktop-app",
        "status": "Running",
        "name": "<none>",
        "requestedGPUCores": "<none>",
    },
    {**HEADLESS_A, "id": "f3a1led0", "status": "Failed", "name": "bias-2"},
]

_FLEXIBLE_B: dict[str, Any] = {
    "id": "h2u5kd7n",
    **_OWNER,
    "supplementalGroups": [51001],
    "image": "images.canfar.net/skaha/astroml:latest",
    "type": "headless",
    "status": "Completed",
    "name": "bias-1",
    "startTime": "2026-07-02T16:01:33Z",
    "expiryTime": "2026-07-16T16:01:33Z",
    "connectURL": "",
    "requestedRAM": "8.59",
    "requestedCPUCores": "2",
    "requestedGPUCores": "0",
}
HEADLESS_B = {**_FLEXIBLE_B, "isFixedResources": True}
SESSIONS_B: list[dict[str, Any]] = [
    HEADLESS_B,
    {
        "id": "c0v3hh8p",
        **_OWNER,
        "supplementalGroups": [],
        "image": "images.canfar.net/lab/webterm:0.3",
        "type": "contributed",
        "status": "Pending",
        "name": "webterm",
        "connectURL": "https://sessions.example.org/session/contrib/c0v3hh8p/",
        "requestedGPUCores": "0",
        "isFixedResources": False,
    },
    {
        **_FLEXIBLE_B,
        "id": "dz41t9xe",
        "type": "desktop",
        "status": "Running",
        "name": "reduction-desk",
        "startTime": "2026-07-02T15:00Z",
        "expiryTime": "2026-07-06T15:00:00Z",
        "connectURL": "https://sessions.example.org/session/desktop/dz41t9xe/?password=dz41t9xe",
        "ramInUse": "0.58",
        "cpuCoresInUse": "0.031",
        "isFixedResources": False,
    },
    {**HEADLESS_B, "id": "f3a1led0", "status": "Failed", "name": "bias-2"},
    # The library knows neither this kind, nor this status, nor the last field.
    {**HEADLESS_B, "id": "n3wk1nd0", "type": "quantum", "status": "Dreaming", "mood": ["good", 1]},
]
SESSIONS = {"A": SESSIONS_A, "B": SESSIONS_B}

PUBLIC = [
    {
        "userid": "ccannon",
        "type": "notebook",
        "status": "Running",
        "startTime": "2026-07-02T11:08:56Z",
    },
    {"userid": "ccannon", "type": "headless", "status": "Pending"},
]

_CORES_A = {
    "default": 1,
    "defaultRequest": 1,
    "defaultLimit": 16,
    "defaultHeadless": 1,
    "options": [1, 2, 4],
}
_CONTEXT_B = recorded.find("the context").value()
CONTEXTS: dict[str, dict[str, Any]] = {
    "A": {"cores": _CORES_A, "memoryGB": _CORES_A, "gpus": {"options": [1, 2]}},
    "B": _CONTEXT_B,
    "B with limits of the cluster": _CONTEXT_B | {"maxInteractiveSessions": 5},
}

STATISTICS: dict[str, dict[str, Any]] = {
    "A": {
        "instances": {"session": 41, "desktopApp": 12, "headless": 230, "total": 283},
        "cores": {
            "requestedCPUCores": 612.75,
            "cpuCoresAvailable": 1184.0,
            "maxCPUCores": {"cpuCores": 32.0, "withRam": "188.62G"},
        },
        "ram": {
            "requestedRAM": "2410.5G",
            "ramAvailable": "6031.188G",
            "maxRAM": {"ram": "226.4G", "withCPUCores": 32.0},
        },
    },
    "B": recorded.find("the statistics").value(),
}

IMAGES: list[dict[str, Any]] = recorded.find("the images").value()
