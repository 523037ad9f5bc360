"""The command `skaha stats`: show the load of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._context import CommandContext, command

if TYPE_CHECKING:
    from skaha.cli._stdout import Item


@command("stats")
@click.pass_obj
def stats_command(context: CommandContext) -> int:
    """Show the load of the platform."""
    with context.session() as session:
        stats: Mapping[str, Any] = session.stats()
    values = _flatten(stats)
    values |= dict.fromkeys(_wrong_cores(values))
    items = [{"name": name, "value": value} for name, value in values.items()]
    return context.report(items, ("name", "value"), key="name")


def _wrong_cores(values: Item) -> list[str]:
    """Return the names of the amounts that are 0 only because the server cannot read millicores."""
    from skaha.records import cores, ram_bytes

    available, requested = "cores.cpuCoresAvailable", "cores.requestedCPUCores"
    ram = ram_bytes({"requestedRAM": values.get("ram.requestedRAM")})
    suspects = [available, requested] if ram else [available]
    return [name for name in suspects if cores({"requestedCPUCores": values.get(name)}) == 0]


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Item:
    """Flatten a nested mapping: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    flat: Item = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= _flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat
