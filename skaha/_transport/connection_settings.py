"""What a connection needs to know: where to, as whom, how long, how many at once."""

from __future__ import annotations

import ipaddress
import ssl
import urllib.request
from typing import TYPE_CHECKING

import httpx

from skaha._sansio.validation import checked_token
from skaha._version import __version__
from skaha.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from os import PathLike

    from skaha.retry import Retry

# The version in the paths of the description. Another one takes its place in every request.
_DESCRIBED_VERSION = "v1"
USER_AGENT = f"python-skaha/{__version__}"


class Secret:
    """Holds what no `repr` and no traceback may show."""

    def __init__(self, value: str | Callable[[], str] | None) -> None:
        """Hold `value`."""
        self.value = value


class BearerToken(httpx.Auth):
    """Sends a token to one origin, and to no other."""

    def __init__(self, token: str | Callable[[], str], server: str) -> None:
        """Send `token`, or what it returns, to the origin of `server`."""
        self._token = token
        self._origin = _origin(httpx.URL(server))

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token if the request goes where it belongs."""
        if _origin(request.url) == self._origin:
            token = self._token
            _sign(request, token if isinstance(token, str) else checked_token(token()))
        yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token if the request goes where it belongs."""
        if _origin(request.url) == self._origin:
            token = self._token
            _sign(request, token if isinstance(token, str) else checked_token(await _result(token)))
        yield request


def _sign(request: httpx.Request, token: str) -> None:
    request.headers["Authorization"] = f"Bearer {token}"


async def _result(token: Callable[[], str]) -> str:
    from asyncio import to_thread

    # A token that has to be renewed first takes a while, and the event loop must not wait.
    return await to_thread(token)


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


class Wire:
    """Everything that connections to one platform share."""

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
        """Take what is known, and the proxy that the environment names for this server."""
        self.server = server
        self.version = version
        self.auth = auth
        self.tls = tls
        self.timeout = timeout
        self.concurrency = concurrency
        self.retry = retry
        self.proxy, self.proxy_auth = _proxy_of_environment(httpx.URL(server))

    def whole_url(self, path: str) -> str:
        """Return the address of a path of the description, at this platform's version."""
        rest = path.removeprefix(f"/{_DESCRIBED_VERSION}/")
        return f"{self.server}{path}" if rest == path else f"{self.server}/{self.version}/{rest}"


def _proxy_of_environment(url: httpx.URL) -> tuple[str | None, tuple[str, str] | None]:
    proxies = urllib.request.getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    # Plain http is allowed to this machine as nobody can listen there: a proxy could.
    if named is None or is_loopback(url.host) or urllib.request.proxy_bypass(url.host):
        return None, None
    # The standard library takes a host without a scheme, and so do those who set the variable.
    proxy = httpx.URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https"):
        raise InvalidInputError(
            f"the environment names a proxy by {proxy.scheme}, which is not supported: use an http "
            "proxy, or no_proxy"
        )
    auth = (proxy.username, proxy.password) if proxy.username else None
    return str(proxy.copy_with(username=None, password=None)), auth


def tls_context(server: str, certificate: PathLike[str] | None = None) -> ssl.SSLContext:
    """Return the one TLS context of a client: certificates are always verified.

    Building it takes tens of milliseconds, so a server without TLS gets an empty one.
    """
    if httpx.URL(server).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = httpx.create_ssl_context()
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def is_loopback(host: str) -> bool:
    """Say whether this host is the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
