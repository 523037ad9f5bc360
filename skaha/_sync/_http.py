# Made from skaha/_async/_http.py by scripts/regenerate.py: edit that one.
"""Opens the httpx client that every request of this colour goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from skaha._answers import refusal
from skaha._sync._lanes import Lanes
from skaha._wire import DESCRIBED_VERSION, USER_AGENT

if TYPE_CHECKING:
    from skaha._wire import Wire


def _refuse(response: httpx.Response) -> None:
    # Here, and not where answers are parsed, so that no parser ever sees a refusal.
    if not response.is_success:
        response.read()
        raise refusal(response)


def open_client(wire: Wire) -> httpx.Client:
    """Return an httpx client for `wire`; nothing is connected yet."""

    def at_version(request: httpx.Request) -> None:
        request.url = wire.at_version(request.url)

    proxy = wire.proxy()

    def open_lane() -> httpx.HTTPTransport:
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.HTTPTransport(verify=wire.tls, limits=one, proxy=proxy, trust_env=False)

    return httpx.Client(
        base_url=wire.server,
        headers={"User-Agent": USER_AGENT},
        auth=wire.auth,
        timeout=wire.timeout,
        transport=Lanes(wire.concurrency, open_lane),
        event_hooks={
            "request": [] if wire.version == DESCRIBED_VERSION else [at_version],
            "response": [_refuse],
        },
    )
