"""Settings that all connections to one platform share."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from skaha._sansio.validation import checked_token
from skaha._transport.proxies import proxy_of_environment
from skaha._version import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from os import PathLike

    from skaha.retry import Retry

# The version in the paths of the description. The version of the platform replaces it.
_DESCRIBED_VERSION = "v1"
USER_AGENT = f"python-skaha/{__version__}"


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


class ConnectionSettings:
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
        """Keep the settings, and find the proxy for this server in the environment."""
        self.server = server
        self.version = version
        self.auth = auth
        self.tls = tls
        self.timeout = timeout
        self.concurrency = concurrency
        self.retry = retry
        self.proxy, self.proxy_auth = proxy_of_environment(httpx.URL(server))

    def full_url(self, path: str) -> str:
        """Return the URL for a path of the description, with the version of this platform."""
        rest = path.removeprefix(f"/{_DESCRIBED_VERSION}/")
        return f"{self.server}{path}" if rest == path else f"{self.server}/{self.version}/{rest}"


def tls_context(server: str, certificate: PathLike[str] | None = None) -> ssl.SSLContext:
    """Return the TLS context of a client. Server certificates are always verified.

    Loading the certificate authorities takes tens of milliseconds, so a server without TLS gets an
    empty context.
    """
    if httpx.URL(server).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = httpx.create_ssl_context()
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context
