"""The command `skaha renew`: extend the lifetime of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command, report_also_if_interrupted
from skaha.cli._selection import select_sessions
from skaha.cli._sessions import session_item
from skaha.cli._stderr import muted_log, progress

if TYPE_CHECKING:
    from skaha.results import ResultDict


@command("renew")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def renew_command(context: CommandContext, sessions: tuple[str, ...]) -> int:
    """Extend the lifetime of active SESSIONS, by id, name or pattern."""
    columns = ("id", "name", "expires")

    def renew() -> ResultDict[bool]:
        # The platform explains a refusal with an exception of Java: say it in plain words below.
        with progress("renewing") as bar, muted_log():
            return session.renew(selected.ids, progress=bar)

    def report(results: ResultDict[bool]) -> int:
        records = session.info([session_id for session_id, done in results.items() if done])
        for session_id, error in results.failures.items():
            if results.get(session_id) is False:
                vars(error)["subject"] = f"{selected.name(session_id)} ({session_id})"
                error.args = ("only a pending or running session can be renewed",)
        items = [{key: session_item(record)[key] for key in columns} for record in records]
        failures = selected.missing | results.failures | records.failures
        known = selected.known_items()
        return context.report(items, columns, failures=failures, failed_items=known)

    with context.session() as session:
        selected = select_sessions(session, sessions)
        return report_also_if_interrupted(renew, report)
