"""The commands `skaha config show|get|set|unset|profiles|use|path`."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._config_completion import complete_key, complete_profile, complete_value
from skaha.cli._context import CommandContext, SkahaGroup, suggestion
from skaha.cli._exit_codes import NOT_FOUND
from skaha.cli._stderr import note
from skaha.models import SecretText

if TYPE_CHECKING:
    from skaha.cli._stdout import Item


@click.group("config", cls=SkahaGroup)
def config_command() -> None:
    """Show and change the configuration."""


@config_command.command("show")
@click.pass_obj
def _show(context: CommandContext) -> int:
    """Show each value in use and its source.

    Secrets are hidden.
    """
    from skaha import config

    items = _items(context)
    for item in items:
        if item["key"] in config.SECRETS and item["value"] is not None:
            item["value"] = repr(SecretText(item["value"]))
    return context.report(items, ("key", "value", "source"), key="key")


@config_command.command("get")
@click.argument("key", shell_complete=complete_key)
@click.pass_obj
def _get(context: CommandContext, key: str) -> int:
    """Print the value of KEY that is in use.

    If KEY has no value, the exit code is 5.
    """
    items = {"token": _token_item(context)} if key == "token" else _items_by_key(context)
    if key not in items:
        hint = suggestion(get_close_matches(key, items)) or f"; it is one of {', '.join(items)}"
        raise click.UsageError(f"unknown key {key!r}{hint}")
    items_with_value = [] if items[key]["value"] is None else [items[key]]
    context.report(items_with_value, ("value",), key="value")
    return 0 if items_with_value else NOT_FOUND


@config_command.command("set")
@click.argument("key", shell_complete=complete_key)
@click.argument("value", required=False, shell_complete=complete_value)
@click.pass_obj
def _set(context: CommandContext, key: str, value: str | None) -> int:
    """Set KEY of the profile in use to VALUE.

    The KEY 'active' is the name of the active profile.

    Without VALUE, the command asks for it on a terminal, or reads it from standard input. Set
    secrets in this way: other users can see the arguments of a command.
    """
    from skaha import config

    if value is None and sys.stdin.isatty():
        value = click.prompt(key, hide_input=key in config.SECRETS, err=True)
    elif value is not None and key in config.SECRETS:
        note(f"other users can see the commands that you run: leave the {key} out", "warning")
    text = sys.stdin.read().strip() if value is None else value
    config.save(key, text, context.profile)
    return 0


@config_command.command("unset")
@click.argument("key", shell_complete=complete_key)
@click.pass_obj
def _unset(context: CommandContext, key: str) -> int:
    """Remove KEY from the profile in use."""
    from skaha import config

    config.remove(key, context.profile)
    return 0


@config_command.command("profiles")
@click.pass_obj
def _profiles(context: CommandContext) -> int:
    """List the profiles, their servers, and the active profile."""
    from skaha import config

    servers = config.profiles()
    # Without profiles there is no active profile.
    active = config.in_use(context.profile).profile if servers else None
    items: list[Item] = [
        {"profile": name, "server": server, "active": name == active}
        for name, server in servers.items()
    ]
    columns = ("profile", "server", "active")
    return context.report(items, columns, key="profile", empty="No profiles.")


@config_command.command("use")
@click.argument("name", shell_complete=complete_profile)
@click.pass_obj
def _use(context: CommandContext, name: str) -> int:
    """Make the profile NAME the active profile."""
    from skaha import config

    servers = config.profiles()
    if name not in servers:
        known = ", ".join(servers) or "none at all"
        raise click.UsageError(
            f"there is no profile {name!r}; there is {known}. To add a profile: "
            f"skaha config set server SERVER --profile {name}"
        )
    config.save("active", name)
    if (other := os.environ.get("SKAHA_PROFILE")) not in (None, "", name):
        note(f"the environment variable SKAHA_PROFILE still selects {other}", "warning")
    item = {"profile": name, "server": servers[name], "active": True}
    return context.report([item], ("profile", "server"), key="profile")


@config_command.command("path")
@click.pass_obj
def _path(context: CommandContext) -> int:
    """Print the path of the configuration file.

    The file may not exist.
    """
    from skaha import config

    return context.report([{"path": str(config.default_path())}], ("path",), key="path")


def _items(context: CommandContext) -> list[Item]:
    """Return each key with its value as it is configured, and its source."""
    from skaha import config

    settings = config.in_use(context.profile, **context.arguments)
    source = _source_of_profile(context, settings.profile)
    items: list[Item] = [{"key": "profile", "value": settings.profile, "source": source}]
    for key in config.KEYS:
        value = settings.get(key, config.DEFAULTS.get(key))
        source = settings.sources.get(key, "default")
        items.append({"key": key, "value": _plain(value), "source": source})
    return items


def _items_by_key(context: CommandContext) -> dict[str, Item]:
    return {item["key"]: item for item in _items(context)}


def _token_item(context: CommandContext) -> Item:
    """Return the token in use: it may be stored in a file or by a login."""
    token = context.settings.get("token")
    source = context.settings.sources.get("token", "default")
    return {"key": "token", "value": token() if callable(token) else token, "source": source}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _source_of_profile(context: CommandContext, profile: str | None) -> str:
    if profile is None:
        return "default"
    if context.profile:
        return "argument"
    variable = "environment variable SKAHA_PROFILE"
    return variable if os.environ.get("SKAHA_PROFILE") else "active in the file"
