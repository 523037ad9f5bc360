"""What every request passes first, so that no caller can harm the platform or another caller."""

import asyncio
import time
from http import HTTPStatus

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skaha.local._wire._pages import page
from skaha.local._wire._refusal import TooLargeError, TooSlowError

# The limits of the real platform's container.
_MOST_HEADER = 8 * 1024
_MOST_BODY = 2 * 1024 * 1024

_SECONDS_PER_BLOCK = 20.0


class Gate:
    """Checks where a request was sent to and how large it is, and notes when it came.

    A page in a browser that had its own name point to the loopback would arrive with that name.

    Attributes:
        last_request: When the last request came, on the monotonic clock.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost")}
        self.last_request = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        self.last_request = time.monotonic()
        answer = self._refusal(scope) or self._app
        await answer(scope, _Limited(receive), send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope["raw_path"]) + len(scope["query_string"])
        if size + sum(len(name) + len(value) for name, value in headers) > _MOST_HEADER:
            return HTMLResponse(page(HTTPStatus.BAD_REQUEST), HTTPStatus.BAD_REQUEST)
        if dict(headers).get(b"host", b"").lower() not in self._hosts:
            return PlainTextResponse(
                "this platform answers to 127.0.0.1 and localhost only\n",
                HTTPStatus.MISDIRECTED_REQUEST,
            )
        return None


class _Limited:
    """A request's body that may be neither too large nor too slow."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = _MOST_BODY
        self._complete = False

    async def __call__(self) -> Message:
        """Return the next message; after the body that is the caller's farewell, in its time."""
        try:
            async with asyncio.timeout(None if self._complete else _SECONDS_PER_BLOCK):
                message = await self._receive()
        except TimeoutError:
            raise TooSlowError("the request body does not come") from None
        self._left -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._left < 0:
            raise TooLargeError(f"the request body is larger than {_MOST_BODY} bytes")
        return message
