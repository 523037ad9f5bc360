"""The command `skaha events`: show the platform's events of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._selection import select_sessions
from skaha.cli._sessions import utc_text

if TYPE_CHECKING:
    from skaha.cli._stdout import Item
    from skaha.records import Event


@command("events")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def events_command(context: CommandContext, sessions: tuple[str, ...]) -> int:
    """Show the platform's events of SESSIONS, by id, name or pattern."""
    with context.session() as session:
        selected = select_sessions(session, sessions)
        events = session.parsed_events(selected.ids)
    items = [
        selected.key(session_id) | event_item(event)
        for session_id, session_events in events.items()
        for event in session_events
    ]
    columns = ("name", "type", "reason", "last", "message")
    failures = selected.missing | events.failures
    return context.report(
        items,
        columns,
        failures=failures,
        failed_items=selected.known_items(),
        any_done=bool(events),
        empty="No events.",
    )


def event_item(event: Event) -> Item:
    """Return the fields of an event."""
    return {
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "first": utc_text(event.first_time),
        "last": utc_text(event.last_time),
    }
