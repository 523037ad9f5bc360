"""The wire's objects, as the platform's profile has them."""

from typing import Any

from starlette.responses import Response

from skaha.local._session import Session
from skaha.local._wire import _objects, _old, _statistics
from skaha.local._wire._objects import compact, pretty
from skaha.local._wire._platform import Platform


def session_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return a session as its owner sees it."""
    if platform.profile.old:
        return _old.session_object(platform, session)
    return _objects.session_object(platform, session)


def public_object(platform: Platform, session: Session) -> dict[str, Any]:
    """Return the four fields of a session that everybody may see."""
    shown = session_object(platform, session)
    return {name: shown[name] for name in _objects.PUBLIC if name in shown}


def context(platform: Platform) -> Response:
    """Return what a session may ask for; the older profile serves a file as somebody wrote it."""
    if platform.profile.old:
        return pretty(_old.context(platform.machine))
    return compact(platform.machine.context())


def statistics(platform: Platform) -> Response:
    """Return how busy the platform is."""
    shapes = _old if platform.profile.old else _statistics
    return pretty(shapes.statistics(platform))
