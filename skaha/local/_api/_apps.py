"""Apps of desktops, whose paths are below the path of their session."""

import re
import time

from attrs import asdict
from starlette.responses import Response

from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._errors import BadRequestError, NotFoundError
from skaha.local._api._launch import new_id, read_resources
from skaha.local._api._responses import pretty_json, text_response
from skaha.local._api._serializers import session_object
from skaha.local._lifetimes import lifetime
from skaha.local._session import Session

_ID_LENGTH = 3
_NAME_LENGTH = 63


def read(request: ApiRequest, session_id: str, appid: str) -> Response:
    """Return an app."""
    app = _find(request, session_id, appid)
    if app is None:
        raise NotFoundError(
            f"desktop app with session {session_id} and app ID {appid} was not found"
        )
    return pretty_json(session_object(request.platform, app))


def attach(request: ApiRequest, session_id: str) -> Response:
    """Attach an app to a desktop; like the server, do not check its image."""
    platform = request.platform
    image = request.parameters.first("image")
    if image is None:
        raise BadRequestError("Missing parameter 'image'")
    resources = read_resources(request, "desktop-app")
    desktop = platform.store.get(session_id)
    if desktop is None or desktop.kind != "desktop":
        raise NotFoundError(f"session {session_id} not found")
    now = time.time()
    app = Session(
        id=session_id,
        appid=new_id(platform, _ID_LENGTH, session_id),
        name=re.sub("[:._]", "-", image.rpartition("/")[2])[:_NAME_LENGTH].lower(),
        image=image,
        kind="desktop-app",
        **asdict(resources),
        created=now,
        started=None if platform.profile.is_v0 else now,
        lifetime=lifetime(platform.options, "desktop-app"),
    )
    platform.scheduler.submit(app)
    return text_response(f"{app.appid}\n")


def refuse_change(request: ApiRequest) -> Response:
    """Refuse to change an app."""
    if request.parameters.first("image") is None:
        raise BadRequestError("Missing parameter 'image'")
    raise BadRequestError("Cannot modify an existing app.")


async def delete(request: ApiRequest, session_id: str, appid: str) -> None:
    """Delete an app if it exists."""
    app = _find(request, session_id, appid)
    if app is not None:
        await request.platform.scheduler.delete(app)


def _find(request: ApiRequest, session_id: str, appid: str) -> Session | None:
    return request.platform.store.get(session_id, appid) if appid else None
