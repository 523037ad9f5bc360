"""The endpoint `session`: launch, list, read, renew and delete sessions, and apps of desktops."""

import asyncio
import time

from starlette.responses import Response

from skaha.local._api import _apps
from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._errors import (
    ApiError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
)
from skaha.local._api._launch import job_error, job_not_created, new_session
from skaha.local._api._logs import log_response
from skaha.local._api._responses import pretty_json, text_response
from skaha.local._api._serializers import event_table, session_object
from skaha.local._api._session_list import list_apps, list_sessions
from skaha.local._kubernetes import is_label_value, label_value_problem
from skaha.local._lifetimes import event_retention
from skaha.local._session import Event, Phase, Session


async def get(request: ApiRequest) -> Response:
    """Return the list, the statistics, a session, its logs or events, or apps."""
    match _path_segments(request.path):
        case []:
            return await list_sessions(request)
        case [session_id]:
            return await _read(request, session_id)
        case [_, _]:
            return list_apps(request)
        case [session_id, _, appid]:
            return _apps.read(request, session_id, appid)
    raise BadRequestError(f"Invalid request: {request.path}")


async def post(request: ApiRequest) -> Response:
    """Launch or renew a session, or attach an app to a desktop."""
    match _path_segments(request.path):
        case []:
            return await _create(request)
        case [session_id]:
            return _renew(request, session_id)
        case [session_id, _]:
            return _apps.attach(request, session_id)
        case [_, _, _]:
            return _apps.refuse_change(request)
    raise BadRequestError(f"Invalid request: {request.path}")


async def delete(request: ApiRequest) -> Response:
    """Delete a session or an app; a success does not prove that it existed."""
    match _path_segments(request.path):
        case []:
            raise BadRequestError("Cannot kill all sessions.")
        case [session_id]:
            await _delete(request, session_id)
        case [_, _]:
            raise BadRequestError("Missing app ID")
        case [session_id, _, appid]:
            await _apps.delete(request, session_id, appid)
        case _:
            raise BadRequestError(f"Invalid request: {request.path}")
    return Response()


def _path_segments(path: str | None) -> list[str]:
    """Split the path below the endpoint; a single slash is a session with an empty id."""
    if path is None:
        return []
    segments = path.split("/")
    while len(segments) > 1 and not segments[-1]:
        segments.pop()
    return segments


async def _create(request: ApiRequest) -> Response:
    platform = request.platform
    session = new_session(request)
    faults, number = platform.injector.faults, platform.injector.count("create")
    if faults.create_delay:
        await asyncio.sleep(faults.create_delay)
    if reason := platform.runtime.unsupported_reason(session.kind):
        raise BadRequestError(reason)
    error = job_error(platform, session)
    if error is None and number in faults.refused_creates:
        error = job_not_created(platform, session)
    # The v0 server does not wait for a headless job, so it does not notice the error.
    is_unnoticed = error and platform.profile.is_v0 and session.kind == "headless"
    if error and not is_unnoticed:
        raise InternalServerError(error)
    if not error and number not in faults.phantom_creates:
        platform.scheduler.submit(session)
    return text_response(f"{session.id}\n")


async def _read(request: ApiRequest, session_id: str) -> Response:
    if not is_label_value(session_id):
        raise _malformed_id_error(request, session_id)
    platform = request.platform
    session = platform.find(session_id)
    view = request.parameters.first("view")
    if view == "logs":
        return log_response(platform, session)
    if session is None:
        # The server looks for sessions and for events in different places, with different texts.
        raise NotFoundError(f"session {session_id} not found{'.' if view == 'events' else ''}")
    if view == "events":
        return text_response(event_table(_events(request, session)))
    if not platform.profile.is_v0:
        await platform.meter.refresh()
    return pretty_json(session_object(platform, session))


def _malformed_id_error(request: ApiRequest, session_id: str) -> ApiError:
    if request.platform.profile.is_v0:
        return InternalServerError("java.io.IOException: kubectl found a label value that is none")
    return BadRequestError(f"canfar.net/id {label_value_problem(session_id)}")


def _events(request: ApiRequest, session: Session) -> list[Event]:
    platform = request.platform
    if platform.store.apps(session.id):
        # The server expects one pod, and a desktop with apps has several.
        return []
    events = platform.store.events(session, time.time() - event_retention(platform.options))
    if session.phase is Phase.QUEUED and (event := platform.scheduler.scheduling_event(session)):
        events.append(event)
    return events


def _renew(request: ApiRequest, session_id: str) -> Response:
    action = request.parameters.non_blank("action")
    if action is None:
        raise BadRequestError("Cannot modify an existing session")
    if action.lower() != "renew":
        raise BadRequestError("unrecognized action")
    platform = request.platform
    desktop = platform.store.get(session_id)
    jobs = [job for job in (desktop, *platform.store.apps(session_id)) if job and job.active]
    if not jobs:
        user = f"PosixPrincipal [uidNumber={platform.uid},{platform.gid},{platform.user}]"
        raise BadRequestError(f"No active job for user {user} with session {session_id}")
    for job in jobs:
        platform.scheduler.renew(job)
    return Response()


async def _delete(request: ApiRequest, session_id: str) -> None:
    platform = request.platform
    session = platform.store.get(session_id)
    if platform.profile.is_v0:
        if session is None:
            raise NotFoundError(session_id)
    else:
        for app in platform.store.apps(session_id):
            await platform.scheduler.delete(app)
    if session is not None:
        await platform.scheduler.delete(session)
