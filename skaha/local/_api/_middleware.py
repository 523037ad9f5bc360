"""Limits for all requests, so that no client can harm the platform or another client."""

import asyncio
import time
from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skaha.local._api._errors import BodyTimeoutError, BodyTooLargeError
from skaha.local._api._responses import error_page

# The limits of the real platform's container.
_MAX_HEADER_SIZE = 8 * 1024
_MAX_BODY_SIZE = 2 * 1024 * 1024

_BODY_CHUNK_TIMEOUT = 20.0


class LimitsMiddleware:
    """Check the host, the size and the speed of a request, and record its time.

    The check of the host stops a web page whose own host name resolves to the loopback interface
    (DNS rebinding): the browser sends that name.

    Attributes:
        last_request: The time of the last request, on the monotonic clock.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost")}
        self.last_request = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        self.last_request = time.monotonic()
        app = self._error_response(scope) or self._app
        await app(scope, _LimitedBody(receive), send)

    def _error_response(self, scope: Scope) -> Response | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope["raw_path"]) + len(scope["query_string"])
        if size + sum(len(name) + len(value) for name, value in headers) > _MAX_HEADER_SIZE:
            return error_page(HTTPStatus.BAD_REQUEST)
        if dict(headers).get(b"host", b"").lower() not in self._hosts:
            return PlainTextResponse(
                "this platform answers to 127.0.0.1 and localhost only\n",
                HTTPStatus.MISDIRECTED_REQUEST,
            )
        return None


class _LimitedBody:
    """The body of a request, with a maximum size and a time-out for each chunk."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._remaining = _MAX_BODY_SIZE
        self._complete = False

    async def __call__(self) -> Message:
        """Return the next message. After the body, wait without limit for the disconnect."""
        try:
            async with asyncio.timeout(None if self._complete else _BODY_CHUNK_TIMEOUT):
                message = await self._receive()
        except TimeoutError:
            raise BodyTimeoutError("the request body does not come") from None
        self._remaining -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._remaining < 0:
            raise BodyTooLargeError
        return message
