"""The command `skaha ps`: list sessions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._selection import find_sessions, missing_session, refuse_filters
from skaha.cli._sessions import (
    KINDS,
    STATUSES,
    age,
    choice,
    natural_order,
    session_item,
    time_left,
)
from skaha.cli._stderr import note
from skaha.cli._watch import interval_option, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skaha.cli._stdout import Column, Item
    from skaha.session import Session

_COLUMNS: tuple[Column, ...] = (
    "id",
    "name",
    "kind",
    "status",
    ("age", age),
    ("left", time_left),
    "cores",
    "ram_gib",
    "gpus",
    "image",
)
_WIDE_COLUMNS = (*_COLUMNS[:-1], "started", "expires", "image")
_PUBLIC_COLUMNS = ("user", "kind", "status", "started")
_EMPTY = "No sessions."


def _number_of(key: str) -> Callable[[Item], float | None]:
    return lambda item: item[key]


def _age(item: Item) -> float | None:
    return item["started"] and -datetime.fromisoformat(item["started"]).timestamp()


def _left(item: Item) -> float | None:
    # The column shows no time for a session that has ended.
    return datetime.fromisoformat(item["expires"]).timestamp() if time_left(item) else None


def _text_of(key: str) -> Callable[[Item], str | None]:
    return lambda item: item[key] and str(item[key])


# The value of an item that `--sort` compares; the smallest is first.
_SORT_KEYS: dict[str, Callable[[Item], Any]] = {
    "name": natural_order,
    "id": _text_of("id"),
    "kind": _text_of("kind"),
    "status": _text_of("status"),
    "age": _age,
    "left": _left,
    "cores": _number_of("cores"),
    "ram": _number_of("ram_gib"),
    "gpus": _number_of("gpus"),
    "image": _text_of("image"),
}


@command("ps")
@click.argument("sessions", nargs=-1, shell_complete=complete_session)
@click.option(
    "-k", "--kind", multiple=True, type=choice(KINDS), help="Only this kind; may be repeated."
)
@click.option(
    "-s",
    "--status",
    multiple=True,
    type=choice(STATUSES),
    help="Only this status; may be repeated.",
)
@click.option("--everyone", is_flag=True, help="Sessions of all users, public fields only.")
@click.option(
    "--sort",
    type=click.Choice(list(_SORT_KEYS)),
    help="Column that determines the order. Default: name.",
)
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N sessions.")
@click.option(
    "-w", "--watch", "is_watch", is_flag=True, help="Show the list again and again, until Ctrl-C."
)
@interval_option("Seconds between two looks of --watch.")
@click.option("-q", "--quiet", is_flag=True, help="Only ids; the same as --output name.")
@click.option("-a", "--all", is_flag=True, help="Sessions of any status, as without this option.")
@click.pass_obj
def ps_command(context: CommandContext, /, sessions: tuple[str, ...], **options: Any) -> int:
    """List all sessions, or SESSIONS: ids, beginnings of names, or patterns of whole names."""
    refuse_filters("skaha ps", sessions)
    if sessions and options["everyone"]:
        raise click.UsageError("--everyone shows no names: leave SESSIONS or --everyone out")
    if options["quiet"]:
        if context.output.format not in (None, "name"):
            raise click.UsageError("-q is the same as --output name: leave -q or --output out")
        context.output.format = "name"
    columns = _columns(context, options)
    if options["is_watch"]:
        with context.session(retry=False) as session:

            def look() -> str:
                items, _ = _listed(session, sessions, options)
                return context.output.table(items[: options["limit"]], columns) or f"{_EMPTY}\n"

            return watch(context.output, look, options["interval"])
    with context.session() as session:
        items, missing = _listed(session, sessions, options)
    shown = items[: options["limit"]]
    if len(shown) < len(items) and context.output.is_for_reader:
        note(f"the first {len(shown)} of {len(items)} sessions")
    return context.report(
        shown,
        columns,
        failures=missing,
        failed_items={word: {"id": word, "name": None, "status": None} for word in missing},
        any_done=bool(items),
        empty=_EMPTY,
    )


def _columns(context: CommandContext, options: dict[str, Any]) -> Sequence[Column]:
    if options["everyone"]:
        return _PUBLIC_COLUMNS
    return _WIDE_COLUMNS if context.output.format == "wide" else _COLUMNS


def _listed(
    session: Session, words: Sequence[str], options: dict[str, Any]
) -> tuple[list[Item], dict[str, Exception]]:
    """Return the sessions in order, and the error of each word that selects no session."""
    kinds, statuses = options["kind"] or None, options["status"] or None
    view: Any = "all" if options["everyone"] else None
    listed = session.fetch(kinds, statuses, view=view)
    chosen: list[Mapping[str, Any]] = [] if words else [*listed]
    missing = []
    for word in words:
        matching = find_sessions(listed, word, by_beginning=True)
        chosen += [record for record in matching if record not in chosen]
        if not matching:
            missing.append(word)
    if missing and (kinds or statuses):
        # The filters may exclude all sessions that a word selects: that is not an error.
        everything = session.fetch()
        missing = [
            word for word in missing if not find_sessions(everything, word, by_beginning=True)
        ]
    items = [session_item(record) for record in chosen]
    items.sort(key=lambda item: (str(item["user"]), natural_order(item)))
    errors = {word: missing_session(word) for word in missing}
    return _in_order(items, options["sort"], reverse=options["reverse"]), errors


def _in_order(items: list[Item], sort: str | None, *, reverse: bool) -> list[Item]:
    """Sort items; those without a value are last."""
    if sort is not None:
        key = _SORT_KEYS[sort]
        known = sorted((item for item in items if key(item) is not None), key=key, reverse=reverse)
        return known + [item for item in items if key(item) is None]
    return items[::-1] if reverse else items
