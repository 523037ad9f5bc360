"""Construction of all clients: settings, connection, and the configured generated client."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpx

from skaha._sansio.call_context import current_request
from skaha._sansio.tracebacks import short_tracebacks
from skaha._sansio.user_warnings import warn_user
from skaha._sansio.validation import hidden, hidden_url, number_of
from skaha.errors import CredentialsError, InvalidInputError, LocalPlatformError
from skaha.models import SecretText

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from os import PathLike
    from pathlib import Path
    from typing import Self

    from skaha._credentials.x509 import CertificateFile
    from skaha._transport.api_client import Api
    from skaha.config import Settings
    from skaha.models import ContainerRegistry
    from skaha.retry import Retry

__all__ = ["SkahaClient"]

log = logging.getLogger("skaha")

_NO_CREDENTIALS = (
    "Not logged in: run `skaha login`. There are no credentials: log in with this command, or give "
    "a token, or a certificate to a server with https, or put a proxy certificate at "
    "~/.ssl/cadcproxy.pem"
)


@short_tracebacks
class SkahaClient:
    """Address of a platform, credentials and connection settings.

    `Session`, `Images`, `Context`, `Overview` and their async variants all have these arguments.
    By itself, this class gives access to the generated endpoints: see `api`.

    An argument that is `None` comes from the environment (`SKAHA_SERVER`, `SKAHA_TOKEN`, ...) or
    from a profile of the user's configuration, as `skaha.config` explains.

    Args:
        server: Base URL of the platform, without the version; or the name of a server, such as
            `"canfar"` (`skaha servers` lists the names); or `"local"` for the embedded platform of
            this machine, which the first request starts if it does not run. By default the URL of
            CANFAR, `https://ws-uv.canfar.net/skaha`.
        version: Version of the API, the path segment after `server`; by default `v1`.
        token: Bearer token, or a function that returns it. The function is called for each
            request, in any thread, and once more if the platform refuses the token. Without a
            token, a certificate is used.
        certificate: PEM file with an X.509 proxy certificate and its key. By default
            `~/.ssl/cadcproxy.pem`, if it exists and no token is given.
        timeout: Seconds to wait for a connection and for each part of a response; by default 30.
        concurrency: Requests in flight at once in calls with many items, 1 or more; by default 32.
        registry: Credentials for private images, also as a dictionary with the keys `username`,
            `secret` and, for another registry than that of CANFAR, `url`.
        loglevel: Level of the logger `skaha`, 10 to 50; by default the level does not change.
        verify: Has no effect: the certificates of servers are always verified.
        profile: Profile of the configuration; by default the active one.
        retry: Policy for requests that failed for a temporary reason; `False` disables retries.
        allow_http: Allow a token to be sent over plain http to another machine.

    Raises:
        skaha.errors.InvalidInputError: If an argument or the configuration is wrong.
        skaha.errors.CredentialsError: If the certificate cannot be used.
        skaha.errors.LocalPlatformError: If the extra of the embedded platform is not installed.

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
        registry: ContainerRegistry | Mapping[str, str] | None = None,
        loglevel: int | None = None,
        verify: bool = True,
        *,
        profile: str | None = None,
        retry: Retry | bool = True,
        allow_http: bool = False,
    ) -> None:
        """Check the arguments, and connect to no platform."""
        from skaha import config

        # Tracebacks may show local variables: hide the secrets.
        token, registry, server = hidden(token), hidden(registry), hidden_url(server)
        settings = config.settings(
            profile,
            server=server,
            version=version,
            token=token,
            certificate=certificate,
            timeout=timeout,
            concurrency=concurrency,
            registry=registry,
        )
        self._set_up(settings, loglevel, retry=retry, allow_http=allow_http, verify=verify)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        loglevel: int | None = None,
        retry: Retry | bool = True,
        allow_http: bool = False,
    ) -> Self:
        """Construct a client from settings, without reading the environment and the file again.

        Args:
            settings: The result of `skaha.config.settings`.
            loglevel: As for the class.
            retry: As for the class.
            allow_http: As for the class.

        Returns:
            A client of the class on which this method is called.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            skaha.errors.CredentialsError: If the certificate cannot be used.
            skaha.errors.LocalPlatformError: If the extra of the embedded platform is not installed.

        Example:
            >>> from skaha import Images, Session, config
            >>> settings = config.settings(server="local", timeout=10)
            >>> session, images = Session.from_settings(settings), Images.from_settings(settings)
            >>> session.timeout, images.timeout
            (10, 10)
        """
        from skaha.config import Settings

        if not isinstance(settings, Settings):
            # Tracebacks may show local variables.
            del settings
            raise InvalidInputError("settings must be the result of skaha.config.settings")
        client = cls.__new__(cls)
        # The constructor would resolve the settings again.
        client._set_up(settings, loglevel, retry=retry, allow_http=allow_http)  # noqa: SLF001
        return client

    def _set_up(
        self,
        settings: Settings,
        loglevel: int | None,
        *,
        retry: Retry | bool,
        allow_http: bool,
        verify: bool = True,
    ) -> None:
        from skaha.config._keys import DEFAULTS, source_in_errors

        values = DEFAULTS | settings
        self.version: str = values["version"]
        self.server: str = values["server"]
        self._token: str | Callable[[], str] | None = values.get("token")
        self.timeout: float = values["timeout"]
        self.concurrency: int = values["concurrency"]
        self.registry: ContainerRegistry | None = values.get("registry")
        self.loglevel = _checked_loglevel(loglevel)
        self.verify = verify
        self.retry = _checked_retry(retry)
        self._named_certificate: Path | None = values.get("certificate")
        if not verify:
            warn_user(
                "verify has no effect: certificates of servers are always verified",
                DeprecationWarning,
            )
        if self.loglevel is not None:
            log.setLevel(self.loglevel)
        # Ids that this client received for its launches, and whether the platform sends the time
        # with its responses. Both help to recognise a new session by its name.
        self._received_ids: set[str] = set()
        self._has_dates = True
        self._opening = Lock()
        self._opened_api: Api | None = None
        self._certificate_file: CertificateFile | None = None
        if self.server == "local":
            _check_embedded_platform()
        else:
            if self.token is not None and not allow_http:
                with source_in_errors(settings.sources.get("server", "argument")):
                    _refuse_plain_http(self.server)
            self._opened_api = self._connected(settings.sources)

    def _connected(self, sources: dict[str, str]) -> Api:
        is_usable = self.token is None and httpx.URL(self.server).scheme == "https"
        path = self._named_certificate or _default_path()
        if is_usable and path is not None:
            from skaha._credentials.x509 import CertificateFile

            self._certificate_file = CertificateFile(path, self.server)
        if self._certificate_file is not None and self._named_certificate is not None:
            _check_named_certificate(self._certificate_file, sources["certificate"])
        return self._api_of(self.server, self.token)

    def _connected_to_embedded_platform(self) -> Api:
        from skaha import local

        if self._opened_api is not None:
            self._opened_api.close()
        try:
            address = local.find_or_start()
        except local.PlatformError as error:
            raise LocalPlatformError(str(error)) from error
        return self._api_of(address.url, SecretText(address.token))

    def _api_of(self, url: str, token: str | Callable[[], str] | None) -> Api:
        # Late imports: the generated client and the connections take a while to import.
        from skaha._transport.api_client import Api
        from skaha._transport.connection_settings import (
            BearerToken,
            ConnectionSettings,
            tls_context,
        )

        certificate, is_named = self._certificate_file, self._named_certificate is not None
        without_certificate = tls_context(url)

        def tls() -> ssl.SSLContext:
            try:
                return without_certificate if certificate is None else certificate.context()
            except CredentialsError:
                request = current_request()
                if is_named and not (request is not None and request.is_anonymous):
                    raise
                # The default certificate may be unusable as long as no request needs it.
                return without_certificate

        settings = ConnectionSettings(
            server=url,
            version=self.version,
            auth=BearerToken(token, url) if token is not None else None,
            tls=tls,
            concurrency=self.concurrency,
            retry=self.retry,
        )
        return Api(base_url=url, settings=settings, timeout=httpx.Timeout(self.timeout))

    @property
    def token(self) -> str | Callable[[], str] | None:
        """The bearer token or the function that returns it. The `repr` of a token is `...`."""
        return self._token

    @property
    def certificate(self) -> Path | None:
        """Path of the given certificate; without a token, of the default one if it exists."""
        if self._named_certificate is not None or self._token is not None:
            return self._named_certificate
        path = _default_path()
        return path if path is not None and path.is_file() else None

    @property
    def api(self) -> Api:
        """The configured generated client, for the `client` argument of any generated endpoint.

        It has the credentials, the connections and the errors of this object. With `server="local"`
        the first use starts the embedded platform if it does not run. If the platform has ended
        since then, a request fails, and the next use of this attribute starts the platform again.

        Raises:
            skaha.errors.LocalPlatformError: If the embedded platform cannot be started.
        """
        api = self._usable_api
        if api is None:
            with self._opening:
                api = self._usable_api
                if api is None:
                    api = self._opened_api = self._connected_to_embedded_platform()
        return api

    @property
    def _usable_api(self) -> Api | None:
        """The generated client; `None` if the embedded platform must be found first."""
        api = self._opened_api
        # A platform that was started again has another address and another token.
        has_ended = api is not None and self.server == "local" and api.was_refused
        return None if has_ended else api

    def __repr__(self) -> str:
        """Return the server and the version, but no credentials."""
        # A traceback may show an object without them: its constructor has failed.
        known = [name for name in ("server", "version") if name in vars(self)]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in known)
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Raise: connections and credentials cannot be pickled."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled: make one in each process")

    @property
    def _credentials_problem(self) -> str | None:
        """The reason why there are no credentials now; `None` if there are some.

        A new certificate may have come since the construction, or the old one may have expired.
        """
        if self._token is not None or self.server == "local":
            return None
        if self._certificate_file is None:
            return _NO_CREDENTIALS
        try:
            self._certificate_file.context()
        except CredentialsError as error:
            return _NO_CREDENTIALS if self.certificate is None else str(error)
        return None

    def _require_credentials(self) -> None:
        if (problem := self._credentials_problem) is not None:
            raise CredentialsError(problem)


def _check_embedded_platform() -> None:
    from skaha import local

    try:
        local.check_installed()
    except local.PlatformError as error:
        raise LocalPlatformError(str(error)) from error


def _checked_retry(retry: object) -> Retry:
    from skaha.retry import NEVER, Retry

    if isinstance(retry, Retry):
        return retry
    if not isinstance(retry, bool):
        raise InvalidInputError("retry must be a skaha.Retry, True or False")
    return Retry() if retry else NEVER


def _checked_loglevel(loglevel: object) -> int | None:
    loglevel = number_of(loglevel)
    if loglevel is None:
        return None
    if not isinstance(loglevel, int) or not logging.DEBUG <= loglevel <= logging.CRITICAL:
        raise InvalidInputError(f"loglevel must be a whole number from 10 to 50; not {loglevel!r}")
    return loglevel


def _check_named_certificate(certificate: CertificateFile, source: str) -> None:
    try:
        certificate.context()
    except CredentialsError as error:
        problem = str(error) if source == "argument" else f"{source}: {error}"
    else:
        return
    raise CredentialsError(problem)


def _default_path() -> Path | None:
    from skaha._credentials import x509

    try:
        return x509.default_path()
    except CredentialsError:
        return None


def _refuse_plain_http(server: str) -> None:
    from skaha._transport.proxies import is_loopback

    url = httpx.URL(server)
    if url.scheme == "http" and not is_loopback(url.host):
        raise InvalidInputError(
            f"other people could read the token on its way to {server}; use https, or "
            "allow_http=True"
        )
