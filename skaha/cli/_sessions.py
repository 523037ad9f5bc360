"""Sessions as items of the output, and the selection of sessions by id, name or pattern."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, get_args

import click

from skaha import models, records
from skaha.cli._exit_codes import NOT_FOUND, exit_code
from skaha.cli._stderr import muted_log, note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from skaha.cli._stdout import Item
    from skaha.session import Session

_MAX_DIGITS = 18
_WILDCARDS = frozenset("*?[")
KINDS: tuple[str, ...] = get_args(models.KINDS)
STATUSES: tuple[str, ...] = get_args(models.STATUS)


def choice(words: Iterable[str]) -> click.Choice[str]:
    """Return the type of an option with these words. Capital letters do not matter."""
    return click.Choice(list(words), case_sensitive=False)


def session_item(record: Mapping[str, Any]) -> Item:
    """Return a session as an item: the same keys and units for every platform."""
    return {
        "id": record.get("id"),
        "name": records.known(record.get("name")),
        "kind": record.get("type"),
        "status": _status(record),
        "image": records.known(record.get("image")),
        "cores": records.cores(record),
        "ram_gib": _gib(records.ram_bytes(record)),
        "gpus": whole_number(records.known(record.get("requestedGPUCores"))),
        "started": utc_text(records.start_time(record)),
        "expires": utc_text(records.expiry_time(record)),
        "url": records.known(record.get("connectURL")),
        "user": records.known(record.get("userid")),
    }


def _status(record: Mapping[str, Any]) -> Any:
    status = records.known(record.get("status"))
    return records.canonical_status(status) if isinstance(status, str) else status


def _gib(number: int | None) -> float | None:
    return None if number is None else round(number / 2**30, 1)


def whole_number(value: Any) -> int | None:
    """Return a whole number or its digits as a number; `None` for any other value."""
    text = str(value)
    # Python does not convert thousands of digits.
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else None


def utc_text(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601 and UTC, as all items contain it."""
    from datetime import UTC

    if moment is None:
        return None
    # Not `strftime`: it writes years below 1000 without leading zeros.
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def natural_order(session: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """Return a sort key that puts the name `a-2` before `a-10`."""
    parts = str(session.get("name") or "").split("-")
    # Python does not convert thousands of digits, but more digits are a larger number.
    return [
        (0, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (1, 0, part)
        for part in parts
    ]


def time_left(item: Item) -> str | None:
    """Return the time until a session expires, for a table."""
    from datetime import UTC, datetime

    if item["expires"] is None or item["status"] not in ("Pending", "Running"):
        return None
    seconds = (datetime.fromisoformat(item["expires"]) - datetime.now(UTC)).total_seconds()
    hours, minutes = divmod(max(0, int(seconds // 60)), 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if days else f"{hours}h {minutes}m" if hours else f"{minutes}m"


class SelectedSessions:
    """The sessions that a command works on, by id."""

    def __init__(self, sessions: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Start with the records of sessions, by id."""
        self.records = dict(sessions or {})
        # The words that select no session, and the error of each.
        self.missing: dict[str, Exception] = {}

    @property
    def ids(self) -> list[str]:
        """The ids, in the order of the command line."""
        return list(self.records)

    def name(self, session_id: str) -> str:
        """Return the name of a selected session."""
        return records.session_name(self.records[session_id])

    def key(self, session_id: str) -> Item:
        """Return the fields that identify a session in every item: its id and its name."""
        return {"id": session_id, "name": self.name(session_id)}


def select_sessions(
    session: Session, words: Sequence[str], *, patterns: bool = True
) -> SelectedSessions:
    """Select sessions by id or name, or by a pattern of names if `patterns` allows it.

    Raises:
        click.UsageError: If several sessions share a name, or a pattern is not allowed.
    """
    from skaha.errors import NoSuchSessionError

    selected = SelectedSessions()
    # An app has the id of its desktop: a command would work on the desktop instead.
    listed = records.sessions(session.fetch()) if words else []
    for word in words:
        matches = _matches(listed, word, patterns=patterns) or _unlisted(session, word)
        if not matches:
            selected.missing[word] = NoSuchSessionError(f"there is no session {word}")
        for record in matches:
            selected.records[str(record["id"])] = record
    return selected


def _matches(
    listed: Iterable[Mapping[str, Any]], word: str, *, patterns: bool
) -> list[Mapping[str, Any]]:
    usable = [record for record in listed if isinstance(record.get("id"), str)]
    if with_id := [record for record in usable if record["id"] == word]:
        return with_id
    # The platform stores names in lower case.
    name = word.lower()
    if _WILDCARDS & set(word):
        if not patterns:
            raise click.UsageError(
                f"{word!r} is a pattern: use `skaha prune`, which takes the beginning of names"
            )
        matches = [
            record for record in usable if fnmatch.fnmatchcase(records.session_name(record), name)
        ]
        return sorted(matches, key=natural_order)
    with_name = [record for record in usable if record.get("name") == name]
    if len(with_name) > 1:
        ids = ", ".join(str(record["id"]) for record in with_name)
        raise click.UsageError(f"several sessions have the name {word}: use one of the ids {ids}")
    return with_name


def _unlisted(session: Session, word: str) -> list[Mapping[str, Any]]:
    """Look up a session by its id: a new session may not be in the list yet."""
    if not (word.isascii() and word.isalnum()):
        return []
    with muted_log():
        sessions = session.info(word)
    for error in sessions.failures.values():
        if exit_code(error) != NOT_FOUND:
            note(str(error), "error")
    return [record for record in sessions if record.get("id") == word]
