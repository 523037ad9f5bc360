"""The command `skaha stats`: show the load of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha.cli._context import CommandContext, command
from skaha.records import cores, flattened, ram_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skaha.cli._stdout import Item


@command("stats")
@click.pass_obj
def stats_command(context: CommandContext) -> int:
    """Show the load of the platform."""
    with context.session() as session:
        stats: Mapping[str, Any] = session.stats()
    values: Item = dict(flattened(stats.items()))
    values |= dict.fromkeys(_wrong_cores(values))
    items = [{"name": name, "value": value} for name, value in values.items()]
    return context.report(items, ("name", "value"), key="name")


def _wrong_cores(values: Item) -> list[str]:
    """Return the names of the amounts that are 0 only because the server cannot read millicores."""
    available, requested = "cores.cpuCoresAvailable", "cores.requestedCPUCores"
    ram = ram_bytes({"requestedRAM": values.get("ram.requestedRAM")})
    suspects = [available, requested] if ram else [available]
    return [name for name in suspects if cores({"requestedCPUCores": values.get(name)}) == 0]
