"""Settings of connections: to one platform, and to any other server."""

from __future__ import annotations

import os
import ssl
from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpx

from skaha._sansio.responses import is_html
from skaha._sansio.validation import check_id, checked_token
from skaha._transport.proxies import proxy_of_environment
from skaha._version import __version__
from skaha.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from os import PathLike

    from skaha._transport.proxies import Proxy
    from skaha.retry import Retry

# The version in the paths of the description. The version of the platform replaces it.
_DESCRIBED_VERSION = "v1"
USER_AGENT = f"python-skaha/{__version__}"
# The platform does not compress. A compressed response of another server may expand without end.
HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class RenewableToken(ABC):
    """A function that returns a token, and that can get another token."""

    @abstractmethod
    def __call__(self) -> str:
        """Return the token."""

    @abstractmethod
    def renew(self, refused: str) -> str:
        """Get another token after the platform refused a token; if there is none, return it."""


class BearerToken(httpx.Auth):
    """Sends a token to one origin only.

    If the platform refuses the token with status 401, this class gets another token and repeats the
    request once. This is safe for launches, too: the platform did not execute the request.
    """

    def __init__(self, token: str | Callable[[], str], server: str) -> None:
        """Keep the token.

        Args:
            token: The token, or a function that returns it.
            server: URL of the server that may see the token.
        """
        self._token = token
        self._origin = _origin(httpx.URL(server))

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token if the request goes to the origin of the token."""
        if _origin(request.url) != self._origin:
            yield request
            return
        token = self._get()
        response = yield _with_token(request, token)
        if callable(self._token) and response.status_code == httpx.codes.UNAUTHORIZED:
            response.read()
            if _was_not_executed(request, response) and (new := self._renew(token)) != token:
                yield _with_token(request, new)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token if the request goes to the origin of the token."""
        from asyncio import to_thread

        if _origin(request.url) != self._origin:
            yield request
            return
        # A function may renew the token first; the event loop must not wait for that.
        token = await to_thread(self._get) if callable(self._token) else self._get()
        response = yield _with_token(request, token)
        if callable(self._token) and response.status_code == httpx.codes.UNAUTHORIZED:
            await response.aread()
            if _was_not_executed(request, response):
                new = await to_thread(self._renew, token)
                if new != token:
                    yield _with_token(request, new)

    def _get(self) -> str:
        return checked_token(self._token() if callable(self._token) else self._token)

    def _renew(self, refused: str) -> str:
        if isinstance(self._token, RenewableToken):
            return checked_token(self._token.renew(refused))
        return self._get()


def _with_token(request: httpx.Request, token: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _was_not_executed(request: httpx.Request, response: httpx.Response) -> bool:
    """Return whether a request that was refused with status 401 can be sent again.

    A page is from another server, which may have passed a launch on.
    """
    return request.method != "POST" or not is_html(response)


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


class NetworkSettings:
    """Proxies and certificate authorities of the environment, for connections to any server.

    The environment is read when a server is connected for the first time.
    """

    def __init__(self, concurrency: int = 64) -> None:
        """Keep the largest number of requests in flight."""
        self.concurrency = concurrency
        self._proxies: dict[tuple[str, bytes, int | None], Proxy | None] = {}

    def proxy_to(self, url: httpx.URL) -> Proxy | None:
        """Return the proxy for a server; `None` for a direct connection.

        Raises:
            InvalidInputError: If the environment names a proxy that cannot be used.
        """
        origin = _origin(url)
        if origin not in self._proxies:
            self._proxies[origin] = proxy_of_environment(url)
        return self._proxies[origin]

    def tls_to(self, url: httpx.URL) -> ssl.SSLContext | None:
        """Return the TLS context for a server; `None` for a server without TLS.

        Raises:
            ConfigurationError: If the certificate authorities of the environment cannot be read.
        """
        return self._tls_without_credentials if url.scheme == "https" else None

    @cached_property
    def _tls_without_credentials(self) -> ssl.SSLContext:
        return _context_of_environment()


class ConnectionSettings(NetworkSettings):
    """Address, credentials, TLS, limits and proxy for one platform."""

    def __init__(
        self,
        *,
        server: str,
        version: str,
        auth: httpx.Auth | None,
        tls: Callable[[], ssl.SSLContext],
        concurrency: int,
        retry: Retry,
    ) -> None:
        """Keep the settings, and find the proxy for this server in the environment.

        Args:
            server: URL of the platform.
            version: Version of its API.
            auth: Adds the token to requests.
            tls: Returns the TLS context for a new connection.
            concurrency: Largest number of requests in flight.
            retry: Policy for requests that failed for a temporary reason.

        Raises:
            InvalidInputError: If the environment names a proxy that cannot be used.
        """
        super().__init__(concurrency)
        self.server = server
        self.version = version
        self.auth = auth
        self._tls = tls
        self.retry = retry
        # Whether a connection was refused. The embedded platform may have ended then.
        self.was_refused = False
        self._origin = _origin(httpx.URL(server))
        self.proxy_to(httpx.URL(server))
        # All launches have one path. Parsing a URL takes a tenth of the CPU time of a launch.
        self.full_url = lru_cache(self._full_url)

    def tls_to(self, url: httpx.URL) -> ssl.SSLContext | None:
        """Return the TLS context for a server. Only the platform gets the client certificate."""
        return self.tls if _origin(url) == self._origin else super().tls_to(url)

    @property
    def tls(self) -> ssl.SSLContext:
        """The TLS context for a new connection."""
        return self._tls()

    def _full_url(self, path: str) -> httpx.URL:
        """Return the URL for a path of the description, with the version of this platform.

        Raises:
            InvalidInputError: If an id in the path cannot be one: without it, or with a slash in
                it, the path would be the path of another operation.
        """
        for part in urlsplit(path).path.removeprefix("/").split("/"):
            check_id(unquote(part))
        rest = path.removeprefix(f"/{_DESCRIBED_VERSION}/")
        if rest != path:
            path = f"/{self.version}/{rest}"
        return httpx.URL(self.server + path)


def tls_context(server: str, certificate: PathLike[str] | None = None) -> ssl.SSLContext:
    """Return the TLS context of a client. Server certificates are always verified.

    Loading the certificate authorities takes tens of milliseconds, so a server without TLS gets an
    empty context.

    Raises:
        ConfigurationError: If the certificate authorities of the environment cannot be read.
        OSError: If the certificate cannot be used.
    """
    if httpx.URL(server).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = _context_of_environment()
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def _context_of_environment() -> ssl.SSLContext:
    """Return a TLS context that trusts the authorities of SSL_CERT_FILE or SSL_CERT_DIR, if set."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        path = os.environ.get("SSL_CERT_FILE")
        message = f"SSL_CERT_FILE: the certificates in {path} cannot be used: {error}"
        raise ConfigurationError(message) from None
