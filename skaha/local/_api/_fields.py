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


def times(session: Session) -> dict[str, str]:
    """Return the start and the expiry of a session that has left the queue."""
    if session.started is None:
        return {}
    started = datetime.fromtimestamp(int(session.started), UTC)
    expiry = datetime.fromtimestamp(int(session.started + session.lifetime), UTC)
    # The server prints the start with a Java class that omits zero seconds.
    start_format = "%Y-%m-%dT%H:%M:%SZ" if started.second else "%Y-%m-%dT%H:%MZ"
    return {
        "startTime": started.strftime(start_format),
        "expiryTime": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def connect_url(platform: Platform, session: Session) -> str:
    """Return the URL of an interactive session, or an empty text for other sessions."""
    path = _CONNECT_PATHS.get(session.kind)
    if path is None:
        return ""
    if platform.profile.is_v0 and session.kind == "carta":
        path = _CARTA_PATH_V0
    secret = platform.runtime.secret(session)
    return f"http://{platform.host}{path.format(id=session.id, user=platform.user, secret=secret)}"
