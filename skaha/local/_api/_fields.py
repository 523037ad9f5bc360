"""Fields of a session in the API that both releases of the server share."""

from datetime import UTC, datetime

from skaha.local._api._platform import Platform
from skaha.local._session import Session

_CONNECT_PATHS = {
    "carta": "/session/carta/{id}/",
    "contributed": "/session/contrib/{id}/",
    "desktop": "/session/desktop/{id}/?password={id}&path=session/desktop/{id}/",
    "firefly": "/session/firefly/{id}/firefly/",
    "notebook": "/session/notebook/{id}/lab/tree/arc/home/{user}?token={secret}",
}
_CARTA_PATH_V0 = "/session/carta/http/{id}/"
# An old release of CARTA needs the address of its socket.
_CARTA_SOCKET_V0 = "?socketUrl=ws://{host}/session/carta/ws/{id}/"


def times(session: Session) -> dict[str, str]:
    """Return the start and the expiry of a session, or no fields before its start."""
    if session.started is None or session.expiry is None:
        return {}
    return {"startTime": _time(session.started), "expiryTime": _time(session.expiry)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def connect_url(platform: Platform, session: Session) -> str:
    """Return the URL of an interactive session, or an empty text for other sessions."""
    path = _CONNECT_PATHS.get(session.kind)
    if path is None:
        return ""
    if platform.profile.is_v0 and session.kind == "carta":
        path = _CARTA_PATH_V0 + (_CARTA_SOCKET_V0 if session.image.endswith(":1.4") else "")
    values = {"id": session.id, "user": platform.user, "host": platform.host}
    filled = path.format(**values, secret=platform.runtime.secret(session))
    return f"http://{platform.host}{filled}"
