"""Contestants: the measured clients and their environments."""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen
class Contestant:
    """One client in one variant.

    Attributes:
        name: The name in the tables.
        driver: The program in `stand-alone/` that runs the client.
        variant: The variant of the driver.
        requirement: The package in its environment; `None` for the environment of this process.
        module: The module of a published client with its `Session` and `AsyncSession`.
        sequential: Whether only one request is in flight, for every concurrency.
        ours: Whether it is this library, to which the limits apply.
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
# The lowest possible times of a client on httpx, for each variant.
OWN_CONNECTIONS = [
    Contestant("httpx, own connections, threads", "own_connections.py", "sync"),
    Contestant("httpx, own connections, async", "own_connections.py", "async"),
]
_PUBLISHED = [("skaha", "1.7.0", "skaha.session"), ("canfar", "1.5.2", "canfar.sessions")]
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
