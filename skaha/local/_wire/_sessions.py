"""The session resource: launch, list, read, renew and delete sessions and apps of desktops."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from skaha.local._session import Event, Phase, Session
from skaha.local._wire import _apps
from skaha.local._wire._launch import new_session
from skaha.local._wire._objects import event_table, pretty, session_object
from skaha.local._wire._refusal import InvalidError, NotFoundError, UnavailableError, text
from skaha.local._wire._servlet import Call
from skaha.local._wire._statistics import statistics

_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_BLOCK = 256 * 1024


async def read(call: Call) -> Response:
    """Answer a GET: the list, the statistics, a session, its logs or events, or apps."""
    match _segments(call.path):
        case []:
            return _list(call)
        case [session_id]:
            return _read(call, session_id)
        case [_, _]:
            return _apps.listed(call)
        case [session_id, _, appid]:
            return _apps.read(call, session_id, appid)
    raise InvalidError(f"Invalid request: {call.path}")


async def change(call: Call) -> Response:
    """Answer a POST: launch or renew a session, or attach an app to a desktop."""
    match _segments(call.path):
        case []:
            session = new_session(call)
            call.platform.scheduler.submit(session)
            return text(f"{session.id}\n")
        case [session_id]:
            return _renew(call, session_id)
        case [session_id, _]:
            return _apps.attach(call, session_id)
        case [_, _, _]:
            return _apps.change(call)
    raise InvalidError(f"Invalid request: {call.path}")


async def delete(call: Call) -> Response:
    """Answer a DELETE, whose success says nothing about what was there."""
    match _segments(call.path):
        case []:
            raise InvalidError("Cannot kill all sessions.")
        case [session_id]:
            _delete(call, session_id)
        case [_, _]:
            raise InvalidError("Missing app ID")
        case [session_id, _, appid]:
            _apps.delete(call, session_id, appid)
        case _:
            raise InvalidError(f"Invalid request: {call.path}")
    return Response()


def _segments(path: str | None) -> list[str]:
    """Split what follows the resource; a lone slash is a session with an empty id."""
    if path is None:
        return []
    parts = path.split("/")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _list(call: Call) -> Response:
    view = call.parameters.first("view")
    if view == "stats":
        if not call.platform.options.stats:
            raise UnavailableError
        return pretty(statistics(call.platform))
    sessions = call.platform.store.listed()
    kind, status = call.parameters.first("type"), call.parameters.first("status")
    if view is not None and view.lower() == "interactive":
        sessions = [session for session in sessions if session.kind != "headless"]
    elif kind is None:
        sessions = [session for session in sessions if not session.appid]
    else:
        sessions = [session for session in sessions if session.kind == kind.lower()]
    return _apps.arranged(call, sessions, status)


def _read(call: Call, session_id: str) -> Response:
    if not _LABEL.fullmatch(session_id):
        raise InvalidError("canfar.net/id label value must match Kubernetes label value syntax")
    session = call.platform.find(session_id)
    view = call.parameters.first("view")
    if view == "logs":
        return _logs(call, session)
    if session is None:
        # The two views are looked up in different places, which word it differently.
        raise NotFoundError(f"session {session_id} not found{'.' if view == 'events' else ''}")
    if view == "events":
        return text(event_table(_events(call, session)))
    return pretty(session_object(call.platform, session))


def _logs(call: Call, session: Session | None) -> Response:
    blocks = iter(()) if session is None else _blocks(call.platform.runtime.log(session))
    return StreamingResponse(blocks, headers={"content-type": "text/plain"})


def _blocks(log: Path) -> Iterator[bytes]:
    """Yield what the log holds now: one that grows faster than it is read would never end."""
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return
    with file:
        left = log.stat().st_size
        while left > 0 and (block := file.read(min(left, _BLOCK))):
            left -= len(block)
            yield block


def _events(call: Call, session: Session) -> list[Event]:
    platform = call.platform
    if platform.store.apps(session.id):
        # The server looks for one pod, and there are several.
        return []
    events = platform.store.events(session, time.time() - platform.options.events_kept)
    shortage = platform.scheduler.shortage(session) if session.phase is Phase.QUEUED else None
    if shortage is not None:
        events.append(Event("Warning", "FailedScheduling", shortage))
    return events


def _renew(call: Call, session_id: str) -> Response:
    action = call.parameters.first("action")
    if action is None:
        raise InvalidError("Cannot modify an existing session")
    if action.lower() != "renew":
        raise InvalidError("unrecognized action")
    platform = call.platform
    desktop = platform.store.get(session_id)
    jobs = [job for job in (desktop, *platform.store.apps(session_id)) if job and job.active]
    if not jobs:
        raise InvalidError(f"No active job for user {platform.user} with session {session_id}")
    for job in jobs:
        platform.scheduler.renew(job)
    return Response()


def _delete(call: Call, session_id: str) -> None:
    platform = call.platform
    for app in platform.store.apps(session_id):
        platform.scheduler.delete(app)
    session = platform.store.get(session_id)
    if session is not None:
        platform.scheduler.delete(session)
