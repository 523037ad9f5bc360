"""The wire's objects and tables, made from sessions and events."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from skaha.local._machine import GIB
from skaha.local._session import Event, Session
from skaha.local._wire._platform import Platform

_EVENT_COLUMNS = ("TYPE", "REASON", "MESSAGE", "FIRST-TIME", "LAST-TIME")

PUBLIC = ("userid", "type", "status", "startTime")

_CONNECT = {
    "carta": "/session/carta/{id}/",
    "contributed": "/session/contrib/{id}/",
    "desktop": "/session/desktop/{id}/?password={id}&path=session/desktop/{id}/",
    "firefly": "/session/firefly/{id}/firefly/",
    "notebook": "/session/notebook/{id}/lab/tree/arc/home/{user}?token={secret}",
}


def pretty(value: object) -> Response:
    """Return JSON as the server's library prints it."""
    body = json.dumps(value, indent=2, ensure_ascii=False)
    return Response(body, media_type="application/json")


def compact(value: object) -> Response:
    """Return JSON on one line."""
    body = json.dumps(value, separators=(",", ":"))
    return Response(body, media_type="application/json")


def session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session as its owner sees it; what is unknown is left out."""
    fields = {
        "id": session.id,
        "userid": platform.user,
        "runAsUID": str(platform.uid),
        "runAsGID": str(platform.gid),
        "supplementalGroups": platform.groups,
        "appid": session.appid or None,
        "image": session.image,
        "type": session.kind,
        "status": platform.status(session),
        "name": session.name,
        **times(session),
        "connectURL": connect_url(platform, session),
        **_requests(session),
        "requestedGPUCores": "0",
        "isFixedResources": session.fixed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def event_table(events: Iterable[Event]) -> str:
    """Return events as a table, or the word for none."""
    rows = [(e.type, e.reason, _line(e.message), *[_event_time(e)] * 2) for e in events]
    if not rows:
        return "<none>\n"
    rows = [_EVENT_COLUMNS, *rows]
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    lines = [
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def gigabytes(gib: float, digits: int = 2) -> str:
    """Return GiB as decimal gigabytes, without a unit."""
    return f"{gib * GIB / 10**9:.{digits}f}"


def times(session: Session) -> dict[str, str]:
    """Return start and expiry of a session that has left the queue."""
    if session.started is None:
        return {}
    started = datetime.fromtimestamp(int(session.started), UTC)
    expiry = datetime.fromtimestamp(int(session.started + session.lifetime), UTC)
    # The server prints the start with a class that leaves out seconds of zero.
    form = "%Y-%m-%dT%H:%M:%SZ" if started.second else "%Y-%m-%dT%H:%MZ"
    return {
        "startTime": started.strftime(form),
        "expiryTime": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _requests(session: Session) -> dict[str, str]:
    # The server shows what a session has requested only when it can get no more.
    if not session.fixed:
        return {}
    cores = session.cores
    whole = f"{cores:.0f}" if cores == int(cores) else f"{cores:.3f}"
    return {"requestedRAM": gigabytes(session.ram), "requestedCPUCores": whole}


def connect_url(platform: Platform, session: Session) -> str:
    """Return where an interactive session is used, nothing for others."""
    path = _CONNECT.get(session.kind)
    if path is not None and platform.profile.old and session.kind == "carta":
        path = path.replace("carta/", "carta/http/")
    if path is None:
        return ""
    secret = platform.runtime.secret(session)
    return f"http://{platform.host}{path.format(id=session.id, user=platform.user, secret=secret)}"


def _event_time(event: Event) -> str:
    if event.at is None:
        return "<nil>"
    return datetime.fromtimestamp(int(event.at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(message: str) -> str:
    return " ".join(message.splitlines())
