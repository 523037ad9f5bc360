"""The command `skaha prune`: delete ended sessions, or the sessions that other filters select."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skaha import records
from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._exit_codes import FAILED
from skaha.cli._selection import SelectedSessions, find_sessions, refuse_filters
from skaha.cli._sessions import KINDS, STATUSES, choice, natural_order, time_left
from skaha.cli._stderr import note
from skaha.cli.commands.delete import confirm_deletion, delete_and_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.session import Session

_COLUMNS = ("id", "name", "kind", "status", ("left", time_left), "image")
_ANY = "any"


@command("prune")
@click.argument("sessions", nargs=-1, shell_complete=complete_session)
@click.option("--all", "everything", is_flag=True, help="Sessions with any name.")
@click.option(
    "-k",
    "--kind",
    multiple=True,
    type=choice((*KINDS, _ANY)),
    default=("headless",),
    show_default=True,
    help="Only this kind; may be repeated.",
)
@click.option(
    "-s",
    "--status",
    multiple=True,
    type=choice((*STATUSES, _ANY)),
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
    sessions: tuple[str, ...],
    kind: tuple[Any, ...],
    status: tuple[Any, ...],
    *,
    everything: bool,
    yes: bool,
    dry_run: bool,
    verify: bool,
) -> int:
    """Delete SESSIONS of a kind and a status: by default, batch jobs that have succeeded.

    SESSIONS are ids, beginnings of names, or patterns of whole names. The command shows the
    sessions and asks first.
    """
    if everything == bool(sessions):
        raise click.UsageError("give the beginning of the names, or --all")
    refuse_filters("skaha prune", sessions)
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("no terminal to ask on: pass --yes or --dry-run")
    with context.session() as session:
        selected = _select(session, sessions, kind, status)
        if dry_run:
            items, known = selected.items(), selected.known_items()
            missing = selected.missing
            return context.report(items, _COLUMNS, failures=missing, failed_items=known)
        if everything and not selected.ids:
            note("no session matches: nothing to delete")
        if selected.ids and not yes and not confirm_deletion(selected, "--yes or --dry-run"):
            return FAILED
        return delete_and_report(context, session, selected, verify=verify)


def _select(
    session: Session, words: Sequence[str], kind: Sequence[Any], status: Sequence[Any]
) -> SelectedSessions:
    """Select the sessions of the kinds and statuses; without words, all of them."""
    kinds, statuses = (None if _ANY in filters else list(filters) for filters in (kind, status))
    deletable = session.destroy_all(kinds, statuses, dry_run=True)
    if not words:
        ordered = sorted(deletable, key=natural_order)
        return SelectedSessions({record["id"]: record for record in ordered})
    selected = SelectedSessions()
    for word in words:
        selected.add(word, find_sessions(deletable, word, by_beginning=True))
    if selected.missing and (kinds or statuses):
        listed = records.sessions(session.fetch())
        for word, error in selected.missing.items():
            if others := find_sessions(listed, word, by_beginning=True):
                filters = [*(kinds or []), *(statuses or [])]
                error.args = (_explanation(word, filters, others),)
    return selected


def _explanation(word: str, filters: Sequence[str], others: Sequence[Any]) -> str:
    """Return the message if the filters exclude all sessions that a word selects."""
    kinds = sorted({f"{record.get('type')} {record.get('status')}" for record in others})
    return (
        f"no session {word} is {' or '.join(filters)}: {len(others)} with this name are "
        f"{', '.join(kinds)}. See --kind and --status"
    )
