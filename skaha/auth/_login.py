"""The functions `login` and `logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import httpx

from skaha import config
from skaha._credentials.http import check_secure_url
from skaha._credentials.token import LoginToken, requiring_login_extra
from skaha._sansio.validation import (
    check_function,
    check_path,
    check_texts,
    check_timeout,
    hidden,
    hidden_url,
)
from skaha.auth import _proxy_certificate
from skaha.config import _file
from skaha.config._discovery import server_url
from skaha.config._sites import CERTIFICATE, OIDC, Provider, is_same_url, known_sites
from skaha.errors import CredentialsError, InvalidInputError
from skaha.models import LARGEST_NUMBER, check_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from os import PathLike
    from pathlib import Path

    from skaha._credentials.oidc import DeviceCode
    from skaha.config._sites import Sites


@attrs.frozen
class Login:
    """The result of a login.

    Attributes:
        user: Name of the user; `None` if the provider does not state it.
        provider: Provider of the credentials.
        method: `certificate` or `oidc`.
        expires: Time when the login ends; `None` if it is not known, because tokens are renewed.
        place: Place where the credentials are stored.
        server: Platform that the credentials are for; `None` if none was given.
        profile: Profile of the configuration that uses them; `None` if no profile is needed.

    Example:
        >>> from skaha.auth import Login
        >>> result = Login("vrubin", "cadc", "certificate", None, "~/.ssl/cadcproxy.pem")
        >>> result.user
        'vrubin'
    """

    user: str | None
    provider: str
    method: str
    expires: datetime | None
    place: str
    server: str | None = None
    profile: str | None = None


@attrs.frozen
class _Target:
    """The provider to log in at, and the server to use the login with and its name."""

    provider: Provider
    server: str | None
    name: str | None = None


def login(
    provider: str | None = None,
    *,
    user: str | None = None,
    password: str | None = None,
    days: float = 10,
    certificate: str | PathLike[str] | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    server: str | None = None,
    profile: str | None = None,
    show: Callable[[DeviceCode], object] | None = None,
    timeout: float = 30,
) -> Login:
    """Get credentials and store them in the place where every client looks for them.

    The provider determines the method. A provider of *certificates* needs a user name and a
    password: from the arguments, from `~/.netrc`, or from the terminal. A provider of *OpenID
    Connect* shows an address and a code: open the address in any browser and enter the code while
    this function waits. From then on, the tokens are renewed automatically.

    The function does not use an event loop, so it also works in a notebook.

    Args:
        provider: Name of a server (`canfar`, `sweSRC`) or of a provider (`cadc`, `srcnet`), or
            the URL of a provider of OpenID Connect. By default the provider of the server in use.
        user: User name, for a certificate.
        password: Password, for a certificate.
        days: Days for which a certificate is valid; more than 0.
        certificate: Path of the certificate; by default `~/.ssl/cadcproxy.pem`.
        client_id: Identifier of this program at a provider of OpenID Connect; by default the
            program registers itself.
        client_secret: Secret of this program, if the provider requires one.
        server: URL or name of the platform to use the credentials with, if `provider` is not a
            server.
        profile: Profile of the configuration to change; by default the profile of the server.
        show: Function that shows the `url`, the `code` and the `whole_url` of its argument to a
            person. By default they are written to standard error, with a QR code on a terminal.
        timeout: Seconds to wait for a connection and for each part of a response.

    Returns:
        The user, the method, the place of the credentials and the time when they expire.

    Raises:
        skaha.errors.InvalidInputError: If an argument is wrong, or the provider is unknown.
        skaha.errors.CredentialsError: If the provider refuses, or the code was not entered in time.
        skaha.errors.ConnectionFailedError: If the provider cannot be reached.

    Example:
        >>> import skaha
        >>> try:
        ...     skaha.login("cadc", user="vrubin", password="a-password", days=0)
        ... except ValueError as error:
        ...     print(error)
        days must be more than 0; not 0
    """
    # Tracebacks may show local variables: keep no secret as a plain text.
    hidden_password, secret = hidden(password), hidden(client_secret)
    password = client_secret = None
    check_texts(provider=provider, user=user, password=hidden_password)
    check_texts(client_id=client_id, client_secret=secret)
    check_function("show", show)
    provider, server = hidden_url(provider), hidden_url(server)
    timeout = check_timeout("timeout", timeout)
    if server is not None:
        server = server_url(server)
        _check_not_embedded(server)
        check_secure_url(server, "server")
    target = _target(provider, server, profile)
    if target.provider.method == CERTIFICATE:
        check_number("days", days, maximum=LARGEST_NUMBER)
        path = _certificate_path(certificate)
        name, hidden_password = _proxy_certificate.find_password(
            target.provider, user, hidden_password
        )
        text = _proxy_certificate.fetch_certificate(
            target.provider, name, hidden_password, days, timeout
        )
        return Login(
            user=name,
            provider=target.provider.name,
            method=CERTIFICATE,
            expires=_proxy_certificate.save_certificate(text, path),
            place=str(path),
            server=target.server,
            profile=_save(target, target.server, profile)
            if target.name and target.server
            else None,
        )
    if user or hidden_password:
        raise InvalidInputError(
            f"{target.provider.name} does not accept a user and a password: leave them out"
        )
    if target.server is None:
        raise InvalidInputError(
            f"the login at {target.provider.name} needs a server: give its name or URL; "
            "`skaha servers` lists the servers"
        )
    with requiring_login_extra():
        from skaha.auth._device_login import log_in_by_device

        stored, place = log_in_by_device(target.provider.url, client_id, secret, show, timeout)
    return Login(
        user=stored.user,
        provider=target.provider.name,
        method=OIDC,
        expires=stored.end_of_login,
        place=place,
        server=target.server,
        profile=_save(target, target.server, profile),
    )


def logout(
    provider: str | None = None,
    *,
    certificate: str | PathLike[str] | None = None,
    profile: str | None = None,
    timeout: float = 30,
) -> list[str]:
    """Remove the credentials of a login. Tokens are also revoked at the provider.

    Args:
        provider: As for `login`.
        certificate: Path of the certificate; by default `~/.ssl/cadcproxy.pem`.
        profile: Profile of the configuration; by default the active profile.
        timeout: Seconds to wait for a connection and for each part of a response.

    Returns:
        The places that contained credentials; empty if there was no login.

    Raises:
        skaha.errors.InvalidInputError: If the provider is unknown.
        skaha.errors.CredentialsError: If the credentials cannot be removed.

    Example:
        >>> import skaha
        >>> skaha.logout("cadc")
        []
    """
    check_texts(provider=provider)
    provider = hidden_url(provider)
    timeout = check_timeout("timeout", timeout)
    target = _target(provider, None, profile)
    if target.provider.method == CERTIFICATE:
        return _remove_certificate(_certificate_path(certificate))
    with requiring_login_extra():
        from skaha.auth._device_login import log_out

        return log_out(target.provider.url, timeout)


def _target(name: str | None, server: str | None, profile: str | None) -> _Target:
    sites = known_sites()
    if name is None:
        return _target_in_use(sites, server, profile)
    known = sites.server_named(name) or sites.server_at(name)
    if known is not None:
        url = server or server_url(known.name)
        return _Target(sites.providers[known.provider], url, known.name)
    provider = sites.provider(name)
    if provider is None:
        names = ", ".join([*sites.servers, *sites.providers])
        raise InvalidInputError(f"unknown server or provider {name!r}; known are {names}")
    if server is None:
        server = _server_of(provider, sites, profile)
    return _Target(provider, server)


def _target_in_use(sites: Sites, server: str | None, profile: str | None) -> _Target:
    settings = config.settings(profile, server=server)
    url = settings.get("server", config.DEFAULTS["server"])
    token, known = settings.get("token"), sites.server_at(url)
    if isinstance(token, LoginToken):
        provider = sites.provider(token.issuer)
    else:
        provider = sites.providers[known.provider] if known else None
    if provider is None:
        _check_not_embedded(url)
        raise InvalidInputError(
            f"the provider of credentials for {url} is unknown: give the name or the URL of a "
            "provider"
        )
    return _Target(provider, url)


def _check_not_embedded(server: str) -> None:
    if server == "local":
        raise InvalidInputError(
            "the embedded platform needs no login: name another server, such as 'canfar'"
        )


def _server_of(provider: Provider, sites: Sites, profile: str | None) -> str | None:
    """Return the server in use; `None` if another provider is known to be the server's own."""
    url: str = config.settings(profile).get("server", config.DEFAULTS["server"])
    known = sites.server_at(url)
    if url == "local":
        return None
    return url if known is None or known.provider == provider.name else None


def _save(target: _Target, server: str, profile: str | None) -> str:
    """Set up the profile that uses this login with this server. Return the name of the profile."""
    name = profile or target.name or _profile_for(server)
    with requiring_login_extra():
        config.save("server", server, name)
        if target.provider.method == OIDC:
            config.save("login", target.provider.url, name)
        config.save("active", name)
    return name


def _profile_for(server: str) -> str:
    """Return the profile in use if it is for this server, or else the host of the server."""
    name, _ = _file.profile_to_change(None)
    own_server = config.profiles().get(name)
    return name if own_server is None or is_same_url(own_server, server) else httpx.URL(server).host


def _certificate_path(path: str | PathLike[str] | None) -> Path:
    if path is not None:
        return check_path("certificate", path)
    from skaha._credentials.x509 import default_path

    return default_path()


def _remove_certificate(path: Path) -> list[str]:
    try:
        path.unlink()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CredentialsError(f"{path} cannot be removed: {error.strerror}") from None
    return [str(path)]
