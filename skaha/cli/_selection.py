"""Selection of sessions by id, name or pattern: one rule for all commands."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

import click

from skaha import records
from skaha.cli._exit_codes import NOT_FOUND, exit_code
from skaha.cli._sessions import KINDS, STATUSES, natural_order, session_item, status_of
from skaha.cli._stderr import error_text, muted_log, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from skaha.cli._stdout import Item
    from skaha.session import Session

_WILDCARDS = frozenset("*?[")
_NEVER_IN_A_NAME = re.compile(r"[^A-Za-z0-9*?\[\]!-]")


class SelectedSessions:
    """The sessions that a command works on, by id."""

    def __init__(self, sessions: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Start with the records of sessions, by id."""
        self.records = dict(sessions or {})
        # The words that select no session, and the error of each.
        self.missing: dict[str, Exception] = {}
        # Whether a word selects several sessions.
        self.is_bulk = False

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

    def known_items(self) -> dict[str, Item]:
        """Return the known fields of the items that may fail, by id or by word."""
        unknown = {"name": None, "status": None}
        items: dict[str, Item] = {word: {"id": word} | unknown for word in self.missing}
        for session_id, record in self.records.items():
            items[session_id] = self.key(session_id) | {"status": status_of(record)}
        return items

    def items(self) -> list[Item]:
        """Return all fields of the sessions."""
        return [session_item(record) for record in self.records.values()]

    def add(self, word: str, matching: Sequence[Mapping[str, Any]]) -> None:
        """Add the sessions that a word selects, or note that there are none."""
        if not matching:
            self.missing[word] = missing_session(word)
        self.is_bulk = self.is_bulk or len(matching) > 1
        for record in matching:
            self.records[str(record["id"])] = record


def missing_session(word: str) -> Exception:
    """Return the error of a word that selects no session."""
    from skaha.errors import NoSuchSessionError

    hint = (
        ": names consist of letters, digits and '-', and in a pattern '*' stands for any of them"
        if _NEVER_IN_A_NAME.search(word)
        else ""
    )
    return NoSuchSessionError(f"there is no session {word}{hint}")


def select_sessions(session: Session, words: Sequence[str]) -> SelectedSessions:
    """Select sessions by id, name, given name or pattern.

    Raises:
        click.UsageError: If a word is empty, or several sessions share a name.
    """
    selected = SelectedSessions()
    # An app has the id of its desktop: a command would work on the desktop instead.
    listed = records.sessions(session.fetch()) if words else []
    for word in words:
        matching = find_sessions(listed, word)
        if len(matching) > 1 and _is_one_name(matching, word):
            raise click.UsageError(
                f"several sessions have the name {word}: use one of the ids "
                + ", ".join(f"{record['id']} ({record.get('status')})" for record in matching)
            )
        selected.add(word, matching or _unlisted(session, word))
    return selected


def find_sessions(
    listed: Iterable[Mapping[str, Any]], word: str, *, by_beginning: bool = False
) -> list[Mapping[str, Any]]:
    """Return the sessions that a word selects.

    A word is the id of a session, or else its name, or else its name without the number of the
    replica, or else a pattern of names. The first rule that finds sessions counts.

    Args:
        listed: The records of the sessions.
        word: A word of the command line.
        by_beginning: Whether a word that is not a pattern also selects all names that begin with
            it.

    Raises:
        click.UsageError: If the word is empty.
    """
    if not word.strip():
        raise click.UsageError("an empty text selects no session: give an id, a name or a pattern")
    usable = [record for record in listed if isinstance(record.get("id"), str)]
    # The platform stores names in lower case.
    name = word.lower()
    given_name = re.compile(rf"{re.escape(name)}-[0-9]+")
    rules: list[Callable[[str], Any]] = [
        name.__eq__,
        given_name.fullmatch,
        lambda other: fnmatch.fnmatchcase(other, name),
    ]
    if by_beginning and not _WILDCARDS & set(word):
        rules = [lambda other: other.startswith(name)]
    if with_id := [record for record in usable if record["id"] == word]:
        return with_id
    named = [record for record in usable if records.session_name(record)]
    for rule in rules:
        if matching := [record for record in named if rule(records.session_name(record))]:
            return sorted(matching, key=natural_order)
    return []


def _is_one_name(matching: Iterable[Mapping[str, Any]], word: str) -> bool:
    return {records.session_name(record) for record in matching} == {word.lower()}


def _unlisted(session: Session, word: str) -> list[Mapping[str, Any]]:
    """Look up a session by its id: a new session may not be in the list yet."""
    if not (word.isascii() and word.isalnum()):
        return []
    with muted_log():
        sessions = session.info(word)
    for error in sessions.failures.values():
        if exit_code(error) != NOT_FOUND:
            note(error_text(error), "error")
    return [record for record in sessions if record.get("id") == word]


def refuse_filters(command: str, words: Sequence[str]) -> None:
    """Raise if a word is a kind or a status: older clients have them as positional words.

    Args:
        command: The beginning of the right command line.
        words: The words that select sessions.

    Raises:
        click.UsageError: If a word is one; the message shows the right form.
    """
    options = {kind.lower(): f"--kind {kind}" for kind in KINDS}
    options |= {status.lower(): f"--status {status}" for status in STATUSES}
    filters = [word for word in words if word.lower() in options]
    if not filters:
        return
    names = [word for word in words if word not in filters]
    form = " ".join([command, *names, *(options[word.lower()] for word in filters)])
    what = "a kind" if options[filters[0].lower()].startswith("--kind") else "a status"
    raise click.UsageError(
        f"{filters[0]!r} is {what}, and no name: write `{form}`, or {filters[0].lower() + '*'!r} "
        "for the names that begin with it"
    )
