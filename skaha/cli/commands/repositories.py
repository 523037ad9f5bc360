"""The command `skaha repositories`: list the registries that images may come from."""

from __future__ import annotations

import click

from skaha.cli._context import CommandContext, command


@command("repositories")
@click.pass_obj
def repositories_command(context: CommandContext) -> int:
    """List the registries that images may come from."""
    from skaha import Images

    with context.client(Images) as images:
        hosts = images.repositories()
    items = [{"host": host} for host in hosts]
    return context.report(items, ("host",), key="host", empty="No registries.")
