"""The command `skaha resources`: show the resources that one session may request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._context import CommandContext, command

if TYPE_CHECKING:
    from skaha.cli._stdout import Item


@command("resources")
@click.pass_obj
def resources_command(context: CommandContext) -> int:
    """Show the resources that one session may request."""
    from skaha import Context

    with context.client(Context) as client:
        resources: Mapping[str, Any] = client.resources()
    items = [_resource_item(name, value) for name, value in resources.items()]
    return context.report(items, ("resource", "default", "limit", "options"), key="resource")


def _resource_item(name: str, value: Any) -> Item:
    if not isinstance(value, Mapping):
        return {"resource": name, "default": None, "options": [], "limit": _number(value)}
    default = value.get("defaultRequest", value.get("default"))
    limit = value.get("defaultLimit")
    options = value.get("options", [])
    return {"resource": name, "default": default, "options": options, "limit": limit}


def _number(value: Any) -> Any:
    return int(value) if str(value).isdecimal() else value
