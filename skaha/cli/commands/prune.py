"""The command `skaha prune`: delete the sessions whose names begin with a prefix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._exit_codes import FAILED
from skaha.cli._sessions import (
    KINDS,
    STATUSES,
    SelectedSessions,
    choice,
    natural_order,
    session_item,
    time_left,
)
from skaha.cli._stderr import note
from skaha.cli._table import format_cell, format_table
from skaha.cli.commands.delete import delete_and_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.cli._stdout import Item
    from skaha.session import Session

_COLUMNS = ("id", "name", "kind", "status", ("left", time_left), "image")


@command("prune")
@click.argument("prefixes", nargs=-1, metavar="[PREFIX]...")
@click.option("--all", "everything", is_flag=True, help="Sessions with any name.")
@click.option(
    "--kind",
    multiple=True,
    type=choice((*KINDS, "any")),
    default=("headless",),
    show_default=True,
    help="Only this kind; may be repeated.",
)
@click.option(
    "--status",
    multiple=True,
    type=choice((*STATUSES, "any")),
    default=("Completed",),
    show_default=True,
    help="Only this status; may be repeated.",
)
@click.option("-y", "--yes", is_flag=True, help="Delete without a question.")
@click.option("--dry-run", is_flag=True, help="Show the sessions, but do not delete them.")
@click.option(
    "--verify", is_flag=True, help="Wait until the platform does not list the sessions any more."
)
@click.pass_obj
def prune_command(
    context: CommandContext,
    prefixes: tuple[str, ...],
    kind: tuple[Any, ...],
    status: tuple[Any, ...],
    *,
    everything: bool,
    yes: bool,
    dry_run: bool,
    verify: bool,
) -> int:
    """Delete the sessions whose names begin with PREFIX.

    A PREFIX is a literal text, not a pattern.
    """
    if everything == bool(prefixes):
        raise click.UsageError("pass the beginning of the names, or --all")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("no terminal to ask on: pass --yes or --dry-run")
    with context.session() as session:
        items = _matching_items(session, prefixes, kind, status)
        if dry_run:
            return context.report(items, _COLUMNS)
        if not items:
            note("no session matches: nothing to delete")
        elif not (yes or _confirm(items)):
            note("nothing was deleted")
            return FAILED
        selected = SelectedSessions({item["id"]: item for item in items})
        return delete_and_report(context, session, selected, verify=verify)


def _matching_items(
    session: Session, prefixes: tuple[str, ...], kind: tuple[Any, ...], status: tuple[Any, ...]
) -> list[Item]:
    kinds, statuses = (None if "any" in words else list(words) for words in (kind, status))
    if prefixes:
        lists = [session.destroy_with(prefix, kinds, statuses, dry_run=True) for prefix in prefixes]
    else:
        lists = [session.destroy_all(kinds, statuses, dry_run=True)]
    items = {record["id"]: session_item(record) for records in lists for record in records}
    return sorted(items.values(), key=natural_order)


def _confirm(items: Sequence[Item]) -> bool:
    """Show the sessions and ask, on standard error: standard output shows deleted sessions."""
    headings = ("id", "name", "kind", "status")
    rows = [[format_cell(item[heading]) for heading in headings] for item in items]
    table = format_table([heading.upper() for heading in headings], rows, None, colour=False)
    click.echo(table, err=True, nl=False)
    sessions = "this session" if len(items) == 1 else f"these {len(items)} sessions"
    return click.confirm(f"Delete {sessions}?", err=True)
