"""The command that tells versions."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from skaha._version import __version__
from skaha.cli._call import Call, command

_PARTS = ("httpx", "click")


@command("version")
@click.pass_obj
def version_command(call: Call) -> int:
    """Show the versions of this program and of what it is built on."""
    versions = {"skaha": __version__, "python": platform.python_version()}
    versions |= {part: metadata.version(part) for part in _PARTS}
    items = [{"name": name, "version": version} for name, version in versions.items()]
    return call.report(items, ("name", "version"), key="name")
