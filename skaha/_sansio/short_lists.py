"""Short lists of names and ids, for messages about many items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

# Names in one message.
_MAX_NAMED = 10


def short_list(names: Sequence[str]) -> str:
    """Return the first names, and the number of the others."""
    more = f" and {len(names) - _MAX_NAMED:,} more" if len(names) > _MAX_NAMED else ""
    # An id from a list of the platform may contain anything.
    return printable(", ".join(names[:_MAX_NAMED])) + more


def sessions_listed(ids: Sequence[str]) -> str:
    """Return the noun and the ids of sessions, such as `session a1` or `sessions a1, b2`."""
    return f"session{'s' if len(ids) > 1 else ''} {short_list(ids)}"
