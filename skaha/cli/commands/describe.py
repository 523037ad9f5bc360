"""The command `skaha describe`: show a session, its events, and the end of its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command, note_failures
from skaha.cli._exit_codes import common_exit_code
from skaha.cli._selection import select_sessions
from skaha.cli._sessions import age, session_item, time_left
from skaha.cli._stderr import muted_log
from skaha.cli._table import format_cell, format_table
from skaha.cli.commands.events import event_item
from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skaha.cli._stdout import Item
    from skaha.records import Event

_EVENT_COLUMNS = ("type", "reason", "last", "message")
_INDENT = "  "


@command("describe")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.option(
    "-n",
    "--tail",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Number of last lines of the log.",
)
@click.pass_obj
def describe_command(context: CommandContext, sessions: tuple[str, ...], tail: int) -> int:
    """Show SESSIONS with their events, the end of their logs, and why they are pending."""
    with context.session() as session:
        selected = select_sessions(session, sessions)
        records = session.info(selected.ids)
        ids = [record["id"] for record in records]
        # A session without a container has no events: that is no error of this command.
        with muted_log():
            events = session.parsed_events(ids)
            logs = session.logs(ids, tail=tail)
    items = [
        session_item(record)
        | {"record": dict(record)}
        | _events_and_reason(record, events.get(record["id"], []), events.failures)
        | {"log": logs.get(record["id"])}
        for record in records
    ]
    failures = selected.missing | records.failures
    if context.output.is_data:
        return context.report(items, (), failures=failures, failed_items=selected.known_items())
    context.output.write("\n".join(map(_text, items)))
    note_failures(failures.values())
    return common_exit_code(failures.values(), any_done=bool(items))


def _events_and_reason(
    record: Mapping[str, Any], events: Sequence[Event], failures: Mapping[str, Exception]
) -> Item:
    reason = None
    if record.get("status") == "Pending":
        # The last warning says more than the usual steps.
        relevant = [event for event in events if event.type == "Warning"] or list(events)
        if relevant:
            reason = f"{relevant[-1].reason}: {relevant[-1].message}"
        elif record["id"] in failures:
            reason = "it waits in a queue or has not started yet"
        else:
            reason = "the platform does not say why"
    return {"pending_reason": reason, "events": [event_item(event) for event in events]}


def _text(item: Item) -> str:
    """Return a session for a person: fields, events, and the end of the log."""
    fields = {
        name.replace("_", " "): value
        for name, value in item.items()
        if name not in ("record", "events", "log") and value is not None
    }
    fields |= {"age": age(item), "left": time_left(item)}
    width = max(map(len, fields))
    lines = [
        f"{name + ':':{width + 2}}{format_cell(value)}"
        for name, value in fields.items()
        if value is not None
    ]
    rows = [[format_cell(event[column]) for column in _EVENT_COLUMNS] for event in item["events"]]
    headings = [column.upper() for column in _EVENT_COLUMNS]
    # Messages are not cut: they may contain the reason of a failure.
    table = format_table(headings, rows, None, colour=False).splitlines() if rows else ["none"]
    lines += ["events:", *(_INDENT + row for row in table)]
    log = printable(item["log"] or "", keep="\n\t").splitlines()
    lines += ["end of the log:", *(_INDENT + line for line in log or ["empty"])]
    return "\n".join([*lines, ""])
