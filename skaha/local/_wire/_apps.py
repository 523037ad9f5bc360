"""Apps of desktops, which live under the path of a session."""

import re
import time

from attrs import asdict
from starlette.responses import Response

from skaha.local._session import Session
from skaha.local._wire._launch import new_id, read_resources
from skaha.local._wire._objects import pretty
from skaha.local._wire._refusal import InvalidError, NotFoundError, text
from skaha.local._wire._servlet import Call
from skaha.local._wire._shapes import public_object, session_object

_APP_ID = 3


def arranged(call: Call, sessions: list[Session], status: str | None) -> Response:
    """Return a list in the order of the jobs' names, in full or as everybody may see it."""
    if status is not None:
        sessions = [s for s in sessions if call.platform.status(s).lower() == status.lower()]
    shape = public_object if call.parameters.first("view") == "all" else session_object
    ordered = sorted(sessions, key=call.platform.job)
    return pretty([shape(call.platform, session) for session in ordered])


def listed(call: Call) -> Response:
    """Return all of the caller's apps: the server does not look at the desktop's id."""
    apps = [session for session in call.platform.store.listed() if session.appid]
    return arranged(call, apps, call.parameters.first("status"))


def read(call: Call, session_id: str, appid: str) -> Response:
    """Return one app."""
    app = call.platform.store.get(session_id, appid) if appid else None
    if app is None:
        where = f"session {session_id} and app ID {appid}"
        raise NotFoundError(f"desktop app with {where} was not found")
    return pretty(session_object(call.platform, app))


def attach(call: Call, session_id: str) -> Response:
    """Attach an app to a desktop; its image is not checked in any way."""
    platform = call.platform
    image = call.parameters.first("image")
    if image is None:
        raise InvalidError("Missing parameter 'image'")
    resources = read_resources(call, "desktop-app")
    desktop = platform.store.get(session_id)
    if desktop is None or desktop.kind != "desktop":
        raise NotFoundError(f"session {session_id} not found")
    app = Session(
        id=session_id,
        appid=new_id(platform, _APP_ID, session_id),
        name=re.sub("[:._]", "-", image.rpartition("/")[2]),
        image=image,
        kind="desktop-app",
        **asdict(resources),
        created=time.time(),
        lifetime=platform.options.lifetime("desktop-app"),
    )
    platform.scheduler.submit(app)
    return text(f"{app.appid}\n")


def change(call: Call) -> Response:
    """Refuse to change an app."""
    if call.parameters.first("image") is None:
        raise InvalidError("Missing parameter 'image'")
    raise InvalidError("Cannot modify an existing app.")


def delete(call: Call, session_id: str, appid: str) -> None:
    """Delete an app, if there is one."""
    app = call.platform.store.get(session_id, appid) if appid else None
    if app is not None:
        call.platform.scheduler.delete(app)
