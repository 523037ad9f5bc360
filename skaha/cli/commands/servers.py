"""The command `skaha servers`: list the servers in the registries of the providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._config_completion import complete_provider
from skaha.cli._context import CommandContext, command

if TYPE_CHECKING:
    from skaha.cli._stdout import Item


@command("servers")
@click.argument("provider", required=False, shell_complete=complete_provider)
@click.option("--trial", is_flag=True, help="Also list the servers for tests.")
@click.pass_obj
def servers_command(context: CommandContext, provider: str | None, *, trial: bool) -> int:
    """List the servers in the registries of all providers, or of one PROVIDER."""
    from skaha import auth

    items: list[Item] = [
        {
            "name": server.name,
            "url": server.url,
            "provider": server.provider,
            "uri": server.uri,
            "source": server.source,
        }
        for server in auth.discover(provider, trial=trial, **context.arguments_of("timeout"))
    ]
    columns = ("name", "url", "provider", "source")
    return context.report(items, columns, key="name", empty="No servers.")
