"""The command `skaha stats`: show the load of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import gib
from skaha.records import cores, flattened, ram_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skaha.cli._stdout import Item

# The words of the options for the values of the platform. All memory is in GiB.
_NAMES = {
    "instances.session": "sessions_interactive",
    "instances.desktopApp": "sessions_desktop_app",
    "instances.headless": "sessions_headless",
    "instances.total": "sessions_total",
    "cores.requestedCPUCores": "cores_requested",
    "cores.cpuCoresAvailable": "cores_available",
    "cores.maxCPUCores.cpuCores": "cores_largest",
    "cores.maxCPUCores.withRam": "cores_largest_ram_gib",
    "ram.requestedRAM": "ram_gib_requested",
    "ram.ramAvailable": "ram_gib_available",
    "ram.maxRAM.ram": "ram_gib_largest",
    "ram.maxRAM.withCPUCores": "ram_gib_largest_cores",
}
_MEMORY = frozenset(
    {"cores.maxCPUCores.withRam", "ram.requestedRAM", "ram.ramAvailable", "ram.maxRAM.ram"}
)
# Newer platforms state these amounts in units of 10^9 bytes, and call the unit `G`, too.
_DECIMAL = frozenset({"ram.requestedRAM", "ram.ramAvailable"})


@command("stats")
@click.pass_obj
def stats_command(context: CommandContext) -> int:
    """Show the load of the platform; all memory is in GiB."""
    with context.session() as session:
        stats: Mapping[str, Any] = session.stats()
    values: Item = dict(flattened(stats.items()))
    values |= dict.fromkeys(_wrong_cores(values))
    # Only older platforms count the sessions.
    is_older = "instances" in stats
    items = [
        {
            "name": _NAMES.get(name, name),
            "value": _gib_of(value, is_decimal=name in _DECIMAL and not is_older)
            if name in _MEMORY
            else value,
        }
        for name, value in values.items()
    ]
    return context.report(items, ("name", "value"), key="name")


def _gib_of(text: Any, *, is_decimal: bool) -> float | None:
    """Return an amount of memory in GiB."""
    amount = str(text).removesuffix("G") if is_decimal else text
    return gib(ram_bytes({"requestedRAM": amount}))


def _wrong_cores(values: Item) -> list[str]:
    """Return the names of the amounts that are 0 only because the server cannot read millicores."""
    available, requested = "cores.cpuCoresAvailable", "cores.requestedCPUCores"
    ram = ram_bytes({"requestedRAM": values.get("ram.requestedRAM")})
    suspects = [available, requested] if ram else [available]
    return [name for name in suspects if cores({"requestedCPUCores": values.get(name)}) == 0]
