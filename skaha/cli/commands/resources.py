"""The command `skaha resources`: show the resources that one session may request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import whole_number

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
        limit = whole_number(value)
        limit = value if limit is None else limit
        return {"resource": name, "default": None, "options": [], "limit": limit}
    default = value.get("defaultRequest", value.get("default"))
    limit = value.get("defaultLimit")
    options = value.get("options", [])
    return {"resource": name, "default": default, "options": options, "limit": limit}
