"""Commands that end sessions: delete, prune."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._call import Call, command
from skaha.cli._codes import FAILED
from skaha.cli._completion import complete_session
from skaha.cli._notes import note, progress
from skaha.cli._sessions import KINDS, STATUSES, find, item, left, natural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skaha.cli._output import Item
    from skaha.results import ResultDict
    from skaha.session import Session

_COLUMNS = ("id", "name", "kind", "status", ("left", left), "image")


@command("delete")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option("--verify", is_flag=True, help="Wait until the platform lists them no more.")
@click.option("-f", "--force", is_flag=True, help="Sessions that are not there are no failure.")
@click.pass_obj
def delete_command(call: Call, sessions: tuple[str, ...], *, verify: bool, force: bool) -> int:
    """End SESSIONS and forget them, by id or name."""
    with call.session() as session:
        found = find(session, sessions, patterns=False)
        missing = {} if force else found.missing
        return _destroy(call, session, found.ids, found.name, missing, verify=verify)


@command("prune")
@click.argument("prefixes", nargs=-1, metavar="[PREFIX]...")
@click.option("--all", "everything", is_flag=True, help="Whatever their names.")
@click.option(
    "--kind",
    multiple=True,
    type=click.Choice((*KINDS, "any")),
    default=("headless",),
    show_default=True,
    help="Only this kind; may be repeated.",
)
@click.option(
    "--status",
    multiple=True,
    type=click.Choice((*STATUSES, "any"), case_sensitive=False),
    default=("Completed",),
    show_default=True,
    help="Only this status; may be repeated.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--verify", is_flag=True, help="Wait until the platform lists them no more.")
@click.pass_obj
def prune_command(
    call: Call,
    prefixes: tuple[str, ...],
    kind: tuple[Any, ...],
    status: tuple[Any, ...],
    *,
    everything: bool,
    yes: bool,
    dry_run: bool,
    verify: bool,
) -> int:
    """End the sessions whose names begin with a PREFIX, letter by letter."""
    if everything == bool(prefixes):
        raise click.UsageError("give the beginning of the names, or --all")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("nobody is there to be asked: give --yes, or --dry-run")
    with call.session() as session:
        chosen = _chosen(session, prefixes, kind, status)
        if dry_run:
            return call.report(chosen, _COLUMNS)
        if not chosen:
            note("there is nothing to delete")
        elif not (yes or _agreed(chosen)):
            note("nothing was deleted")
            return FAILED
        names = {str(one["id"]): str(one["name"]) for one in chosen}
        return _destroy(call, session, list(names), names.__getitem__, {}, verify=verify)


def _chosen(
    session: Session, prefixes: tuple[str, ...], kind: tuple[Any, ...], status: tuple[Any, ...]
) -> list[Item]:
    kinds, statuses = (None if "any" in words else list(words) for words in (kind, status))
    if not prefixes:
        several = [session.destroy_all(kinds, statuses, dry_run=True)]
    else:
        several = [
            # The platform stores names in lower case.
            session.destroy_with(one.lower(), kinds, statuses, dry_run=True)
            for one in prefixes
        ]
    chosen = {one["id"]: item(one) for records in several for one in records}
    return sorted(chosen.values(), key=natural)


def _agreed(chosen: Sequence[Item]) -> bool:
    """Show what would be deleted, and ask; the data on standard output is what was deleted."""
    from skaha.cli._table import aligned, cell

    headings = ("id", "name", "kind", "status")
    rows = [[cell(one[heading]) for heading in headings] for one in chosen]
    shown = aligned([heading.upper() for heading in headings], rows, None, colour=False)
    click.echo(shown, err=True, nl=False)
    return click.confirm(f"Delete {_counted(len(chosen))}?", err=True)


def _counted(number: int) -> str:
    return "this session" if number == 1 else f"these {number} sessions"


def end(session: Session, ids: Sequence[str], *, verify: bool = False) -> ResultDict[bool]:
    """End sessions, and say how many are ended."""
    with progress("deleting") as shown:
        return session.destroy(ids, verify=verify, progress=shown.count)


def _destroy(
    call: Call,
    session: Session,
    ids: list[str],
    name: Callable[[str], str],
    missing: dict[str, Exception],
    *,
    verify: bool,
) -> int:
    done = end(session, ids, verify=verify)
    items = [{"id": one, "name": name(one), "deleted": True} for one, gone in done.items() if gone]
    return call.report(items, ("id", "name"), failures=missing | done.failures)
