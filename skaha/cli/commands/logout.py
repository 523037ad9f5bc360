"""The command `skaha logout`: remove stored credentials."""

from __future__ import annotations

import click

from skaha.cli._config_completion import complete_login
from skaha.cli._context import CommandContext, command


@command("logout")
@click.argument("provider", required=False, shell_complete=complete_login)
@click.pass_obj
def logout_command(context: CommandContext, provider: str | None) -> int:
    """Remove the certificate or the token, and revoke it.

    PROVIDER is the same as for `skaha login`. The command lists the removed credentials; the list
    may be empty.
    """
    import skaha

    arguments = context.arguments_of("certificate", "timeout")
    places = skaha.logout(provider, profile=context.profile, **arguments)
    items = [{"removed": place} for place in places]
    return context.report(items, ("removed",), key="removed", empty="There were no credentials.")
