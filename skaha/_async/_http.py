"""The httpx client that every request of this colour goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from skaha._answers import is_page, refusal
from skaha._async._lanes import AsyncLanes
from skaha._async._work import pause
from skaha._effort import pause_before_next
from skaha._wire import USER_AGENT
from skaha.errors import StatusError

if TYPE_CHECKING:
    from pathlib import Path

    from skaha._wire import Wire

_OVERLOADED = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class AsyncHTTP(httpx.AsyncClient):
    """An httpx client with lanes, that tries again what may be, and raises what was refused."""

    def __init__(self, wire: Wire) -> None:
        """Connect to nothing yet."""
        self._wire = wire
        self._lanes = AsyncLanes(wire.concurrency, self._connect)
        super().__init__(
            base_url=wire.server,
            # The platform does not compress, and what somebody else did may unfold without end.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auth=wire.auth,
            timeout=wire.timeout,
            transport=self._lanes,
        )

    def _connect(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._wire.tls,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            proxy=self._wire.proxy,
            trust_env=False,
        )

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send until there is an answer that is a success, or no reason to try again.

        Raises:
            skaha.errors.StatusError: If the platform refused.
            httpx.RequestError: If there was no whole answer.
        """
        request.url = self._wire.at_version(request.url)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._send_once(request, options)
            except (httpx.RequestError, StatusError) as error:
                seconds = pause_before_next(self._wire.retry, request, attempt, error)
                if seconds is None:
                    raise
            await pause(seconds)

    async def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        path: Path | None = request.extensions.get("save_to")
        if path is not None:
            options = options | {"stream": True}
        response = await super().send(request, **options)
        if not response.is_success:
            await response.aread()
            if response.status_code in _OVERLOADED:
                self._lanes.narrow()
            # Here, and not where answers are parsed, so that no parser ever sees a refusal.
            raise refusal(response)
        self._lanes.widen()
        if path is not None:
            await (response.aread() if is_page(response) else _save(response, path))
        return response


async def _save(response: httpx.Response, path: Path) -> None:
    """Write the answer to a file, which is replaced when the new one is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            async for part in response.aiter_bytes():
                file.write(part)
        partial.replace(path)
    finally:
        await response.aclose()
        partial.unlink(missing_ok=True)


def open_for_users(timeout: float) -> httpx.AsyncClient:
    """Return a client for the addresses that users open: it has no credentials."""
    return httpx.AsyncClient(timeout=timeout, follow_redirects=True)
