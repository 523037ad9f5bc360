"""The command `skaha ps`: list sessions."""

from __future__ import annotations

from typing import Any

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import KINDS, STATUSES, choice, natural_order, session_item, time_left

_COLUMNS = (
    "id",
    "name",
    "kind",
    "status",
    "cores",
    "ram_gib",
    "gpus",
    ("left", time_left),
    "image",
)
_PUBLIC_COLUMNS = ("user", "kind", "status", "started")


@command("ps")
@click.argument("prefixes", nargs=-1, metavar="[PREFIX]...")
@click.option("--kind", multiple=True, type=choice(KINDS), help="Only this kind; may be repeated.")
@click.option(
    "--status",
    multiple=True,
    type=choice(STATUSES),
    help="Only this status; may be repeated.",
)
@click.option("--everyone", is_flag=True, help="Sessions of all users, public fields only.")
@click.option("-q", "--quiet", is_flag=True, help="Only ids; the same as --output name.")
@click.pass_obj
def ps_command(
    context: CommandContext,
    prefixes: tuple[str, ...],
    kind: tuple[Any, ...],
    status: tuple[Any, ...],
    *,
    everyone: bool,
    quiet: bool,
) -> int:
    """List sessions of any status; with PREFIX, only names that begin with it."""
    if quiet:
        if context.output.format not in (None, "name"):
            raise click.UsageError("-q is the same as --output name: leave -q or --output out")
        context.output.format = "name"
    view: Any = "all" if everyone else None
    with context.session() as session:
        records = session.fetch(kind or None, status or None, view=view)
    # The platform stores names in lower case.
    beginnings = tuple(prefix.lower() for prefix in prefixes)
    items = [
        item
        for item in map(session_item, records)
        if not beginnings or str(item["name"] or "").startswith(beginnings)
    ]
    items.sort(key=lambda item: (str(item["user"]), natural_order(item)))
    return context.report(items, _PUBLIC_COLUMNS if everyone else _COLUMNS)
