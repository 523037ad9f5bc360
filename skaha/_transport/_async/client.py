"""The httpx clients of this variant: for all requests to the platform, and for other servers."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from skaha._sansio.call_context import current_call, current_request
from skaha._sansio.connection_errors import was_sent
from skaha._sansio.redaction import redacted_request
from skaha._sansio.responses import (
    MAX_START,
    TEXT,
    invalid_response,
    is_declared_text,
    is_html,
    is_json,
    is_page,
    may_contain_html,
    status_error,
)
from skaha._sansio.retrying import RetryState, note_refusal, raise_if_refused
from skaha._sansio.tracebacks import forget_frames
from skaha._transport._async.concurrency import Semaphore, sleep
from skaha._transport._async.pool import AsyncConnectionPool, close_response
from skaha._transport.connection_settings import HEADERS
from skaha.errors import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from http.cookiejar import CookieJar

    from skaha._sansio.call_context import RequestContext
    from skaha._transport._async.concurrency import Method
    from skaha._transport.connection_settings import ConnectionSettings

T = TypeVar("T")

_KNOWN_STATUSES = frozenset(http.HTTPStatus)
_OVERLOAD_STATUSES = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


class AsyncPlatformClient(httpx.AsyncClient):
    """An httpx client with retries that raises an error for each response that is no success."""

    def __init__(self, settings: ConnectionSettings) -> None:
        """Keep the settings. The first request opens a connection."""
        self._settings = settings
        self._pool = AsyncConnectionPool(settings)
        self._cookie_jar = _ReadOnlyCookies()
        proxy = settings.proxy_to(httpx.URL(settings.server))
        self._is_admitted = proxy is None or proxy.credentials is None
        self._turn = Semaphore(1)
        super().__init__(
            base_url=settings.server,
            headers=HEADERS,
            auth=settings.auth,
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

    async def aclose(self) -> None:
        """Close the free connections. A later request opens new ones, also in another thread."""
        await self._pool.aclose()

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

    async def read_parts(
        self, request: httpx.Request, read: Method[[AsyncIterator[bytes]], T]
    ) -> T:
        """Send a request, and let `read` take the text of the response part by part.

        The text never has to fit into memory. `read` is called again if the request is repeated.

        Raises:
            skaha.errors.SkahaError: As for `send`, or if the response is an HTML page or JSON.
        """

        async def read_once() -> T:
            response = await self._send_once(request, {"stream": True})
            try:
                return await read(_text_parts(response))
            finally:
                await response.aclose()

        return await self._with_retries(request, read_once)

    async def _with_retries(self, request: httpx.Request, send_once: Method[[], T]) -> T:
        state = RetryState(self._settings.retry, request)
        while True:
            state.attempts += 1
            try:
                return await send_once()
            except (httpx.RequestError, StatusError) as error:
                seconds = state.pause_after(error)
                if seconds is None:
                    if isinstance(error, StatusError):
                        error.attempts = state.times_sent
                        error.may_be_done = state.is_uncertain
                    error.request = redacted_request(request)
                    # The frames in which the request failed contain its headers and its form.
                    forget_frames(error)
                    raise
            except BaseException as stop:
                if not isinstance(stop, Exception):
                    forget_frames(stop)
                raise
            await sleep(seconds)

    async def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        call, context = current_call(), current_request()
        if context is not None:
            # The response to an earlier attempt.
            context.response = None
            if context.is_anonymous:
                # A token that has expired would make the request fail.
                options = options | {"auth": None}
        if call is not None:
            call.limit(request.extensions)
        try:
            response = await self._send_in_turn(request, options)
            await self._check(response, context)
        except BaseException:
            # httpx leaves a response open if a log handler or the reading of an error text fails.
            await close_response(request)
            raise
        return response

    async def _check(self, response: httpx.Response, context: RequestContext | None) -> None:
        """Raise an error for a response that is no success, or whose status is unknown."""
        # The platform sends UTF-8; ignore the charset header, which could name any codec.
        response.encoding = "utf-8"
        if context is not None:
            context.response = response
        if not response.is_success:
            await response.aread()
            # A site without statistics always answers 503, and this request is never repeated.
            is_final = context is not None and context.repeatable is False
            if response.status_code in _OVERLOAD_STATUSES and not is_final:
                self._pool.on_overload()
            # The generated client does not parse such a response, nor does it raise.
            raise status_error(response)
        self._pool.on_success()
        if response.status_code not in _KNOWN_STATUSES:
            # The generated client fails on a status that `http.HTTPStatus` does not know.
            await response.aread()
            raise invalid_response(response, "a status that HTTP knows")

    async def _send_in_turn(
        self, request: httpx.Request, options: dict[str, Any]
    ) -> httpx.Response:
        """Send a request; one at a time, until the proxy has accepted the password.

        Many requests with a wrong password could lock the account of the user.
        """
        if not self._is_admitted:
            await self._turn.acquire()
            try:
                if not self._is_admitted:
                    return await self._send_unless_refused(request, options)
            finally:
                self._turn.release()
        return await self._send_unless_refused(request, options)

    async def _send_unless_refused(
        self, request: httpx.Request, options: dict[str, Any]
    ) -> httpx.Response:
        """Send a request, unless an earlier request of this call got a lasting refusal."""
        raise_if_refused(request)
        try:
            response = await super().send(request, **options)
        except httpx.RequestError as error:
            note_refusal(error)
            self._settings.was_refused |= isinstance(error, httpx.ConnectError)
            self._is_admitted |= was_sent(error)
            raise
        self._is_admitted = True
        return response


class _ReadOnlyCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of a response."""


async def _text_parts(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the parts of a text, which may be larger than the memory."""
    is_log = is_declared_text(response)
    response.request.extensions["may_be_large"] = is_log
    if is_log:
        start = b""
        is_checked = may_contain_html(response)
        async for part in response.aiter_bytes():
            if is_checked:
                yield part
                continue
            start += part
            if len(start) >= MAX_START:
                is_checked = True
                yield _checked_start(response, start)
        if not is_checked:
            yield _checked_start(response, start)
        return
    # The platform declares every log as plain text: the body may be the page of another server.
    await response.aread()
    if is_page(response) or is_json(response):
        raise invalid_response(response, TEXT)
    yield response.content


def _checked_start(response: httpx.Response, start: bytes) -> bytes:
    """Return the start of a text, unless it is the start of an HTML page."""
    page = httpx.Response(response.status_code, content=start, request=response.request)
    if is_html(page):
        raise invalid_response(page, TEXT)
    return start
