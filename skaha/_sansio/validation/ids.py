"""Validation of the ids of sessions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from skaha.errors import InvalidInputError
from skaha.models import plain_text
from skaha.records import record_id, session_name

_ID = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"


def is_id(value: object) -> bool:
    """Return whether a value can be the id of a session."""
    return isinstance(value, str) and re.fullmatch(_ID, value) is not None


def check_ids(ids: object) -> list[str]:
    """Return the distinct ids in one id or several, in the order of `ids`.

    Raises:
        InvalidInputError: If a value cannot be an id, or `ids` is neither a text nor several texts.
    """
    if isinstance(ids, str):
        ids = [ids]
    # A table of pandas is a series of the names of its columns.
    is_table = hasattr(ids, "columns")
    if isinstance(ids, bytes) or not isinstance(ids, Iterable) or is_table:
        advice = ": give its column of ids, such as table['id']" if is_table else ""
        raise InvalidInputError(
            f"ids must be one id or a list of ids, not {type(ids).__name__}{advice}"
        )
    ids = list(ids)
    for session_id in ids:
        # The message never shows a record: its address gives access to the session.
        if isinstance(session_id, Mapping):
            raise InvalidInputError("a record is not a session id: give the 'id' of each record")
        if not is_id(session_id):
            has_blanks = isinstance(session_id, str) and is_id(session_id.strip())
            advice = "; remove the white space around it" if has_blanks else ""
            raise InvalidInputError(
                f"{session_id!r} cannot be a session id: letters, digits, '-', '_' and '.' only, "
                f"beginning and ending with a letter or digit{advice}"
            )
    return list(dict.fromkeys(map(plain_text, ids)))


def possible_names(ids: Iterable[str]) -> list[str]:
    """Return the ids that have a `-`, as the name of each replica has and no id of the platform."""
    return [session_id for session_id in ids if "-" in session_id]


def check_not_names(ids: Iterable[str], records: Iterable[Mapping[str, Any]]) -> None:
    """Raise if an id is the name of a listed session.

    Raises:
        InvalidInputError: If it is a name. The message has the id of the session.
    """
    ids_by_name = {session_name(record): record_id(record) for record in records}
    for name in ids:
        if session_id := ids_by_name.get(name.lower()):
            raise InvalidInputError(
                f"{name!r} is the name of a session: give its id, {session_id!r}"
            )


def check_id(session_id: object) -> str:
    """Return a value that can be the id of a session or of an app.

    Raises:
        InvalidInputError: If it cannot be an id.
    """
    return check_ids([session_id])[0]


def check_launched_ids(launched: Iterable[str], ids: object) -> frozenset[str]:
    """Return ids, each of which must be among the launched ids."""
    checked = frozenset(check_ids(ids))
    if unknown := checked.difference(launched):
        raise InvalidInputError(f"not among the launched ids: {', '.join(sorted(unknown))}")
    return checked
