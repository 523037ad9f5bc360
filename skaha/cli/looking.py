"""Commands that look at sessions: ps, info, events, apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha.cli._call import Call, command
from skaha.cli._completion import complete_session
from skaha.cli._sessions import KINDS, STATUSES, find, item, left, natural, stamp

if TYPE_CHECKING:
    from collections.abc import Collection

    from skaha.cli._output import Item
    from skaha.records import Event

_COLUMNS = ("id", "name", "kind", "status", "cores", "ram_gib", "gpus", ("left", left), "image")
_PUBLIC = ("user", "kind", "status", "started")


@command("ps")
@click.argument("prefixes", nargs=-1, metavar="[PREFIX]...")
@click.option("--kind", multiple=True, type=click.Choice(KINDS), help="Only this kind.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice(STATUSES, case_sensitive=False),
    help="Only this status.",
)
@click.option("--everyone", is_flag=True, help="Everybody's sessions, with what is public.")
@click.option("-q", "--quiet", is_flag=True, help="Only ids: short for --output name.")
@click.pass_obj
def ps_command(
    call: Call,
    prefixes: tuple[str, ...],
    kind: tuple[Any, ...],
    status: tuple[Any, ...],
    *,
    everyone: bool,
    quiet: bool,
) -> int:
    """List sessions, of any status; with a PREFIX, those whose names begin with it."""
    if quiet:
        call.output.wanted = "name"
    with call.session() as session:
        # The platform filters by one word each.
        one_kind = kind[0] if len(kind) == 1 else None
        one_status = status[0] if len(status) == 1 else None
        if everyone:
            records: Any = session.fetch(one_kind, one_status, view="all")
        else:
            records = session.fetch(one_kind, one_status)
    items = [item(record) for record in records]
    chosen = [one for one in items if _is_wanted(one, kind, status, prefixes)]
    chosen.sort(key=lambda one: (str(one["user"]), natural(one)))
    return call.report(chosen, _PUBLIC if everyone else _COLUMNS)


def _is_wanted(
    one: Item, kinds: Collection[str], statuses: Collection[str], prefixes: tuple[str, ...]
) -> bool:
    if kinds and one["kind"] not in kinds:
        return False
    if statuses and one["status"] not in {_modern(word) for word in statuses}:
        return False
    return not prefixes or str(one["name"] or "").startswith(
        # The platform stores names in lower case.
        tuple(prefix.lower() for prefix in prefixes)
    )


def _modern(status: str) -> str:
    return "Completed" if status == "Succeeded" else status


@command("info")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def info_command(call: Call, sessions: tuple[str, ...]) -> int:
    """Show all that is known of SESSIONS, by id or name."""
    with call.session() as session:
        found = find(session, sessions)
        records = session.info(found.ids)
    items = [item(record) | {"record": dict(record)} for record in records]
    failures = found.missing | records.failures
    if call.output.wanted in (None, "table"):
        rows = [
            {"session": one["id"], "field": field, "value": value}
            for one in items
            for field, value in one.items()
            if field != "record" and value is not None
        ]
        return call.report(rows, ("session", "field", "value"), failures=failures)
    return call.report(items, (), failures=failures)


@command("events")
@click.argument("sessions", nargs=-1, required=True, shell_complete=complete_session)
@click.pass_obj
def events_command(call: Call, sessions: tuple[str, ...]) -> int:
    """Show what the platform did for SESSIONS, by id or name."""
    with call.session() as session:
        found = find(session, sessions)
        events = session.parsed_events(found.ids)
    items = [
        found.key(session_id) | _told(event)
        for session_id, several in events.items()
        for event in several
    ]
    columns = ("name", "type", "reason", "last", "message")
    failures = found.missing | events.failures
    return call.report(items, columns, failures=failures, any_done=bool(events))


def _told(event: Event) -> Item:
    return {
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "first": stamp(event.first_time),
        "last": stamp(event.last_time),
    }


@command("apps")
@click.argument("desktop", required=False, shell_complete=complete_session)
@click.pass_obj
def apps_command(call: Call, desktop: str | None) -> int:
    """List apps on desktops, or on one DESKTOP, by its id or name."""
    with call.session() as session:
        found = find(session, [] if desktop is None else [desktop], patterns=False)
        records = session.apps(found.ids[0] if found.ids else None)
    items = [item(one) | {"app": one.get("appid")} for one in records if not found.missing]
    columns = ("app", "id", "status", "image")
    return call.report(items, columns, key="app", failures=found.missing)
