"""The command `skaha apps`: list the apps on desktops."""

from __future__ import annotations

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._selection import select_sessions
from skaha.cli._sessions import session_item


@command("apps")
@click.argument("desktops", nargs=-1, shell_complete=complete_session)
@click.pass_obj
def apps_command(context: CommandContext, desktops: tuple[str, ...]) -> int:
    """List the apps on all desktops, or on DESKTOPS, by id, name or pattern."""
    with context.session() as session:
        selected = select_sessions(session, desktops)
        records = session.apps()
    # The platform lists the apps of all desktops, and an app has the id of its desktop.
    items = [
        session_item(record) | {"app": record.get("appid")}
        for record in records
        if not desktops or record.get("id") in selected.records
    ]
    columns = ("app", "id", "status", "image")
    failures = selected.missing
    return context.report(items, columns, key="app", failures=failures, empty="No apps.")
