"""Discovery of servers in the registries of the providers."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import attrs

from skaha._credentials.http import check_secure_url, open_client, send, server_message
from skaha._sansio.validation import check_texts, check_timeout, hidden_url
from skaha.config._sites import Server, check_server, is_name, known_sites
from skaha.errors import CredentialsError, InvalidInputError, SkahaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha.config._sites import Provider, Sites

log = logging.getLogger("skaha")

_SERVICE, _CAPABILITIES = "/skaha", "/capabilities"
# Servers for tests have such a word in their names.
_TRIAL = re.compile(r"(?<![a-z])(dev|development|test|demo|stage|staging|rc|preprod)(?![a-z])")


def discover(
    provider: str | None = None, *, trial: bool = False, timeout: float = 10
) -> list[Server]:
    """List the servers in the registries of the providers.

    If a registry cannot be read, the function lists the known servers of its provider, and logs a
    warning. The function does not use an event loop, so it also works in a notebook.

    Args:
        provider: Name of one provider; by default all providers.
        trial: Whether to list servers for tests, too.
        timeout: Seconds to wait for a connection and for each part of a response.

    Returns:
        The servers. The attribute `source` of each server says where it is listed.

    Raises:
        skaha.errors.InvalidInputError: If an argument is wrong, or the provider is unknown.

    Example:
        >>> from skaha.auth import discover
        >>> try:
        ...     discover("cadx")
        ... except ValueError as error:
        ...     print(error)
        there is no provider 'cadx'; there is cadc, srcnet
    """
    check_texts(provider=provider)
    provider = hidden_url(provider)
    timeout = check_timeout("timeout", timeout)
    sites = known_sites()
    if provider is not None and provider not in sites.providers:
        names = ", ".join(sites.providers)
        raise InvalidInputError(f"there is no provider {provider!r}; there is {names}")
    chosen = [sites.providers[provider]] if provider else list(sites.providers.values())
    servers: dict[str, Server] = {}
    for chosen_provider in chosen:
        for server in _servers(chosen_provider, sites, timeout):
            if trial or not _TRIAL.search(f"{server.uri} {server.url}".lower()):
                servers.setdefault(server.url or server.name, server)
    return list(servers.values())


def server_url(name: str) -> str:
    """Return the URL of a server by its name in the list of sites.

    If the list has no URL for the server, the function looks it up in the registry of the provider.

    Args:
        name: Name of a server, such as `canfar`, in small or capital letters; or a URL or `local`,
            which is returned as it is.

    Raises:
        skaha.errors.InvalidInputError: If it is no URL, and there is no server with this name.
        skaha.errors.CredentialsError: If the registry does not have the URL, or cannot be read.

    Example:
        >>> from skaha.auth import server_url
        >>> server_url("canfar")
        'https://ws-uv.canfar.net/skaha'
    """
    checked = check_server("server", hidden_url(name))
    if not is_name(checked):
        return checked
    known = known_sites().servers[checked]
    for server in discover(known.provider, trial=True):
        if server.uri == known.uri and server.url:
            return server.url
    raise CredentialsError(f"the URL of {checked} is unknown: give the URL of the server")


def _servers(provider: Provider, sites: Sites, timeout: float) -> Iterator[Server]:
    known = [
        server
        for server in sites.servers.values()
        if server.provider == provider.name and server.url
    ]
    if provider.registry is None:
        yield from known
        return
    try:
        text = _read_registry(provider.registry, timeout)
    except SkahaError as error:
        log.warning(
            "the registry of %s cannot be read, so only known servers are listed: %s",
            provider.name,
            error,
        )
        yield from known
        return
    by_uri = {server.uri: server for server in sites.servers.values() if server.uri}
    for uri, url in _entries(text):
        server = by_uri.get(uri, Server(uri, provider.name, uri))
        # Some registries list the servers of other providers, too.
        if server.provider == provider.name:
            yield attrs.evolve(server, url=url, source=provider.registry)


def _read_registry(registry: str, timeout: float) -> str:
    with open_client(timeout) as client:
        response = send(client, "GET", registry)
    if not response.is_success:
        raise CredentialsError(f"status {response.status_code}, {server_message(response)}")
    return response.text


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the URI and the URL of each platform. Lines that cannot be read are skipped."""
    for line in text.splitlines():
        uri, equals, url = (part.strip() for part in line.partition("="))
        if not equals or not uri.startswith("ivo://") or not uri.endswith(_SERVICE):
            continue
        if not uri.isprintable() or not url.isprintable() or not url.endswith(_CAPABILITIES):
            continue
        server = url.removesuffix(_CAPABILITIES)
        try:
            check_secure_url(server)
        except InvalidInputError:
            continue
        yield uri, server
