"""The httpx client that every request of this colour goes through."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

import httpx

from skaha._sansio.responses import is_page, refusal, unreadable
from skaha._sansio.retrying import Trial
from skaha._transport._async.concurrency import pause
from skaha._transport._async.pool import AsyncLanes
from skaha._transport.connection_settings import USER_AGENT
from skaha.errors import StatusError

if TYPE_CHECKING:
    from http.cookiejar import CookieJar
    from pathlib import Path

    from skaha._transport.connection_settings import Wire

_KNOWN_STATUSES = frozenset(http.HTTPStatus)
_OVERLOADED = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class AsyncHTTP(httpx.AsyncClient):
    """An httpx client with lanes, that tries again what may be, and raises what was refused."""

    def __init__(self, wire: Wire) -> None:
        """Connect to nothing yet."""
        self._wire = wire
        self._lanes = AsyncLanes(wire)
        self._jar = _EmptyJar()
        super().__init__(
            base_url=wire.server,
            # The platform does not compress, and what somebody else did may unfold without end.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auth=wire.auth,
            timeout=wire.timeout,
            transport=self._lanes,
        )

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request to the platform, at its version."""
        if isinstance(url, str) and url.startswith("/"):
            url = self._wire.whole_url(url)
        return super().build_request(method, url, **options)

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that are sent; none is ever taken from an answer."""
        return self._jar

    @cookies.setter
    def cookies(
        self, cookies: httpx.Cookies | CookieJar | dict[str, str] | list[tuple[str, str]]
    ) -> None:
        self._jar = _EmptyJar(cookies)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send until there is an answer that is a success, or no reason to try again.

        Raises:
            skaha.errors.StatusError: If the platform refused.
            httpx.RequestError: If there was no whole answer.
        """
        trial = Trial(self._wire.retry, request)
        while True:
            trial.attempts += 1
            try:
                return await self._send_once(request, options)
            except (httpx.RequestError, StatusError) as error:
                seconds = trial.pause_after(error)
                if seconds is None:
                    # Errors travel far: into logs, reports, other processes.
                    error.request = httpx.Request(request.method, request.url)
                    if isinstance(error, StatusError):
                        error.response.request = error.request
                        error.attempts = trial.attempts
                    raise
            await pause(seconds)

    async def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        path: Path | None = request.extensions.get("save_to")
        if path is not None:
            options = options | {"stream": True}
        response = await super().send(request, **options)
        # The platform's texts are; what a header says could name any codec that there is.
        response.encoding = "utf-8"
        if not response.is_success:
            await response.aread()
            if response.status_code in _OVERLOADED:
                self._lanes.narrow()
            # Here, and not where answers are parsed, so that no parser ever sees a refusal.
            raise refusal(response)
        self._lanes.widen()
        if response.status_code not in _KNOWN_STATUSES:
            # The generated client would fail to name it.
            raise unreadable(response, "a status that HTTP knows")
        if path is not None:
            await (response.aread() if is_page(response) else _save(response, path))
        return response


class _EmptyJar(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave the cookies of an answer alone."""


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


def open_for_users() -> httpx.AsyncClient:
    """Return a client for the addresses that users open: it has no credentials."""
    return httpx.AsyncClient(follow_redirects=True)
