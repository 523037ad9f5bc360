"""The httpx client that sends every request of this variant to the platform."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

import httpx

from skaha._sansio.call_context import current_request
from skaha._sansio.redaction import forget_frames, redacted_request
from skaha._sansio.responses import invalid_response, is_page, status_error
from skaha._sansio.retrying import RetryState
from skaha._transport._async.concurrency import sleep
from skaha._transport._async.pool import AsyncConnectionPool
from skaha._transport.connection_settings import USER_AGENT
from skaha.errors import StatusError

if TYPE_CHECKING:
    from http.cookiejar import CookieJar
    from pathlib import Path

    from skaha._transport._async.concurrency import Method
    from skaha._transport.connection_settings import ConnectionSettings

_KNOWN_STATUSES = frozenset(http.HTTPStatus)
_OVERLOAD_STATUSES = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class AsyncPlatformClient(httpx.AsyncClient):
    """An httpx client with retries that raises an error for each response that is no success."""

    def __init__(self, settings: ConnectionSettings) -> None:
        """Keep the settings. The first request opens a connection."""
        self._settings = settings
        self._pool = AsyncConnectionPool(settings)
        self._cookie_jar = _ReadOnlyCookies()
        super().__init__(
            base_url=settings.server,
            # The platform does not compress. A compressed response of another server may expand
            # without end.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auth=settings.auth,
            timeout=settings.timeout,
            transport=self._pool,
        )

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request to the platform, with the version of the platform in its path."""
        if isinstance(url, str) and url.startswith("/"):
            url = self._settings.full_url(url)
        return super().build_request(method, url, **options)

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that are sent. Cookies of responses are ignored."""
        return self._cookie_jar

    @cookies.setter
    def cookies(
        self, cookies: httpx.Cookies | CookieJar | dict[str, str] | list[tuple[str, str]]
    ) -> None:
        self._cookie_jar = _ReadOnlyCookies(cookies)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request until it succeeds or must not be sent again.

        Raises:
            skaha.errors.StatusError: If the status of the response is not a success.
            skaha.errors.AnswerError: If the status is unknown or the response is too large.
            httpx.RequestError: If there was no complete response.
        """

        async def send_once() -> httpx.Response:
            return await self._send_once(request, options)

        return await self._with_retries(request, send_once)

    async def download(self, request: httpx.Request, path: Path) -> None:
        """Save the text of a response to a file, which is replaced when the text is complete.

        The text never has to fit into memory.

        Raises:
            skaha.errors.SkahaError: As for `send`, or if the response is an HTML page.
            OSError: If the file cannot be written.
        """
        request.extensions["is_download"] = True

        async def download_once() -> httpx.Response:
            response = await self._send_once(request, {"stream": True})
            if is_page(response):
                await response.aread()
                raise invalid_response(response, "plain text")
            await _save(response, path)
            return response

        await self._with_retries(request, download_once)

    async def _with_retries(
        self, request: httpx.Request, send_once: Method[[], httpx.Response]
    ) -> httpx.Response:
        state = RetryState(self._settings.retry, request)
        while True:
            state.attempts += 1
            try:
                return await send_once()
            except (httpx.RequestError, StatusError) as error:
                seconds = state.pause_after(error)
                if seconds is None:
                    if isinstance(error, StatusError):
                        error.attempts = state.attempts
                    error.request = redacted_request(request)
                    # The frames in which the request failed contain its headers and its form.
                    forget_frames(error)
                    raise
            await sleep(seconds)

    async def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        response = await super().send(request, **options)
        # A response that refused an old token leads to the request.
        response.history = []
        # The platform sends UTF-8; ignore the charset header, which could name any codec.
        response.encoding = "utf-8"
        context = current_request()
        if context is not None:
            context.response = response
        if not response.is_success:
            await response.aread()
            if response.status_code in _OVERLOAD_STATUSES:
                self._pool.on_overload()
            # The generated client does not parse such a response, nor does it raise.
            raise status_error(response)
        self._pool.on_success()
        if response.status_code not in _KNOWN_STATUSES:
            # The generated client fails on a status that `http.HTTPStatus` does not know.
            await response.aread()
            raise invalid_response(response, "a status that HTTP knows")
        return response


class _ReadOnlyCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of a response."""


async def _save(response: httpx.Response, path: Path) -> None:
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
    """Return a client without credentials, for the addresses that users open in a browser."""
    return httpx.AsyncClient(follow_redirects=True)
