"""The session resource: launch, list, read, renew and delete sessions and apps of desktops."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from skaha.local._session import Event, Phase, Session
from skaha.local._wire import _apps, _shapes
from skaha.local._wire._launch import NOT_CREATED, job_refusal, new_session
from skaha.local._wire._objects import event_table, pretty
from skaha.local._wire._refusal import (
    BrokenError,
    InvalidError,
    NotFoundError,
    RefusalError,
    UnavailableError,
    text,
)
from skaha.local._wire._servlet import Call

_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_BLOCK = 256 * 1024
_TRICKLE_SECONDS = 0.05


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
            return await _create(call)
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


async def _create(call: Call) -> Response:
    session = new_session(call)
    switches, faults = call.platform.switches, call.platform.switches.faults
    number = switches.count("create")
    if faults.create_delay:
        await asyncio.sleep(faults.create_delay)
    if objection := call.platform.runtime.objection(session.kind):
        raise InvalidError(objection)
    refusal = job_refusal(session)
    if refusal is None and number in faults.refused_creates:
        refusal = NOT_CREATED
    # The older server does not notice, as nobody waits for a batch job to be there.
    phantom = refusal and call.platform.profile.old and session.kind == "headless"
    if refusal and not phantom:
        raise BrokenError(refusal)
    if not refusal and number not in faults.phantom_creates:
        call.platform.scheduler.submit(session)
    return text(f"{session.id}\n")


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
        return _statistics(call)
    sessions = call.platform.store.listed()
    kind, status = call.parameters.first("type"), call.parameters.first("status")
    old = call.platform.profile.old
    if view is not None and view.lower() == "interactive" and not old:
        sessions = [session for session in sessions if session.kind != "headless"]
    elif kind is None:
        sessions = [session for session in sessions if old or not session.appid]
    else:
        sessions = [session for session in sessions if session.kind == kind.lower()]
    return _apps.arranged(call, sessions, status)


def _statistics(call: Call) -> Response:
    platform = call.platform
    if platform.options.stats:
        return _shapes.statistics(platform)
    if platform.profile.old:
        raise BrokenError("java.lang.RuntimeException: failed to gather resource statistics")
    raise UnavailableError(call.path)


def _read(call: Call, session_id: str) -> Response:
    if not _LABEL.fullmatch(session_id):
        raise _malformed(call)
    session = call.platform.find(session_id)
    view = call.parameters.first("view")
    if view == "logs":
        return _logs(call, session)
    if session is None:
        # The two views are looked up in different places, which word it differently.
        raise NotFoundError(f"session {session_id} not found{'.' if view == 'events' else ''}")
    if view == "events":
        return text(event_table(_events(call, session)))
    return pretty(_shapes.session_object(call.platform, session))


def _malformed(call: Call) -> RefusalError:
    if call.platform.profile.old:
        return BrokenError("java.io.IOException: kubectl found a label value that is none")
    return InvalidError("canfar.net/id label value must match Kubernetes label value syntax")


def _logs(call: Call, session: Session | None) -> Response:
    blocks = iter(()) if session is None else _blocks(call.platform.runtime.log(session))
    rate = call.platform.switches.faults.log_rate
    shown = _trickling(blocks, rate) if rate else blocks
    return StreamingResponse(shown, headers={"content-type": "text/plain"})


async def _trickling(blocks: Iterator[bytes], rate: float) -> AsyncIterator[bytes]:
    size = max(1, int(rate * _TRICKLE_SECONDS))
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]
            await asyncio.sleep(size / rate)


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
    session = platform.store.get(session_id)
    if platform.profile.old:
        if session is None:
            raise NotFoundError(session_id)
    else:
        for app in platform.store.apps(session_id):
            platform.scheduler.delete(app)
    if session is not None:
        platform.scheduler.delete(session)
