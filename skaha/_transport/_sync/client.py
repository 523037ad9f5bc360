# Generated from skaha/_transport/_async/client.py by scripts/regenerate.py. Edit that file instead.
"""The httpx client that sends every request of this variant to the platform."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

import httpx

from skaha._sansio.call_context import current_request
from skaha._sansio.responses import invalid_response, is_page, status_error
from skaha._sansio.retrying import RetryState
from skaha._transport._sync.concurrency import sleep
from skaha._transport._sync.pool import ConnectionPool
from skaha._transport.connection_settings import USER_AGENT
from skaha.errors import StatusError

if TYPE_CHECKING:
    from http.cookiejar import CookieJar
    from pathlib import Path

    from skaha._transport._sync.concurrency import Method
    from skaha._transport.connection_settings import ConnectionSettings

_KNOWN_STATUSES = frozenset(http.HTTPStatus)
_OVERLOAD_STATUSES = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class PlatformClient(httpx.Client):
    """An httpx client with retries that raises an error for each response that is no success."""

    def __init__(self, settings: ConnectionSettings) -> None:
        """Keep the settings. The first request opens a connection."""
        self._settings = settings
        self._pool = ConnectionPool(settings)
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

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request until it succeeds or must not be sent again.

        Raises:
            skaha.errors.StatusError: If the status of the response is not a success.
            skaha.errors.AnswerError: If the status is unknown or the response is too large.
            httpx.RequestError: If there was no complete response.
        """

        def send_once() -> httpx.Response:
            return self._send_once(request, options)

        return self._with_retries(request, send_once)

    def download(self, request: httpx.Request, path: Path) -> None:
        """Save the text of a response to a file, which is replaced when the text is complete.

        The text never has to fit into memory.

        Raises:
            skaha.errors.SkahaError: As for `send`, or if the response is an HTML page.
            OSError: If the file cannot be written.
        """
        request.extensions["is_download"] = True

        def download_once() -> httpx.Response:
            response = self._send_once(request, {"stream": True})
            if is_page(response):
                response.read()
                raise invalid_response(response, "plain text")
            _save(response, path)
            return response

        self._with_retries(request, download_once)

    def _with_retries(
        self, request: httpx.Request, send_once: Method[[], httpx.Response]
    ) -> httpx.Response:
        state = RetryState(self._settings.retry, request)
        while True:
            state.attempts += 1
            try:
                return send_once()
            except (httpx.RequestError, StatusError) as error:
                seconds = state.pause_after(error)
                if seconds is None:
                    # An error may be logged or pickled: it must not hold headers or the form.
                    error.request = httpx.Request(request.method, request.url)
                    if isinstance(error, StatusError):
                        error.response.request = error.request
                        error.attempts = state.attempts
                    raise
            sleep(seconds)

    def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        response = super().send(request, **options)
        # The platform sends UTF-8; ignore the charset header, which could name any codec.
        response.encoding = "utf-8"
        context = current_request()
        if context is not None:
            context.response = response
        if not response.is_success:
            response.read()
            if response.status_code in _OVERLOAD_STATUSES:
                self._pool.on_overload()
            # The generated client does not parse such a response, nor does it raise.
            raise status_error(response)
        self._pool.on_success()
        if response.status_code not in _KNOWN_STATUSES:
            # The generated client fails on a status that `http.HTTPStatus` does not know.
            response.read()
            raise invalid_response(response, "a status that HTTP knows")
        return response


class _ReadOnlyCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of a response."""


def _save(response: httpx.Response, path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            for part in response.iter_bytes():
                file.write(part)
        partial.replace(path)
    finally:
        response.close()
        partial.unlink(missing_ok=True)


def open_for_users() -> httpx.Client:
    """Return a client without credentials, for the addresses that users open in a browser."""
    return httpx.Client(follow_redirects=True)
