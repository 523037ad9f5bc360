"""The command `skaha delete`: delete sessions by id or name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import SelectedSessions, select_sessions
from skaha.cli._stderr import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.results import ResultDict
    from skaha.session import Session


@command("delete")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option(
    "--verify", is_flag=True, help="Wait until the platform does not list the sessions any more."
)
@click.option("-f", "--force", is_flag=True, help="Missing sessions are not reported as failures.")
@click.pass_obj
def delete_command(
    context: CommandContext, sessions: tuple[str, ...], *, verify: bool, force: bool
) -> int:
    """Delete SESSIONS, by id or name."""
    with context.session() as session:
        selected = select_sessions(session, sessions, patterns=False)
        if force:
            selected.missing.clear()
        return delete_and_report(context, session, selected, verify=verify)


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
    results = delete_sessions(session, selected.ids, verify=verify)
    items = [
        selected.key(session_id) | {"deleted": True}
        for session_id, is_deleted in results.items()
        if is_deleted
    ]
    return context.report(items, ("id", "name"), failures=selected.missing | results.failures)
