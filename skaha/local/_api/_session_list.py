"""Lists of sessions and of desktop apps, with their filters and views."""

from starlette.responses import Response

from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._errors import InternalServerError, ServiceUnavailableError
from skaha.local._api._responses import pretty_json
from skaha.local._api._serializers import (
    public_session_object,
    session_object,
    statistics_response,
)
from skaha.local._session import Session


async def list_sessions(request: ApiRequest) -> Response:
    """Return the sessions that match the parameters `view`, `type` and `status`."""
    view = request.parameters.first("view")
    if view == "stats":
        return _statistics(request)
    sessions = request.platform.store.all()
    kind = request.parameters.first("type")
    is_v0 = request.platform.profile.is_v0
    if view is not None and view.lower() == "interactive" and not is_v0:
        sessions = [session for session in sessions if session.kind != "headless"]
    elif kind is None:
        sessions = [session for session in sessions if is_v0 or not session.appid]
    else:
        sessions = [session for session in sessions if session.kind == kind.lower()]
    if request.parameters.first("view") != "all" and not is_v0:
        await request.platform.meter.refresh()
    return _list_response(request, sessions)


def list_apps(request: ApiRequest) -> Response:
    """Return the apps of all desktops: the server ignores the desktop's id in the path."""
    apps = [session for session in request.platform.store.all() if session.appid]
    return _list_response(request, apps)


def _list_response(request: ApiRequest, sessions: list[Session]) -> Response:
    """Return sessions in the order of their jobs' names, filtered by status."""
    platform, status = request.platform, request.parameters.first("status")
    if status is not None:
        sessions = [
            session for session in sessions if platform.status(session).lower() == status.lower()
        ]
    show_all_users = request.parameters.first("view") == "all"
    serialize = public_session_object if show_all_users else session_object
    ordered = sorted(sessions, key=platform.job_name)
    return pretty_json([serialize(platform, session) for session in ordered])


def _statistics(request: ApiRequest) -> Response:
    platform = request.platform
    if platform.options.stats:
        return statistics_response(platform)
    if platform.profile.is_v0:
        raise InternalServerError(
            "java.lang.RuntimeException: failed to gather resource statistics"
        )
    raise ServiceUnavailableError(request.path)
