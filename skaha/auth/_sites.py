"""The list of sites: `sites.toml`, and the user's own file beside the configuration."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

import attrs

from skaha import _atomic_file, config
from skaha._credentials.http import check_secure_url
from skaha.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATE, OIDC = "certificate", "oidc"


@attrs.frozen
class Provider:
    """A provider of credentials.

    Attributes:
        name: Name in the list of sites; the URL if it has no name.
        url: Issuer of OpenID Connect, or URL of the service that makes certificates.
        method: `certificate` or `oidc`.
        title: Full name.
        registry: URL of the list of its servers; `None` if there is none.
        machines: Other names of the provider in a `.netrc`.
    """

    name: str
    url: str
    method: str = attrs.field(validator=attrs.validators.in_((CERTIFICATE, OIDC)))
    title: str = ""
    registry: str | None = None
    machines: tuple[str, ...] = attrs.field(default=(), converter=tuple)


@attrs.frozen
class Server:
    """A platform and the provider of its credentials.

    Attributes:
        name: Name in the list of sites; the URI if it has no name.
        provider: Name of the provider.
        uri: Name in the registry.
        url: URL of the server; `None` if only the registry knows it.
        source: URL of the registry that lists the server; `known` if the list of sites has its URL.

    Example:
        >>> from skaha.auth import Server
        >>> Server("canfar", "cadc", url="https://ws-uv.canfar.net/skaha").source
        'known'
    """

    name: str
    provider: str
    uri: str = ""
    url: str | None = None
    source: str = "known"


@attrs.frozen
class Sites:
    """The known providers and servers, by name."""

    providers: dict[str, Provider]
    servers: dict[str, Server]

    def server_at(self, url: str) -> Server | None:
        """Return the server with this URL; `None` if it is unknown."""
        for server in self.servers.values():
            if server.url and is_same_url(server.url, url):
                return server
        return None

    def provider(self, name: str) -> Provider | None:
        """Return a provider by its name or URL. An unknown URL is a provider of OpenID Connect.

        Raises:
            InvalidInputError: If an unknown URL is not secure.
        """
        for provider in self.providers.values():
            if name == provider.name or is_same_url(name, provider.url):
                return provider
        if "://" not in name:
            return None
        check_secure_url(name, "the provider")
        return Provider(name, name, OIDC)


def is_same_url(first: str, second: str) -> bool:
    """Return whether two URLs are equal, except for slashes at their ends."""
    return first.rstrip("/") == second.rstrip("/")


def known_sites() -> Sites:
    """Return the sites that this library knows, and those that the user has added.

    Raises:
        ConfigurationError: If the user's file cannot be read.
    """
    path = config.default_path().with_name("sites.toml")
    shipped = tomllib.loads(resources.files("skaha.auth").joinpath("sites.toml").read_text("utf-8"))
    added = _read(path)
    try:
        providers = shipped["providers"] | added.get("providers", {})
        servers = shipped["servers"] | added.get("servers", {})
        sites = Sites(
            {name: Provider(name=name, **values) for name, values in providers.items()},
            {name: Server(name=name, **values) for name, values in servers.items()},
        )
    except (TypeError, ValueError) as error:
        # Only the user's file can be wrong.
        raise ConfigurationError(f"{path}: {error}") from None
    _check(sites, path)
    return sites


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_atomic_file.read_text(path)) if path.is_absolute() else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None


def _check(sites: Sites, path: Path) -> None:
    for server in sites.servers.values():
        if server.provider not in sites.providers:
            raise ConfigurationError(f"{path}: {server.name} has no provider {server.provider!r}")
    for provider in sites.providers.values():
        for url in (provider.url, provider.registry):
            if url is not None:
                check_secure_url(url, provider.name)
