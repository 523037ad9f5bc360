"""Validation of kinds, statuses and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from skaha.errors import InvalidInputError
from skaha.models import KINDS, STATUS, VIEW, plain_text
from skaha.records import APP, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterable

_OTHER_FILTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kind": ("status", get_args(STATUS)),
    "status": ("kind", get_args(KINDS)),
}


def check_kinds(kind: object) -> frozenset[str] | None:
    """Return the kinds in `kind`; `None` means any kind."""
    return _check_words("kind", kind, get_args(KINDS))


def check_statuses(status: object) -> frozenset[str] | None:
    """Return the statuses in `status`, with both words for success; `None` means any status."""
    statuses = _check_words("status", status, get_args(STATUS))
    return statuses | SUCCESS if statuses and statuses & SUCCESS else statuses


def check_one_kind(kind: object) -> str | None:
    """Return a kind; `None` means any kind."""
    return None if kind is None else _check_word("kind", kind, get_args(KINDS))


def check_view(view: object) -> None:
    """Raise if no platform has this view of the list; `None` is the plain list."""
    if view is not None:
        _check_word("view", view, get_args(VIEW))


def check_launch_kind(kind: object) -> str:
    """Return the kind of a session that can be launched."""
    return _check_word("kind", kind, set(get_args(KINDS)) - {APP})


def check_until(until: object) -> frozenset[str]:
    """Return the statuses that end a wait before the sessions end."""
    # The second place of other methods that wait is the time.
    if isinstance(until, int | float):
        raise InvalidInputError(
            f"until must be a word or several, not {until}: write timeout={until} for the seconds"
        )
    words = _check_words("until", until, ("finished", "running", *get_args(STATUS)))
    if not words:
        raise InvalidInputError("until must be 'finished', 'running', or at least one status")
    statuses = {"Running" if word == "running" else word for word in words} - {"finished"}
    return check_statuses(statuses) or frozenset()


def check_verbose(verbose: object) -> None:
    """Raise if a number of lines or another id is in the place of `verbose`."""
    if not isinstance(verbose, bool):
        advice = f": tail={verbose} reads the last lines" if isinstance(verbose, int) else ""
        raise InvalidInputError(f"verbose must be True or False; not {verbose!r}{advice}")


def _check_words(what: str, value: object, words: Iterable[str]) -> frozenset[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInputError(f"{what} must be a word or several, not {type(value).__name__}")
    return frozenset(_check_word(what, word, words) for word in value)


def _check_word(what: str, value: object, allowed: Iterable[str]) -> str:
    words = sorted(allowed)
    if not isinstance(value, str) or value not in words:
        # The two filters often change places.
        other, others = _OTHER_FILTERS.get(what, ("", ()))
        advice = f"; write {other}={value!r}" if value in others else ""
        raise InvalidInputError(
            f"unknown {what} {value!r}; it is one of {', '.join(words)}{advice}"
        )
    return plain_text(value)
