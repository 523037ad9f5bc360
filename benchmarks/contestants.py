"""Who is measured, and in which environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Contestant:
    """A way of doing the task.

    Attributes:
        name: As the tables show it.
        driver: The program of `stand-alone/` that runs it.
        variant: Which of the driver's variants.
        requirement: What its environment holds; `None` for this process's own environment.
        module: Where a client of the field has its `Session` and `AsyncSession`.
        sequential: Whether it has one request in flight, whatever the concurrency.
        ours: Whether the limits are for it.
    """

    name: str
    driver: str
    variant: Literal["sync", "async"]
    requirement: str | None = None
    module: str = ""
    sequential: bool = False
    ours: bool = False


AIOHTTP = Contestant("bare aiohttp", "raw_aiohttp.py", "async", "aiohttp==3.14.5")
OURS = [
    Contestant("ours, sync", "sessions.py", "sync", module="skaha.session", ours=True),
    Contestant("ours, async", "sessions.py", "async", module="skaha.session", ours=True),
]
HTTPX = [
    Contestant("raw httpx, threads", "raw_httpx.py", "sync"),
    Contestant("raw httpx, async", "raw_httpx.py", "async"),
]
_PUBLISHED = [("skaha", "1.7.0", "skaha.session"), ("canfar", "1.4.1", "canfar.sessions")]
PUBLISHED_ASYNC = [
    Contestant(f"{name} {version}, async", "sessions.py", "async", f"{name}=={version}", module)
    for name, version, module in _PUBLISHED
]
PUBLISHED_SYNC = [
    Contestant(
        f"{name} {version}, sync",
        "sessions.py",
        "sync",
        f"{name}=={version}",
        module,
        sequential=True,
    )
    for name, version, module in _PUBLISHED
]
JSON_LOADS = Contestant("json.loads", "json_loads.py", "sync")
