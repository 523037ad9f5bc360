"""Profiles, servers, providers and keys of the configuration for the completion of a shell."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from click.shell_completion import CompletionItem

_KEYS_OF_PATHS = ("token_file", "certificate")


def complete_profile(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the profiles that begin with a text."""
    return _beginning_with(incomplete, _profiles())


def complete_server(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of servers that begin with a text."""
    return _beginning_with(incomplete, _servers())


def complete_provider(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of providers that begin with a text."""
    return _beginning_with(incomplete, _providers())


def complete_login(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of servers and providers that begin with a text."""
    return _beginning_with(incomplete, [*_servers()[1:], *_providers()])


def complete_key(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the keys of `config get`, or else of `set` and `unset`, that begin with a text."""
    from skaha import config

    key_of_name = "profile" if context.info_name == "get" else "active"
    return _beginning_with(incomplete, [*config.KEYS, key_of_name])


def complete_value(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[str] | list[CompletionItem]:
    """Return the values of the key on the command line that begin with a text."""
    key = context.params.get("key")
    if key in _KEYS_OF_PATHS:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]
    values = _servers() if key == "server" else _profiles() if key == "active" else []
    return _beginning_with(incomplete, values)


def _beginning_with(beginning: str, words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.lower().startswith(beginning.lower())]


def _profiles() -> list[str]:
    from skaha import config

    # There are no suggestions if the file cannot be read.
    with suppress(ValueError):
        return list(config.profiles())
    return []


def _servers() -> list[str]:
    from skaha import auth

    with suppress(ValueError):
        return ["local", *(server.name for server in auth.known_servers())]
    return ["local"]


def _providers() -> list[str]:
    from skaha import auth

    with suppress(ValueError):
        return [server.provider for server in auth.known_servers()]
    return []
