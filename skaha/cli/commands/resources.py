"""The command `skaha resources`: show the resources that one session may request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import whole_number
from skaha.models import DEFAULT_CORES, DEFAULT_RAM

if TYPE_CHECKING:
    from skaha.cli._stdout import Item


@frozen
class _Resource:
    """The word of an option for a resource, its unit, and the default of `create`."""

    name: str
    unit: str
    default: int | None = None


# By the words of the platform.
_RESOURCES = {
    "cores": _Resource("cores", "cores", DEFAULT_CORES),
    "memoryGB": _Resource("ram", "GiB", DEFAULT_RAM),
    "gpus": _Resource("gpu", "GPUs"),
    "maxInteractiveSessions": _Resource("interactive sessions", "sessions"),
}


@command("resources")
@click.pass_obj
def resources_command(context: CommandContext) -> int:
    """Show the resources that one session may request.

    DEFAULT is the amount that `skaha create` requests. With --flexible, the platform gives a
    session FLEXIBLE or more, up to LIMIT.
    """
    from skaha import Context

    with context.client(Context) as client:
        resources: Mapping[str, Any] = client.resources()
    items = [_resource_item(name, value) for name, value in resources.items()]
    columns = ("resource", "unit", "default", "flexible", "limit", "options")
    return context.report(items, columns, key="resource")


def _resource_item(name: str, value: Any) -> Item:
    resource = _RESOURCES.get(name, _Resource(name, ""))
    item: Item = {"resource": resource.name, "unit": resource.unit or None}
    if not isinstance(value, Mapping):
        limit = whole_number(value)
        limit = value if limit is None else limit
        return item | {"default": None, "flexible": None, "options": [], "limit": limit}
    return item | {
        "default": resource.default,
        "flexible": value.get("defaultRequest", value.get("default")),
        "options": value.get("options", []),
        "limit": value.get("defaultLimit"),
    }
