"""Opens the httpx client that every request of this colour goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from skaha._answers import refusal
from skaha._async._lanes import AsyncLanes
from skaha._wire import DESCRIBED_VERSION, USER_AGENT

if TYPE_CHECKING:
    from skaha._wire import Wire


async def _refuse(response: httpx.Response) -> None:
    # Here, and not where answers are parsed, so that no parser ever sees a refusal.
    if not response.is_success:
        await response.aread()
        raise refusal(response)


def open_async_client(wire: Wire) -> httpx.AsyncClient:
    """Return an httpx client for `wire`; nothing is connected yet."""

    async def at_version(request: httpx.Request) -> None:
        request.url = wire.at_version(request.url)

    proxy = wire.proxy()

    def open_lane() -> httpx.AsyncHTTPTransport:
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncHTTPTransport(verify=wire.tls, limits=one, proxy=proxy, trust_env=False)

    return httpx.AsyncClient(
        base_url=wire.server,
        headers={"User-Agent": USER_AGENT},
        auth=wire.auth,
        timeout=wire.timeout,
        transport=AsyncLanes(wire.concurrency, open_lane),
        event_hooks={
            "request": [] if wire.version == DESCRIBED_VERSION else [at_version],
            "response": [_refuse],
        },
    )
