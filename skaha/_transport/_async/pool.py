"""Connection pool: each request in flight has its own connection, from a free list.

A pool of httpx searches all its connections at the start and at the end of each request, and closes
connections that are still useful. With 64 requests in flight, 512 requests take 5.5 s with one such
pool and 0.6 s with this one. Therefore this pool only keeps a list of free connections, and gives
one to each request. Each connection is a connection of httpcore, which does everything else.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from skaha._sansio.adaptive_limit import AdaptiveLimit
from skaha._sansio.call_context import END
from skaha._sansio.exchange import Exchange
from skaha._sansio.responses import too_large
from skaha._transport._async.backend import AsyncBackend
from skaha._transport._async.concurrency import Lock, RequestCanceller, Semaphore
from skaha._transport.httpcore_errors import HTTPCORE_ERRORS, as_httpx
from skaha._transport.response import PlatformResponse

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from skaha._transport._async.concurrency import Method
    from skaha._transport.connection_settings import NetworkSettings
    from skaha._transport.proxies import Proxy

# Bytes of a response that still fit into memory. A log that is read part by part may be larger.
_MAX_RESPONSE_BYTES: float = 256 * 2**20
# Compressions that a response may have, although the client never asks for compression. Others, or
# two of them, can expand a few bytes to gigabytes.
_COMPRESSIONS: tuple[list[bytes], ...] = ([], [b"gzip"], [b"deflate"])
# Largest factor by which these can grow a response.
_MAX_EXPANSION = 1000
# Seconds after which an idle connection is not used again: servers close theirs at about that time.
_KEEP_ALIVE = 5.0
# The extension of a request whose response is not closed yet.
_OPEN_STREAM = "open_stream"


class AsyncConnectionPool(httpx.AsyncBaseTransport):
    """An httpx transport with a connection for each request in flight."""

    def __init__(self, settings: NetworkSettings) -> None:
        """Keep the settings. The first request opens a connection."""
        self._settings = settings
        self._room = Semaphore(settings.concurrency)
        self._limit = AdaptiveLimit(settings.concurrency)
        self._lock = Lock()
        self._free: list[_Connection] = []
        # How often the pool was closed.
        self._closings = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request on a free connection, which is free again when the response is closed."""
        await self._room.acquire()
        while self._remove_one():
            await self._room.acquire()
        with self._lock:
            connection = self._free.pop() if self._free else _Connection(self._settings)
            connection.closings = self._closings
        try:
            connection.canceller.watch(request)
            response = await connection.send(request)
        except BaseException:
            await self._release(connection)
            raise
        stream = _ResponseStream(response, request, lambda: self._release(connection))
        request.extensions[_OPEN_STREAM] = stream
        return PlatformResponse(
            status_code=response.status,
            headers=response.headers,
            stream=stream,
            extensions=response.extensions,
        )

    async def _release(self, connection: _Connection) -> None:
        connection.canceller.forget()
        with self._lock:
            is_wanted = connection.closings == self._closings
            if is_wanted:
                self._free.append(connection)
            self._limit.on_response()
        if not self._remove_one():
            self._room.release()
        if not is_wanted:
            await connection.aclose()

    def _remove_one(self) -> bool:
        with self._lock:
            return self._limit.remove_one()

    def on_overload(self) -> None:
        """Halve the number of requests in flight, because the platform is overloaded."""
        with self._lock:
            self._limit.on_overload()

    def on_success(self) -> None:
        """Count a success. Enough successes allow one more request in flight."""
        with self._lock:
            has_grown = self._limit.on_success()
        if has_grown:
            self._room.release()

    async def aclose(self) -> None:
        """Close the free connections now, and those of requests in flight when these end."""
        with self._lock:
            free, self._free = self._free, []
            self._closings += 1
        for connection in free:
            await connection.aclose()


class _Connection:
    """One connection, which is opened at its first request and again after it was closed."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings
        self._connection: httpcore.AsyncConnectionInterface | None = None
        self._tls: ssl.SSLContext | None = None
        self._exchange = Exchange()
        self.canceller = RequestCanceller()
        # How often the pool had been closed when the current request began.
        self.closings = 0

    async def send(self, request: httpx.Request) -> httpcore.Response:
        """Send a request. The response must be closed before the next request is sent.

        Raises:
            httpx.TransportError: If there is no response.
            InvalidInputError: If the environment names a proxy that cannot be used.
            CredentialsError: If the certificate of the user cannot be used now.
        """
        if request.url.scheme not in ("http", "https"):
            message = f"only http and https are supported, not {request.url.scheme}"
            raise httpx.UnsupportedProtocol(message, request=request)
        core_request = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        proxy = self._settings.proxy_to(request.url)
        connection = await self._connected_to(request, core_request.url.origin, proxy)
        self._exchange.start()
        try:
            response = await connection.handle_async_request(core_request)
            if proxy is not None:
                _raise_if_refused(response)
        except BaseException as error:
            # httpcore does not close a tunnel without a TLS connection in it.
            await connection.aclose()
            if not isinstance(error, HTTPCORE_ERRORS):
                raise
            failure = as_httpx(error, request, proxy, was_sent=self._exchange.was_sent)
        else:
            return response
        # Raise outside of the handler: the frames of the inner errors hold credentials.
        raise failure

    async def _connected_to(
        self, request: httpx.Request, origin: httpcore.Origin, proxy: Proxy | None
    ) -> httpcore.AsyncConnectionInterface:
        old, tls = self._connection, self._settings.tls_to(request.url)
        if old is not None:
            # The context is another one if the certificate of the user has changed.
            is_usable = old.can_handle_request(origin) and tls is self._tls
            if is_usable and old.is_available() and not old.has_expired():
                return old
            await old.aclose()
        self.canceller.trace_connect(request)
        self._connection, self._tls = self._new_connection(tls, origin, proxy), tls
        return self._connection

    def _new_connection(
        self, tls: ssl.SSLContext | None, origin: httpcore.Origin, proxy: Proxy | None
    ) -> httpcore.AsyncConnectionInterface:
        options: dict[str, Any] = {
            "ssl_context": tls,
            "keepalive_expiry": _KEEP_ALIVE,
            "network_backend": AsyncBackend(self._exchange),
        }
        if proxy is None:
            return httpcore.AsyncHTTPConnection(origin, **options)
        # Use the connections of this pool without the pool, which never frees a connection whose
        # tunnel was cut.
        pool = httpcore.AsyncHTTPProxy(
            proxy.url,
            proxy_auth=proxy.credentials,
            proxy_ssl_context=self._settings.tls_to(httpx.URL(proxy.url)),
            **options,
        )
        return pool.create_connection(origin)

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()


def _raise_if_refused(response: httpcore.Response) -> None:
    """Raise an error if the response to a request without TLS comes from the proxy."""
    if response.status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        raise httpcore.ProxyError("407 Proxy Authentication Required")


def _compressions(response: httpcore.Response) -> list[bytes]:
    """Return the compressions of a response that httpx may know."""
    words = [
        word.strip().lower()
        for name, value in response.headers
        if name.lower() == b"content-encoding"
        for word in value.split(b",")
    ]
    return [word for word in words if word in (b"gzip", b"deflate", b"br", b"zstd")]


class _ResponseStream(httpx.AsyncByteStream):
    def __init__(
        self, response: httpcore.Response, request: httpx.Request, on_close: Method[[], None]
    ) -> None:
        self._response = response
        self._request = request
        self._on_close = on_close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = _MAX_RESPONSE_BYTES
        end = self._request.extensions.get(END, math.inf)
        if (compressions := _compressions(self._response)) not in _COMPRESSIONS:
            words = b", ".join(compressions).decode("latin-1")
            message = f"the response is compressed in an unusual way: {words}"
            raise httpx.DecodingError(message, request=self._request)
        if compressions:
            left //= _MAX_EXPANSION
        # `PlatformClient.read_parts` sets this: a log may be larger than the memory.
        if self._request.extensions.get("may_be_large"):
            left = math.inf
        try:
            async for part in self._response.aiter_stream():
                if time.monotonic() > end:
                    message = "the response did not end in time"
                    raise httpx.ReadTimeout(message, request=self._request)
                left -= len(part)
                if left < 0:
                    raise too_large(self._request, _MAX_RESPONSE_BYTES)
                yield part
        except HTTPCORE_ERRORS as error:
            failure = as_httpx(error, self._request)
        else:
            return
        # Raise outside of the handler: the frames of the inner errors hold credentials.
        raise failure

    async def aclose(self) -> None:
        if self._request.extensions.pop(_OPEN_STREAM, None) is None:
            return
        try:
            await self._response.aclose()
        finally:
            await self._on_close()


async def close_response(request: httpx.Request) -> None:
    """Close the response to a request if it is open, so that its connection is free again."""
    stream: _ResponseStream | None = request.extensions.get(_OPEN_STREAM)
    if stream is not None:
        await stream.aclose()
