"""Settings of connections: to one platform, and to any other server."""

from __future__ import annotations

import os
import ssl
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from skaha._sansio.validation import checked_token
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


class BearerToken(httpx.Auth):
    """Sends a token to one origin only."""

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
        if _origin(request.url) == self._origin:
            token = self._token
            _add_token(request, token if isinstance(token, str) else checked_token(token()))
        yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token if the request goes to the origin of the token."""
        if _origin(request.url) == self._origin:
            token = self._token
            if not isinstance(token, str):
                from asyncio import to_thread

                # A function may renew the token first; the event loop must not wait for that.
                token = checked_token(await to_thread(token))
            _add_token(request, token)
        yield request


def _add_token(request: httpx.Request, token: str) -> None:
    request.headers["Authorization"] = f"Bearer {token}"


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
    """Address, credentials, TLS, time-out, limits and proxy for one platform."""

    def __init__(
        self,
        *,
        server: str,
        version: str,
        auth: httpx.Auth | None,
        tls: ssl.SSLContext,
        timeout: float,
        concurrency: int,
        retry: Retry,
    ) -> None:
        """Keep the settings, and find the proxy for this server in the environment.

        Raises:
            InvalidInputError: If the environment names a proxy that cannot be used.
        """
        super().__init__(concurrency)
        self.server = server
        self.version = version
        self.auth = auth
        self.tls = tls
        self.timeout = timeout
        self.retry = retry
        self.proxy_to(httpx.URL(server))

    def tls_to(self, url: httpx.URL) -> ssl.SSLContext | None:
        """Return the TLS context for a server. Only the platform gets the client certificate."""
        return self.tls if _origin(url) == _origin(httpx.URL(self.server)) else super().tls_to(url)

    def full_url(self, path: str) -> str:
        """Return the URL for a path of the description, with the version of this platform."""
        rest = path.removeprefix(f"/{_DESCRIBED_VERSION}/")
        return f"{self.server}{path}" if rest == path else f"{self.server}/{self.version}/{rest}"


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
