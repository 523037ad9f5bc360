"""The list of sites: `sites.toml`, and the user's own file beside the configuration."""

from __future__ import annotations

import re

import attrs

from skaha._sansio import validation
from skaha.config._path import default_path, read_text
from skaha.errors import ConfigurationError, InvalidInputError

CERTIFICATE, OIDC = "certificate", "oidc"
_NAME = r"[A-Za-z0-9._-]+"


def _check_url(provider: Provider, _: object, url: str) -> None:
    # A late import for the start-up time.
    from skaha._credentials.http import check_secure_url

    check_secure_url(url, provider.name)


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
    url: str = attrs.field(validator=_check_url)
    method: str = attrs.field(validator=attrs.validators.in_((CERTIFICATE, OIDC)))
    title: str = ""
    registry: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(_check_url)
    )
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
    servers: dict[str, Server] = attrs.field()

    @servers.validator
    def _check_providers(self, _: object, servers: dict[str, Server]) -> None:
        for server in servers.values():
            if server.provider not in self.providers:
                raise InvalidInputError(f"{server.name} has no provider {server.provider!r}")

    def server_named(self, name: str) -> Server | None:
        """Return the server with this name, in any letter case; `None` if unknown."""
        for server in self.servers.values():
            if server.name.lower() == name.lower():
                return server
        return None

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
        from skaha._credentials.http import check_secure_url

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
    # Late imports for the start-up time: most programs name no server.
    import tomllib
    from importlib import resources

    path = default_path().with_name("sites.toml")
    shipped = resources.files("skaha.config").joinpath("sites.toml").read_text("utf-8")
    known = tomllib.loads(shipped)
    text = read_text(path)
    try:
        added = tomllib.loads(text)
        providers = known["providers"] | added.get("providers", {})
        servers = known["servers"] | added.get("servers", {})
        return Sites(
            {name: Provider(name=name, **values) for name, values in providers.items()},
            {name: Server(name=name, **values) for name, values in servers.items()},
        )
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        # Only the user's file can be wrong.
        raise ConfigurationError(f"{path}: {error}") from None


def known_servers() -> list[Server]:
    """Return the servers in the list of sites, without any request.

    Returns:
        The servers that this library knows, and those that the user has added. The `url` of a
        server is `None` if only the registry of its provider knows it.

    Raises:
        skaha.errors.ConfigurationError: If the user's list of sites cannot be read.

    Example:
        >>> from skaha.auth import known_servers
        >>> [server.name for server in known_servers()][:2]
        ['canfar', 'ausSRC']
    """
    return list(known_sites().servers.values())


def is_name(server: str) -> bool:
    """Return whether a checked server is the name of a server whose URL a registry knows."""
    return server != "local" and "://" not in server


def check_server(key: str, value: object) -> str:
    """Return the URL of a platform, `local`, or the name of a server whose URL a registry knows.

    Args:
        key: The name of the value, for messages.
        value: A URL, `local`, or the name of a server in the list of sites.

    Raises:
        InvalidInputError: If it is something else.
    """
    if not isinstance(value, str) or value == "local" or not re.fullmatch(_NAME, value):
        return validation.check_server(key, value)
    sites = known_sites()
    server = sites.server_named(value)
    if server is None:
        raise InvalidInputError(
            f"{key} must be 'local', a URL like https://ws-uv.canfar.net/skaha, or one of the "
            f"names {', '.join(sites.servers)}; not {value!r}"
        )
    return validation.check_server(key, server.url) if server.url else server.name
