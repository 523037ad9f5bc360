"""The sites that are known by name: `sites.toml`, and the user's own beside the configuration."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

import attrs

from skaha._config_file import ConfigurationError, default_path
from skaha.auth._http import check_safe

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CERTIFICATE", "OIDC", "Provider", "Server", "Sites", "known_sites", "same_place"]

CERTIFICATE, OIDC = "certificate", "oidc"


@attrs.frozen
class Provider:
    """Who hands out credentials.

    Attributes:
        name: What it is called here; its URL, if it has no name.
        url: Where it is: the issuer of OpenID Connect, or the service that makes certificates.
        method: `certificate` or `oidc`.
        title: Its full name.
        registry: URL of the list of its servers; `None` if it has none.
        machines: Other names of it in a `.netrc`.
    """

    name: str
    url: str
    method: str = attrs.field(validator=attrs.validators.in_((CERTIFICATE, OIDC)))
    title: str = ""
    registry: str | None = None
    machines: tuple[str, ...] = attrs.field(default=(), converter=tuple)


@attrs.frozen
class Server:
    """A platform, and who hands out the credentials for it.

    Attributes:
        name: What it is called here; its URI, if it has no name.
        provider: Name of the provider.
        uri: Its name in the registry.
        url: Where it is; `None` if only the registry knows.
        source: Where that was found: the URL of a registry, or `known` for what needs no network.

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
    """All that is known by name."""

    providers: dict[str, Provider]
    servers: dict[str, Server]

    def server_at(self, url: str) -> Server | None:
        """Return the server that is at a URL."""
        at = (one for one in self.servers.values() if one.url and same_place(one.url, url))
        return next(at, None)

    def provider(self, name: str) -> Provider | None:
        """Return a provider by its name or URL; any URL may be that of OpenID Connect."""
        for one in self.providers.values():
            if name == one.name or same_place(name, one.url):
                return one
        return Provider(name, name, OIDC) if "://" in name else None


def same_place(one: str, other: str) -> bool:
    """Say whether two URLs are one place."""
    return one.rstrip("/") == other.rstrip("/")


def known_sites() -> Sites:
    """Read what is known: what this library knows, and what the user added.

    Raises:
        ConfigurationError: If the user's file cannot be read.
    """
    own = default_path().with_name("sites.toml")
    shipped = tomllib.loads(resources.files("skaha.auth").joinpath("sites.toml").read_text("utf-8"))
    added = _read(own)
    try:
        providers = shipped["providers"] | added.get("providers", {})
        servers = shipped["servers"] | added.get("servers", {})
        sites = Sites(
            {name: Provider(name=name, **values) for name, values in providers.items()},
            {name: Server(name=name, **values) for name, values in servers.items()},
        )
    except (TypeError, ValueError) as error:
        # Only the user's own can be wrong.
        raise ConfigurationError(f"{own}: {error}") from None
    _check(sites, own)
    return sites


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.is_absolute() else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None


def _check(sites: Sites, own: Path) -> None:
    for server in sites.servers.values():
        if server.provider not in sites.providers:
            raise ConfigurationError(f"{own}: {server.name} has no provider {server.provider!r}")
    places = [(one.name, one.url) for one in sites.providers.values()]
    places += [(one.name, one.registry) for one in sites.providers.values() if one.registry]
    for name, url in places:
        check_safe(url, name)
