"""The command `skaha version`: show versions."""

from __future__ import annotations

import platform

import click

from skaha import __version__
from skaha.cli._context import CommandContext, command

_DEPENDENCIES = ("httpx", "click")


@command("version")
@click.pass_obj
def version_command(context: CommandContext) -> int:
    """Show the versions of skaha, Python and the main dependencies."""
    # A late import for the start-up time.
    from importlib import metadata

    versions = {"skaha": __version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in _DEPENDENCIES}
    items = [{"name": name, "version": version} for name, version in versions.items()]
    return context.report(items, ("name", "version"), key="name")
