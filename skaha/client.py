"""What every class of this library is constructed with."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from skaha._sansio.validation import check_amount, checked_token
from skaha._transport.connection_settings import BearerToken, Secret, Wire, is_loopback, tls_context
from skaha.errors import CredentialsError, InvalidInputError, LocalPlatformError
from skaha.models import ContainerRegistry

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from os import PathLike

    from skaha._transport.api_client import Api
    from skaha.config import Settings
    from skaha.retry import Retry

__all__ = ["SkahaClient"]

log = logging.getLogger("skaha")

_NO_CREDENTIALS = (
    "no credentials: log in with `skaha login`, or give a token, or a certificate to a server with "
    "https, or put a proxy certificate at ~/.ssl/cadcproxy.pem"
)
_LAST_PORT = 65535
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

T = TypeVar("T")


class SkahaClient:
    """Where the platform is, who is asking, and how.

    `Session`, `Images`, `Context`, `Overview` and their async twins are all constructed like this.
    By itself it is the door to the generated endpoints: see `api`.

    What is not given, or is `None`, comes from the environment (`SKAHA_SERVER`, `SKAHA_TOKEN`, ...)
    or else from a profile of the user's configuration, as `skaha.config` explains.

    Args:
        server: Base URL of the platform, without the version; or `"local"` for the embedded
            platform, which runs on this machine and is started when it is not running. By default
            CANFAR's, `https://ws-uv.canfar.net/skaha`.
        version: Version of the API, the path segment after `server`; by default `v1`.
        token: Bearer token, or what returns one: it is called for each request, by any thread.
            Without a token, a certificate is used.
        certificate: X.509 proxy certificate with its key, a PEM file. By default
            `~/.ssl/cadcproxy.pem`, if it exists and no token is given.
        timeout: Seconds to wait for a connection, and for each part of an answer; by default 30.
        concurrency: Requests in flight at once in calls with many items, 1 or more; by default 32.
        registry: Credentials for private images.
        loglevel: Level of the logger `skaha`, 10 to 50; by default it is left alone.
        verify: Has no effect: certificates of servers are always verified.
        profile: Profile of the configuration; by default the active one.
        retry: How to try again what failed for a passing reason; `False` for never.
        allow_http: Allow a token to be sent over plain http to another machine.

    Raises:
        skaha.errors.InvalidInputError: If an argument or the configuration is wrong.
        skaha.errors.CredentialsError: If the certificate cannot be used.
        skaha.errors.LocalPlatformError: If the embedded platform cannot be started.

    Example:
        >>> from skaha import SkahaClient
        >>> from skaha_api.api.repository import list_repositories
        >>> client = SkahaClient(server="local")
        >>> list_repositories.sync(client=client.api)
        ['images.canfar.net']
        >>> client.api.close()
    """

    def __init__(
        self,
        server: str | None = None,
        version: str | None = None,
        token: str | Callable[[], str] | None = None,
        certificate: str | PathLike[str] | None = None,
        timeout: float | None = None,
        concurrency: int | None = None,
        registry: ContainerRegistry | None = None,
        loglevel: int | None = None,
        verify: bool = True,
        *,
        profile: str | None = None,
        retry: Retry | bool = True,
        allow_http: bool = False,
    ) -> None:
        """Check the arguments; connect to nothing but the embedded platform."""
        from skaha import config

        settings = config.settings(
            profile,
            server=server,
            version=version,
            token=token,
            certificate=_checked_path(certificate),
            timeout=timeout,
            concurrency=concurrency,
            registry=registry,
        )
        self.version = _taken(settings, "version", _checked_version)
        self.server = _taken(settings, "server", lambda url: _checked_server(url, self.version))
        self._token = Secret(_taken(settings, "token", _checked_credential))
        self.timeout = _taken(settings, "timeout", _checked_timeout)
        self.concurrency = _taken(settings, "concurrency", _checked_concurrency)
        self.registry = _taken(settings, "registry", _checked_registry)
        self.loglevel = _checked_loglevel(loglevel)
        self.verify = verify
        self.retry = _checked_retry(retry)
        named: Path | None = settings.get("certificate")
        self.certificate = named or (_usual_certificate() if self.token is None else None)
        if not verify:
            warnings.warn(
                "verify has no effect: certificates of servers are always verified",
                DeprecationWarning,
                stacklevel=2,
            )
        if loglevel is not None:
            log.setLevel(loglevel)
        self._api = self._connected(allow_http=allow_http, explicit=named is not None)

    def _connected(self, *, allow_http: bool, explicit: bool) -> Api:
        server, token = self.server, self.token
        if server == "local":
            server, token = _local_platform()
        if token is not None and not allow_http:
            _refuse_plain_http(server)
        usable = token is None and httpx.URL(server).scheme == "https"
        certificate = self.certificate if usable else None
        self._problem = _NO_CREDENTIALS if token is None and certificate is None else None
        try:
            tls = _tls(server, certificate)
        except CredentialsError as error:
            # A certificate that nobody asked for may be bad as long as nobody needs it.
            if explicit:
                raise
            tls, self._problem = _tls(server, None), str(error)
        # Only here: it imports the generated client, which takes a while.
        from skaha._transport.api_client import Api

        wire = Wire(
            server=server,
            version=self.version,
            auth=BearerToken(token, server) if token is not None else None,
            tls=tls,
            timeout=self.timeout,
            concurrency=self.concurrency,
            retry=self.retry,
        )
        return Api(base_url=server, wire=wire)

    @property
    def token(self) -> str | Callable[[], str] | None:
        """The bearer token, or what returns it, as it was given."""
        return self._token.value

    @property
    def api(self) -> Api:
        """The configured generated client, which any endpoint of `skaha_api` takes as `client`.

        It uses the credentials, the connections and the errors of this object.
        """
        return self._api

    def __repr__(self) -> str:
        """Show where and how, never the token."""
        return f"{type(self).__name__}(server={self.server!r}, version={self.version!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to be pickled: connections and credentials do not travel."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled: make one in each process")

    def _require_credentials(self) -> None:
        if self._problem is not None:
            raise CredentialsError(self._problem)


def _tls(server: str, certificate: Path | None) -> ssl.SSLContext:
    if certificate is None:
        return tls_context(server)
    from skaha._credentials.x509 import check_certificate

    check_certificate(certificate)
    try:
        return tls_context(server, certificate)
    except OSError as error:
        raise CredentialsError(f"the certificate {certificate} cannot be used: {error}") from None


def _local_platform() -> tuple[str, str]:
    try:
        from skaha import local
    except ImportError as error:
        raise LocalPlatformError(
            f"the embedded platform needs {error.name}: pip install 'skaha[local]'"
        ) from error
    try:
        address = local.find_or_start()
    except local.PlatformError as error:
        raise LocalPlatformError(str(error)) from error
    return address.url, address.token


def _taken(settings: Settings, name: str, check: Callable[[Any], T]) -> T:
    """Return a setting that is right; what is wrong is blamed on where it stands."""
    from skaha.config import DEFAULTS

    try:
        return check(settings.get(name, DEFAULTS.get(name)))
    except InvalidInputError as error:
        source = settings.sources.get(name, "argument")
        if source == "argument":
            raise
        raise InvalidInputError(f"{source}: {error}") from None


def _checked_server(server: object, version: str) -> str:
    if server == "local":
        return "local"
    if not isinstance(server, str):
        raise InvalidInputError(f"server must be a URL or 'local', not {type(server).__name__}")
    try:
        url = httpx.URL(server)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidInputError(f"server is not a URL: {error}") from None
    if url.userinfo:
        raise InvalidInputError("server may not hold a user or password: give a token instead")
    odd = " " in server or url.query or url.fragment or not 0 < (url.port or 1) <= _LAST_PORT
    if url.scheme not in ("http", "https") or not url.host or odd:
        raise InvalidInputError(
            f"server must be 'local' or a URL like https://ws-uv.canfar.net/skaha; not {server!r}"
        )
    if url.path.rstrip("/").endswith(f"/{version}"):
        raise InvalidInputError(f"server must not end in the version: leave /{version} out")
    return server.rstrip("/")


def _checked_version(version: object) -> str:
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise InvalidInputError(
            f"version must be one segment of a path, like 'v1'; not {version!r}"
        )
    return version


def _checked_credential(token: object) -> str | Callable[[], str] | None:
    return token if token is None or callable(token) else checked_token(token)


def _checked_timeout(timeout: float) -> float:
    check_amount("timeout", timeout)
    return timeout


def _checked_concurrency(concurrency: object) -> int:
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise InvalidInputError(
            f"concurrency must be a whole number, 1 or more; not {concurrency!r}"
        )
    return concurrency


def _checked_registry(registry: object) -> ContainerRegistry | None:
    if registry is not None and not isinstance(registry, ContainerRegistry):
        raise InvalidInputError("registry must be a skaha.models.ContainerRegistry")
    return registry


def _checked_retry(retry: object) -> Retry:
    from skaha.retry import NEVER, Retry

    if isinstance(retry, Retry):
        return retry
    if not isinstance(retry, bool):
        raise InvalidInputError("retry must be a skaha.Retry, True or False")
    return Retry() if retry else NEVER


def _checked_loglevel(loglevel: object) -> int | None:
    if loglevel is None:
        return None
    if not isinstance(loglevel, int) or not logging.DEBUG <= loglevel <= logging.CRITICAL:
        raise InvalidInputError(f"loglevel must be a whole number from 10 to 50; not {loglevel!r}")
    return loglevel


def _checked_path(certificate: str | PathLike[str] | None) -> Path | None:
    if certificate is None:
        return None
    try:
        return Path(certificate).expanduser()
    except (TypeError, RuntimeError):
        raise InvalidInputError(f"certificate must be a path; not {certificate!r}") from None


def _usual_certificate() -> Path | None:
    try:
        path = Path.home() / ".ssl" / "cadcproxy.pem"
    except RuntimeError:  # no home directory
        return None
    return path if path.is_file() else None


def _refuse_plain_http(server: str) -> None:
    url = httpx.URL(server)
    if url.scheme == "http" and not is_loopback(url.host):
        raise InvalidInputError(
            f"the token would travel readable by everybody to {server}: use https, or "
            "allow_http=True if you must"
        )
