"""Which servers there are, as the registries of the providers list them."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import attrs

from skaha.auth._http import ask, check_safe, open_client, words_of
from skaha.auth._sites import Server, known_sites
from skaha.errors import CredentialsError, InvalidInputError, SkahaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha.auth._sites import Provider, Sites

__all__ = ["discover"]

log = logging.getLogger("skaha")

_SERVICE, _DESCRIPTION = "/skaha", "/capabilities"
# Servers that are not for users say so somewhere in their names.
_TRIAL = re.compile(r"(?<![a-z])(dev|development|test|demo|stage|staging|rc|preprod)(?![a-z])")


def discover(
    provider: str | None = None, *, trial: bool = False, timeout: float = 10
) -> list[Server]:
    """List the servers that can be used, from the registries of their providers.

    Where a registry cannot be read, the servers known without it are listed, and a warning is
    logged. It needs no event loop, and disturbs none: it can be called in a notebook.

    Args:
        provider: Name of one provider; by default all of them.
        trial: Also list servers that are there to be tested.
        timeout: Seconds to wait for each part of an answer.

    Returns:
        The servers; `source` says where each was found.

    Raises:
        skaha.errors.InvalidInputError: If there is no such provider, or it has no registry.

    Example:
        >>> from skaha.auth import discover
        >>> try:
        ...     discover("nobody")
        ... except ValueError as error:
        ...     print(error)
        there is no provider 'nobody'; there is cadc, srcnet
    """
    sites = known_sites()
    if provider is not None and provider not in sites.providers:
        names = ", ".join(sites.providers)
        raise InvalidInputError(f"there is no provider {provider!r}; there is {names}")
    chosen = [sites.providers[provider]] if provider else list(sites.providers.values())
    found: dict[str, Server] = {}
    for one in chosen:
        for server in _servers(one, sites, timeout):
            if trial or not _TRIAL.search(f"{server.uri} {server.url}".lower()):
                found.setdefault(server.url or server.name, server)
    return list(found.values())


def _servers(provider: Provider, sites: Sites, timeout: float) -> Iterator[Server]:
    known = [one for one in sites.servers.values() if one.provider == provider.name and one.url]
    if provider.registry is None:
        yield from known
        return
    try:
        text = _listing(provider.registry, timeout)
    except SkahaError as error:
        log.warning(
            "the registry of %s cannot be read, so only known servers are listed: %s",
            provider.name,
            error,
        )
        yield from known
        return
    names = {one.uri: one for one in sites.servers.values() if one.uri}
    for uri, url in _entries(text):
        server = names.get(uri, Server(uri, provider.name, uri))
        # Some registries list servers of other providers, too.
        if server.provider == provider.name:
            yield attrs.evolve(server, url=url, source=provider.registry)


def _listing(registry: str, timeout: float) -> str:
    with open_client(registry, timeout) as client:
        answer = ask(client, "GET", registry)
    if not answer.is_success:
        raise CredentialsError(f"it answered {answer.status_code}, {words_of(answer)}")
    return answer.text


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Find name and address of each platform; what cannot be read is left out."""
    for line in text.splitlines():
        uri, equals, url = (part.strip() for part in line.partition("="))
        if not equals or not uri.startswith("ivo://") or not uri.endswith(_SERVICE):
            continue
        if not uri.isprintable() or not url.isprintable() or not url.endswith(_DESCRIPTION):
            continue
        address = url.removesuffix(_DESCRIPTION)
        try:
            check_safe(address)
        except InvalidInputError:
            continue
        yield uri, address
