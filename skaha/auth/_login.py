"""Logging in and out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import httpx

from skaha import config
from skaha._config_file import read
from skaha._sansio.validation import check_amount
from skaha.auth import _proxy_certificate
from skaha.auth._discovery import discover
from skaha.auth._http import check_safe
from skaha.auth._secret import SecretText
from skaha.auth._sites import CERTIFICATE, OIDC, Provider, known_sites, same_place
from skaha.auth._token import LoginToken, needing_extra
from skaha.errors import CredentialsError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from os import PathLike

    from skaha.auth._oidc import DeviceCode
    from skaha.auth._sites import Server, Sites

__all__ = ["Login", "login", "logout"]


@attrs.frozen
class Login:
    """Who is logged in, how, and until when.

    Attributes:
        user: Who; `None` if the provider does not tell.
        provider: Who handed out the credentials.
        method: `certificate` or `oidc`.
        expires: When to log in again; `None` if nobody knows, as tokens are renewed by themselves.
        place: Where the credentials are kept.
        server: The platform they are for; `None` if that was left open.
        profile: The profile of the configuration that uses them; `None` if none has to.

    Example:
        >>> from skaha.auth import Login
        >>> done = Login("vrubin", "cadc", "certificate", None, "~/.ssl/cadcproxy.pem")
        >>> done.user
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
class _Aim:
    """What to log in to. `named` is the server's name, if it has one."""

    provider: Provider
    server: str | None
    named: str | None = None


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
    """Get credentials and keep them where every client finds them.

    There are two ways, and the provider decides which. A *certificate* is handed out for a user
    name and a password: as given, from `~/.netrc`, or from whoever is at the terminal. *OpenID
    Connect* shows an address and a code; somebody opens the address in any browser and enters the
    code, while this waits. Its tokens are renewed by themselves from then on.

    It needs no event loop, and disturbs none: it can be called in a notebook.

    Args:
        provider: Name of a server (`canfar`, `sweSRC`) or of a provider (`cadc`, `srcnet`), or
            the URL of a provider of OpenID Connect. By default the one of the server in use.
        user: User name, for a certificate.
        password: Password, for a certificate.
        days: How long a certificate is to be valid; more than 0.
        certificate: File for a certificate; by default `~/.ssl/cadcproxy.pem`.
        client_id: Who this program is to a provider of OpenID Connect; by default it registers.
        client_secret: What proves that, if anything does.
        server: URL of the platform to use the credentials with, where `provider` does not say.
        profile: Profile of the configuration to change; by default the server's own.
        show: Is called with what a person has to be told: its `url`, `code` and `whole_url`. By
            default that is written to standard error, with a QR code on a terminal.
        timeout: Seconds to wait for each part of an answer.

    Returns:
        Who is logged in, how, and until when.

    Raises:
        skaha.errors.InvalidInputError: If an argument is wrong, or nothing is known by this name.
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
    hidden = None if password is None else SecretText(password)
    password = None
    secret = None if client_secret is None else SecretText(client_secret)
    client_secret = None
    _check_positive("timeout", timeout)
    if server is not None:
        check_safe(server, "server")
    aim = _aim(provider, server, profile)
    if aim.provider.method == CERTIFICATE:
        _check_positive("days", days)
        path = _certificate_path(certificate)
        name, hidden = _proxy_certificate.find_password(aim.provider, user, hidden)
        text = _proxy_certificate.fetch_certificate(aim.provider, name, hidden, days, timeout)
        return Login(
            user=name,
            provider=aim.provider.name,
            method=CERTIFICATE,
            expires=_proxy_certificate.keep_certificate(text, path),
            place=str(path),
            server=aim.server,
            profile=_save(aim, aim.server, profile) if aim.named and aim.server else None,
        )
    if user or hidden:
        raise InvalidInputError(f"{aim.provider.name} takes no user and password: leave them out")
    if aim.server is None:
        raise InvalidInputError(
            f"which server is the login at {aim.provider.name} for? Name it: `skaha servers` "
            "lists them"
        )
    with needing_extra():
        from skaha.auth._device_login import log_in_by_device

        entry, place = log_in_by_device(aim.provider.url, client_id, secret, show, timeout)
    return Login(
        user=entry.user,
        provider=aim.provider.name,
        method=OIDC,
        expires=entry.end_of_login,
        place=place,
        server=aim.server,
        profile=_save(aim, aim.server, profile),
    )


def logout(
    provider: str | None = None,
    *,
    certificate: str | PathLike[str] | None = None,
    profile: str | None = None,
    timeout: float = 30,
) -> list[str]:
    """Remove credentials that `login` got; tokens are revoked at the provider, too.

    Args:
        provider: As for `login`.
        certificate: File of the certificate; by default `~/.ssl/cadcproxy.pem`.
        profile: Profile of the configuration; by default the active one.
        timeout: Seconds to wait for the provider.

    Returns:
        From where something was removed; empty if nobody was logged in.

    Raises:
        skaha.errors.InvalidInputError: If nothing is known by this name.
        skaha.errors.CredentialsError: If something cannot be removed.

    Example:
        >>> import skaha
        >>> skaha.logout("cadc")
        []
    """
    _check_positive("timeout", timeout)
    aim = _aim(provider, None, profile)
    if aim.provider.method == CERTIFICATE:
        return _remove_certificate(_certificate_path(certificate))
    with needing_extra():
        from skaha.auth._device_login import forget

        return forget(aim.provider.url, timeout)


def _check_positive(name: str, value: float) -> None:
    check_amount(name, value)
    if value is None:
        raise InvalidInputError(f"{name} must be more than 0; not None")


def _aim(name: str | None, server: str | None, profile: str | None) -> _Aim:
    sites = known_sites()
    if name is None:
        return _aim_in_use(sites, server, profile)
    known = sites.servers.get(name) or sites.server_at(name)
    if known is not None:
        url = server or known.url or _found(known)
        return _Aim(sites.providers[known.provider], url, known.name)
    provider = sites.provider(name)
    if provider is None:
        names = ", ".join([*sites.servers, *sites.providers])
        raise InvalidInputError(f"nothing is known by the name {name!r}; known are {names}")
    if server is None:
        server = _fitting(sites, provider, _server_in_use(None, profile))
    return _Aim(provider, server)


def _aim_in_use(sites: Sites, server: str | None, profile: str | None) -> _Aim:
    found = config.settings(profile, server=server)
    url = _server_in_use(server, profile)
    token, known = found.get("token"), sites.server_at(url)
    if isinstance(token, LoginToken):
        provider = sites.provider(token.issuer)
    else:
        provider = sites.providers[known.provider] if known else None
    if provider is None:
        raise InvalidInputError(
            f"nobody knows who hands out credentials for {url}: name a provider, or its URL"
        )
    return _Aim(provider, url)


def _server_in_use(server: str | None, profile: str | None) -> str:
    url: str = config.settings(profile, server=server).get("server", config.DEFAULTS["server"])
    return url


def _fitting(sites: Sites, provider: Provider, url: str) -> str | None:
    """Return the server in use, unless it is known that another provider is its own."""
    known = sites.server_at(url)
    if url == "local":
        return None
    return url if known is None or known.provider == provider.name else None


def _found(known: Server) -> str:
    """Return where a server is, as its registry says."""
    for one in discover(known.provider, trial=True):
        if one.uri == known.uri and one.url:
            return one.url
    raise CredentialsError(f"nobody knows where {known.name} is: give the URL of the server")


def _save(aim: _Aim, server: str, profile: str | None) -> str:
    """Have a profile use this login with this server, from now on; return its name."""
    name = profile or aim.named or _profile_for(server)
    with needing_extra():
        config.save("server", server, name)
        if aim.provider.method == OIDC:
            config.save("login", aim.provider.url, name)
        config.save("active", name)
    return name


def _profile_for(server: str) -> str:
    """Return the profile in use if that is the server's own, or one that is named like its host."""
    content = read(config.default_path())
    name = os.environ.get("SKAHA_PROFILE") or content.get("active", "default")
    own = content.get("profiles", {}).get(name)
    if own is None or same_place(own.get("server", config.DEFAULTS["server"]), server):
        return str(name)
    return httpx.URL(server).host


def _certificate_path(path: str | PathLike[str] | None) -> Path:
    try:
        return _proxy_certificate.usual_place() if path is None else Path(path).expanduser()
    except (TypeError, RuntimeError):
        raise InvalidInputError(f"certificate must be a path; not {path!r}") from None


def _remove_certificate(path: Path) -> list[str]:
    try:
        path.unlink()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CredentialsError(f"{path} cannot be removed: {error.strerror}") from None
    return [str(path)]
