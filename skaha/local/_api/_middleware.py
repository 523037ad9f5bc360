"""The container of the service: limits, paths and connections, before a request is routed.

No client can harm the platform or another client.
"""

import asyncio
import re
import time
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skaha.local._api._errors import BodyTimeoutError, BodyTooLargeError
from skaha.local._api._responses import error_page
from skaha.local._connection_limits import MAX_REQUESTS

# The limits of the real platform's container.
_MAX_HEADER_SIZE = 8 * 1024
_MAX_BODY_SIZE = 2 * 1024 * 1024

_BODY_CHUNK_TIMEOUT = 20.0

# After these statuses, the server's container ends the connection.
_CLOSING_STATUSES = frozenset({400, 408, 411, 413, 414, 500, 501, 503})

_NOT_IN_TARGET = re.compile(r'[^!-~]|["#<>\\^`{|}]')


class LimitsMiddleware:
    """Check the host, the size and the speed of a request, and record its time.

    The check of the host stops a web page whose own host name resolves to the loopback interface
    (DNS rebinding): the browser sends that name.

    Attributes:
        last_request: The time of the end of the last request, on the monotonic clock.
        closing: Whether all further requests are refused, because the platform ends.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost")}
        self._active = 0
        self.last_request = time.monotonic()
        self.closing = False

    @property
    def idle_time(self) -> float:
        """The seconds since the end of the last request; 0 while a request is active."""
        return 0.0 if self._active else time.monotonic() - self.last_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        self._active += 1
        try:
            await self._respond(scope, receive, send)
        finally:
            self._active -= 1
            self.last_request = time.monotonic()

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp | Response = self._app
        try:
            self._check(scope)
            path = normalize(scope["raw_path"])
        except _RefusedError as error:
            app = error.response
        else:
            scope = {**scope, "path": path}
        is_last = next(scope["state"]["requests"]) >= MAX_REQUESTS
        await app(scope, _LimitedBody(receive), _close_connection(send, after_all=is_last))

    def _check(self, scope: Scope) -> None:
        if self.closing:
            raise _RefusedError(error_page(HTTPStatus.SERVICE_UNAVAILABLE))
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope["raw_path"]) + len(scope["query_string"])
        if size + sum(len(name) + len(value) for name, value in headers) > _MAX_HEADER_SIZE:
            raise _refused("Request header is too large", "Exception Report")
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        target = (scope["raw_path"] + query).decode("latin-1")
        if _NOT_IN_TARGET.search(target):
            raise _refused(
                f"Invalid character found in the request target [{target} ]. The valid characters"
                " are defined in RFC 7230 and RFC 3986",
                "Exception Report",
            )
        if dict(headers).get(b"host", b"").lower() not in self._hosts:
            raise _RefusedError(
                PlainTextResponse(
                    "this platform answers to 127.0.0.1 and localhost only\n",
                    HTTPStatus.MISDIRECTED_REQUEST,
                )
            )


def normalize(raw_path: bytes) -> str:
    """Return a path without parameters, empty segments and dots.

    Raises:
        _RefusedError: The path contains an encoded separator, or leads above the root.
    """
    encoded = b"/".join(segment.partition(b";")[0] for segment in raw_path.split(b"/"))
    if b"%2f" in encoded.lower():
        raise _refused("Invalid URI: [The encoded slash character is not allowed]")
    path = unquote_to_bytes(encoded).decode("utf-8", "replace")
    if "\\" in path or "\0" in path:
        raise _refused("Invalid URI")
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and not segments:
            raise _refused("Invalid URI")
        if segment == "..":
            segments.pop()
        elif segment not in {"", "."}:
            segments.append(segment)
    end = "/" if segments and path.endswith(("/", "/.", "/..")) else ""
    return f"/{'/'.join(segments)}{end}"


def _close_connection(send: Send, *, after_all: bool) -> Send:
    """End the connection after some statuses, or after all."""

    async def _send(message: Message) -> None:
        is_start = message["type"] == "http.response.start"
        if is_start and (after_all or message["status"] in _CLOSING_STATUSES):
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return _send


class _RefusedError(Exception):
    """A request that does not reach the service."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def _refused(message: str, kind: str = "Status Report") -> _RefusedError:
    return _RefusedError(error_page(HTTPStatus.BAD_REQUEST, message, kind))


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
