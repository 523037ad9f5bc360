"""The command `skaha top`: show the cores and the memory that sessions use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha import records
from skaha.cli._completion import complete_session
from skaha.cli._context import CommandContext, command
from skaha.cli._selection import find_sessions, missing_session
from skaha.cli._sessions import age, natural_order, session_item
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
    ("age", age),
    "cores_in_use",
    "cores",
    "ram_gib_in_use",
    "ram_gib",
    "gpus",
)
_EMPTY = "No running sessions."
_NOT_REPORTED = "this platform does not report the cores and the memory that sessions use"


def _largest(key: str) -> Callable[[Item], Any]:
    return lambda item: -(item[key] or 0)


# The value of an item that `--sort` compares; the smallest is first.
_SORT_KEYS: dict[str, Callable[[Item], Any]] = {
    "cores": _largest("cores_in_use"),
    "ram": _largest("ram_gib_in_use"),
    "name": natural_order,
}


@command("top")
@click.argument("sessions", nargs=-1, shell_complete=complete_session)
@click.option(
    "--sort",
    type=click.Choice(list(_SORT_KEYS)),
    default="cores",
    show_default=True,
    help="Order: the most cores in use first, the most memory in use first, or by name.",
)
@click.option("--once", is_flag=True, help="Show the list once, as in a pipe.")
@interval_option("Seconds between two looks.")
@click.pass_obj
def top_command(
    context: CommandContext, sessions: tuple[str, ...], sort: str, interval: float, *, once: bool
) -> int:
    """Show the cores and the memory that running sessions use, live on a terminal.

    Without SESSIONS, the command shows all running sessions.
    """
    if once or not context.output.is_for_reader:
        with context.session() as session:
            items, missing = _listed(session, sessions, sort)
        if items and not _is_reported(items):
            note(_NOT_REPORTED)
        return context.report(items, _COLUMNS, failures=missing, empty=_EMPTY)
    with context.session(retry=False) as session:

        def look() -> str:
            items, missing = _listed(session, sessions, sort)
            lines = [context.output.table(items, _COLUMNS) or f"{_EMPTY}\n"]
            lines += [f"{error}\n" for error in missing.values()]
            lines += [f"{_NOT_REPORTED}\n"] if items and not _is_reported(items) else []
            return "".join(lines)

        return watch(context.output, look, interval)


def _listed(
    session: Session, words: Sequence[str], sort: str
) -> tuple[list[Item], dict[str, Exception]]:
    """Return the running sessions in order, and the error of each word that selects no session."""
    listed = records.sessions(session.fetch())
    matching = {word: find_sessions(listed, word) for word in words}
    chosen = {
        str(record["id"]): record
        for selected in (matching.values() if words else [listed])
        for record in selected
        if record.get("status") == "Running"
    }
    items = [_item(record) for record in chosen.values()]
    items.sort(key=natural_order)
    items.sort(key=_SORT_KEYS[sort])
    return items, {word: missing_session(word) for word in words if not matching[word]}


def _item(record: Mapping[str, Any]) -> Item:
    item = session_item(record)
    return {key: item[key] for key in ("id", "name", "kind", "status", "started")} | {
        "cores": item["cores"],
        "cores_in_use": records.cores_in_use(record),
        "ram_gib": item["ram_gib"],
        "ram_gib_in_use": _gib_in_use(record),
        "gpus": item["gpus"],
    }


def _gib_in_use(record: Mapping[str, Any]) -> float | None:
    """Return the memory in use in GiB, with the two decimals of the platform."""
    in_use = records.ram_bytes_in_use(record)
    return None if in_use is None else round(in_use / 2**30, 2)


def _is_reported(items: Sequence[Item]) -> bool:
    return any(
        item[key] is not None for item in items for key in ("cores_in_use", "ram_gib_in_use")
    )
