"""The command `skaha renew`: extend the lifetime of sessions."""

from __future__ import annotations

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._selection import select_sessions
from skaha.cli._sessions import session_item
from skaha.cli._stderr import progress


@command("renew")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def renew_command(context: CommandContext, sessions: tuple[str, ...]) -> int:
    """Extend the lifetime of SESSIONS, by id, name or pattern."""
    columns = ("id", "name", "expires")
    with context.session() as session:
        selected = select_sessions(session, sessions)
        with progress("renewing") as bar:
            results = session.renew(selected.ids, progress=bar)
        records = session.info([session_id for session_id, done in results.items() if done])
    items = [{key: session_item(record)[key] for key in columns} for record in records]
    failures = selected.missing | results.failures | records.failures
    return context.report(items, columns, failures=failures)
