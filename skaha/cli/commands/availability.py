"""The command `skaha availability`: check whether the platform is available."""

from __future__ import annotations

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._exit_codes import DONE, FAILED


@command("availability")
@click.pass_obj
def availability_command(context: CommandContext) -> int:
    """Check whether the platform is available; if not, the exit code is 1."""
    from skaha import Overview

    with context.client(Overview) as overview:
        is_available = overview.availability()
        server = overview.server
    item = {"server": server, "available": is_available}
    context.report([item], ("server", "available"), key="server")
    return DONE if is_available else FAILED
