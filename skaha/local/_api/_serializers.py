"""Sessions, events, the context and the statistics as JSON and text, for either release."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from skaha.local._api import _v0, _v1
from skaha.local._api._platform import Platform
from skaha.local._api._responses import compact_json, pretty_json
from skaha.local._session import Event, Session

_EVENT_COLUMNS = ("TYPE", "REASON", "MESSAGE", "FIRST-TIME", "LAST-TIME")
_PUBLIC_FIELDS = ("userid", "type", "status", "startTime")


def session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session with all fields that its owner sees."""
    serialize = _v0.session_object if platform.profile.is_v0 else _v1.session_object
    return serialize(platform, session)


def public_session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session with the fields that all users see."""
    fields = session_object(platform, session)
    return {name: fields[name] for name in _PUBLIC_FIELDS if name in fields}


def context_response(platform: Platform) -> Response:
    """Return the defaults, limits and options of a session."""
    # The v0 server sends a file, which is indented.
    if platform.profile.is_v0:
        return pretty_json(_v0.context(platform))
    return compact_json(_v1.context(platform))


def statistics_response(platform: Platform) -> Response:
    """Return the load of the platform."""
    serialize = _v0.statistics if platform.profile.is_v0 else _v1.statistics
    return pretty_json(serialize(platform))


def event_table(events: Iterable[Event]) -> str:
    """Return events as a table; without events, the text is ``<none>``."""
    rows = [(e.type, e.reason, _one_line(e.message), *[_event_time(e)] * 2) for e in events]
    if not rows:
        return "<none>\n"
    rows = [_EVENT_COLUMNS, *rows]
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    lines = [
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _event_time(event: Event) -> str:
    if event.at is None:
        return "<nil>"
    return datetime.fromtimestamp(int(event.at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _one_line(message: str) -> str:
    return " ".join(message.splitlines())
