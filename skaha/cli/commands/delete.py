"""The command `skaha delete`: delete sessions by id, name or pattern."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command, report_also_if_interrupted
from skaha.cli._exit_codes import FAILED
from skaha.cli._selection import SelectedSessions, select_sessions
from skaha.cli._stderr import note, progress
from skaha.cli._table import format_cell, format_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.results import ResultDict
    from skaha.session import Session


@command("delete")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option(
    "--verify", is_flag=True, help="Wait until the platform does not list the sessions any more."
)
@click.option("-y", "--yes", is_flag=True, help="Delete without a question.")
@click.option(
    "-f", "--force", is_flag=True, help="Like --yes, and a missing session is not an error."
)
@click.pass_obj
def delete_command(
    context: CommandContext, sessions: tuple[str, ...], *, verify: bool, yes: bool, force: bool
) -> int:
    """Delete SESSIONS, by id, name or pattern.

    If a name or a pattern selects several sessions, the command shows them and asks first.
    """
    with context.session() as session:
        selected = select_sessions(session, sessions)
        if force:
            selected.missing.clear()
        if selected.is_bulk and not (yes or force) and not confirm_deletion(selected, "--yes"):
            return FAILED
        return delete_and_report(context, session, selected, verify=verify)


def confirm_deletion(selected: SelectedSessions, options: str) -> bool:
    """Show the sessions and ask, on standard error: standard output shows deleted sessions.

    Args:
        selected: The sessions.
        options: The options that make the question needless.

    Raises:
        click.UsageError: If there is no terminal to ask on.
    """
    headings = ("id", "name", "kind", "status")
    rows = [[format_cell(item[heading]) for heading in headings] for item in selected.items()]
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this would delete {len(rows)} sessions, and there is no terminal to ask on: pass "
            f"{options}"
        )
    table = format_table([heading.upper() for heading in headings], rows, None, colour=False)
    click.echo(table, err=True, nl=False)
    sessions = "this session" if len(rows) == 1 else f"these {len(rows)} sessions"
    is_confirmed = click.confirm(f"Delete {sessions}?", err=True)
    if not is_confirmed:
        note("nothing was deleted")
    return is_confirmed


def delete_sessions(
    session: Session, ids: Sequence[str], *, verify: bool = False
) -> ResultDict[bool]:
    """Delete sessions and show the progress."""
    with progress("deleting") as bar:
        return session.destroy(ids, verify=verify, progress=bar)


def delete_and_report(
    context: CommandContext, session: Session, selected: SelectedSessions, *, verify: bool
) -> int:
    """Delete the selected sessions and report the result; return the exit code."""

    def report(results: ResultDict[bool]) -> int:
        items = [
            selected.key(session_id) | {"deleted": True}
            for session_id, is_deleted in results.items()
            if is_deleted
        ]
        failures = selected.missing | results.failures
        known = selected.known_items()
        return context.report(items, ("id", "name"), failures=failures, failed_items=known)

    return report_also_if_interrupted(
        lambda: delete_sessions(session, selected.ids, verify=verify), report
    )
