"""Commands for the configuration: config show, get, set, unset, profiles, path."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._call import Call, SkahaGroup
from skaha.cli._codes import NOT_FOUND

if TYPE_CHECKING:
    from skaha.cli._output import Item

_HIDDEN = "..."


@click.group("config", cls=SkahaGroup)
def config_command() -> None:
    """What this program uses, and from where."""


@config_command.command("show")
@click.pass_obj
def _show(call: Call) -> int:
    """Show each value in use and where it comes from; secrets are hidden."""
    return call.report(_items(call), ("key", "value", "source"), key="key")


@config_command.command("get")
@click.argument("key")
@click.pass_obj
def _get(call: Call, key: str) -> int:
    """Print the value of KEY that is in use; the exit code is 5 if there is none."""
    items = {one["key"]: one for one in _items(call, secrets=True)}
    if key not in items:
        raise click.UsageError(f"unknown key {key!r}; it is one of {', '.join(items)}")
    one = _token(call) if key == "token" else items[key]
    found = [] if one["value"] is None else [one]
    call.report(found, ("value",), key="value")
    return 0 if found else NOT_FOUND


@config_command.command("set")
@click.argument("key")
@click.argument("value", required=False)
@click.pass_obj
def _set(call: Call, key: str, value: str | None) -> int:
    """Set KEY of the profile in use to VALUE, or KEY 'active' to the name of a profile.

    Without VALUE it is asked for, or read from standard input: so no secret has to stand in a
    command, where others can see it.
    """
    from skaha import config

    if value is None and sys.stdin.isatty():
        value = click.prompt(key, hide_input=key in config.SECRETS, err=True)
    config.save(key, sys.stdin.read().strip() if value is None else value, call.profile)
    return 0


@config_command.command("unset")
@click.argument("key")
@click.pass_obj
def _unset(call: Call, key: str) -> int:
    """Remove KEY from the profile in use."""
    from skaha import config

    config.remove(key, call.profile)
    return 0


@config_command.command("profiles")
@click.pass_obj
def _profiles(call: Call) -> int:
    """List the profiles, the server of each, and which one is active."""
    from skaha import config

    servers = config.profiles()
    # Nothing is active as long as there are none.
    active = config.in_use(call.profile).profile if servers else None
    items: list[Item] = [
        {"profile": name, "server": server, "active": name == active}
        for name, server in servers.items()
    ]
    return call.report(items, ("profile", "server", "active"), key="profile")


@config_command.command("path")
@click.pass_obj
def _path(call: Call) -> int:
    """Print where the file is, or would be."""
    from skaha import config

    return call.report([{"path": str(config.default_path())}], ("path",), key="path")


def _items(call: Call, *, secrets: bool = False) -> list[Item]:
    from skaha import config

    found = config.in_use(call.profile, **call.given)
    source = _source_of_profile(call, found.profile)
    items: list[Item] = [{"key": "profile", "value": found.profile, "source": source}]
    for key in config.KEYS:
        value = found.get(key, config.DEFAULTS.get(key))
        hide = key in config.SECRETS and value is not None and not secrets
        source = found.sources.get(key, "default")
        items.append({"key": key, "value": _HIDDEN if hide else _plain(value), "source": source})
    return items


def _token(call: Call) -> Item:
    """Return the token in use, wherever it is kept."""
    from skaha import config

    found = config.settings(call.profile, **call.given)
    value = found.get("token")
    source = found.sources.get("token", "default")
    return {"key": "token", "value": value() if callable(value) else value, "source": source}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _source_of_profile(call: Call, profile: str | None) -> str:
    import os

    if profile is None:
        return "default"
    if call.profile:
        return "argument"
    variable = "environment variable SKAHA_PROFILE"
    return variable if os.environ.get("SKAHA_PROFILE") else "active in the file"
