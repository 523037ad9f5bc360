"""Sessions as items, and which of them a word means."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, Self

import click

from skaha.cli._codes import NOT_FOUND, NoSuchSessionError, code_of
from skaha.cli._notes import hushed, note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from skaha.cli._output import Item
    from skaha.session import Session

_WILD = frozenset("*?[")
KINDS = ("headless", "notebook", "desktop", "carta", "contributed", "firefly", "desktop-app")
STATUSES = ("Pending", "Running", "Terminating", "Completed", "Succeeded", "Failed", "Error")


def item(record: Mapping[str, Any]) -> Item:
    """Return a session in this program's own words, the same for every platform."""
    from skaha import records

    return {
        "id": record.get("id"),
        "name": records.known(record.get("name")),
        "kind": record.get("type"),
        "status": _status(record),
        "image": records.known(record.get("image")),
        "cores": records.cores(record),
        "ram_gib": _gib(records.ram_bytes(record)),
        "gpus": _whole(records.known(record.get("requestedGPUCores"))),
        "started": stamp(records.start_time(record)),
        "expires": stamp(records.expiry_time(record)),
        "url": records.known(record.get("connectURL")),
        "user": records.known(record.get("userid")),
    }


def _status(record: Mapping[str, Any]) -> Any:
    from skaha import records

    return "Completed" if records.succeeded(record) else records.known(record.get("status"))


def _gib(number: int | None) -> float | None:
    return None if number is None else round(number / 2**30, 1)


def _whole(text: Any) -> int | None:
    return int(text) if str(text).isdecimal() else None


def stamp(moment: datetime | None) -> str | None:
    """Return a time as items have it: ISO 8601, in UTC."""
    from datetime import UTC

    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def natural(one: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """Return what sorts the name `a-2` before `a-10`."""
    parts = str(one.get("name") or "").split("-")
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def left(one: Item) -> str | None:
    """Return how long a session may still live, for people."""
    from datetime import UTC, datetime

    if one["expires"] is None or one["status"] not in ("Pending", "Running"):
        return None
    seconds = (datetime.fromisoformat(one["expires"]) - datetime.now(UTC)).total_seconds()
    hours, minutes = divmod(max(0, int(seconds // 60)), 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if days else f"{hours}h {minutes}m" if hours else f"{minutes}m"


class Found:
    """The sessions that words mean, by id, and the words that mean none."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.records: dict[str, Mapping[str, Any]] = {}
        self.missing: dict[str, Exception] = {}

    @classmethod
    def of(cls, names: Mapping[str, str]) -> Self:
        """Return the sessions of a launch, from the ids by name."""
        found = cls()
        found.records = {one: {"id": one, "name": name} for name, one in names.items()}
        return found

    @property
    def ids(self) -> list[str]:
        """Their ids, each once, in the order asked for."""
        return list(self.records)

    def name(self, session_id: str) -> str:
        """Return the name of one of them."""
        return str(self.records[session_id].get("name", ""))

    def key(self, session_id: str) -> Item:
        """Return what tells a session in any item: its id and its name."""
        return {"id": session_id, "name": self.name(session_id)}


def find(session: Session, words: Sequence[str], *, patterns: bool = True) -> Found:
    """Look up ids, names and, if they may be, patterns of names.

    Raises:
        click.UsageError: If a name is that of several sessions.
    """
    found = Found()
    listed = session.fetch() if words else []
    for word in words:
        meant = _meant(listed, word, patterns=patterns) or _unlisted(session, word)
        if not meant:
            found.missing[word] = NoSuchSessionError(f"there is no session {word}")
        for one in meant:
            found.records[str(one["id"])] = one
    return found


def _meant(
    listed: Iterable[Mapping[str, Any]], word: str, *, patterns: bool
) -> list[Mapping[str, Any]]:
    usable = [one for one in listed if isinstance(one.get("id"), str)]
    if by_id := [one for one in usable if one["id"] == word]:
        return by_id
    if _WILD & set(word):
        if not patterns:
            raise click.UsageError(f"{word!r} is a pattern: prune takes the beginning of names")
        pattern = word.lower()
        matching = [one for one in usable if fnmatch.fnmatchcase(str(one.get("name")), pattern)]
        return sorted(matching, key=natural)
    named = [one for one in usable if one.get("name") == word.lower()]
    if len(named) > 1:
        ids = ", ".join(str(one["id"]) for one in named)
        raise click.UsageError(f"several sessions are called {word}: give one of the ids {ids}")
    return named


def _unlisted(session: Session, word: str) -> list[Mapping[str, Any]]:
    """Ask for a session by itself: a new one may not be listed yet."""
    if not (word.isascii() and word.isalnum()):
        return []
    with hushed():
        found = session.info(word)
    for error in found.failures.values():
        if code_of(error) != NOT_FOUND:
            note(str(error), "error")
    return [one for one in found if one.get("id") == word]
