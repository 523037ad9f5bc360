"""The command `skaha info`: show all fields of sessions."""

from __future__ import annotations

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._selection import select_sessions
from skaha.cli._sessions import session_item


@command("info")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def info_command(context: CommandContext, sessions: tuple[str, ...]) -> int:
    """Show all known fields of SESSIONS, by id, name or pattern."""
    with context.session() as session:
        selected = select_sessions(session, sessions)
        records = session.info(selected.ids)
    items = [session_item(record) | {"record": dict(record)} for record in records]
    failures = selected.missing | records.failures
    if context.output.is_data:
        return context.report(items, (), failures=failures, failed_items=selected.known_items())
    rows = [
        {"session": item["id"], "field": field, "value": value}
        for item in items
        for field, value in item.items()
        if field != "record" and value is not None
    ]
    return context.report(rows, ("session", "field", "value"), failures=failures)
