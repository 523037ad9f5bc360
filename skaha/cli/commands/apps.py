"""The command `skaha apps`: list the apps on desktops."""

from __future__ import annotations

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import select_sessions, session_item


@command("apps")
@click.argument("desktop", required=False, shell_complete=complete_session)
@click.pass_obj
def apps_command(context: CommandContext, desktop: str | None) -> int:
    """List the apps on all desktops, or on one DESKTOP, by id or name."""
    with context.session() as session:
        words = [] if desktop is None else [desktop]
        selected = select_sessions(session, words, patterns=False)
        records = session.apps(selected.ids[0] if selected.ids else None)
    # Without its desktop, the platform listed the apps of all desktops.
    apps = [] if selected.missing else records
    items = [session_item(record) | {"app": record.get("appid")} for record in apps]
    columns = ("app", "id", "status", "image")
    return context.report(items, columns, key="app", failures=selected.missing)
