"""What each call sends: built by the generated endpoints, and by nothing else.

The endpoints are imported when they are first needed, which keeps `import skaha` light. Of each,
only the builder of the request is used: the facade returns the JSON as it came, so making models
of it would be work for nothing, and could fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from skaha.models import ContainerRegistry
    from skaha_api.types import Unset

Request = dict[str, Any]
T = TypeVar("T")


def list_sessions(kind: str | None, status: str | None, view: str | None) -> Request:
    """The caller's sessions, everybody's, or the caller's interactive ones."""
    if view == "all":
        from skaha_api.api.session import list_all_sessions

        return list_all_sessions._get_kwargs(type_=_given(kind), status=_given(status))
    if view == "interactive":
        from skaha_api.api.session import list_interactive_sessions

        return list_interactive_sessions._get_kwargs(status=_given(status))
    from skaha_api.api.session import list_sessions

    return list_sessions._get_kwargs(type_=_given(kind), status=_given(status))


def create_session(
    *,
    name: str,
    image: str,
    kind: str,
    cores: float | None,
    ram: float | None,
    gpus: int | None,
    cmd: str | None,
    args: str | None,
    env: list[str],
    registry: ContainerRegistry | None,
) -> Request:
    """A launch."""
    from skaha_api.api.session import create_session
    from skaha_api.models import NewSession

    body = NewSession(
        name=name,
        image=image,
        type_=kind,
        cores=_given(cores),
        ram=_given(ram),
        gpus=_given(gpus),
        cmd=_given(cmd),
        args=_given(args),
        env=env,
    )
    auth = _given(None if registry is None else registry.encoded())
    return create_session._get_kwargs(body=body, x_skaha_registry_auth=auth)


def get_session(session_id: str) -> Request:
    """One session."""
    from skaha_api.api.session import get_session

    return get_session._get_kwargs(session_id)


def get_session_logs(session_id: str) -> Request:
    """What a session has printed."""
    from skaha_api.api.session import get_session_logs

    return get_session_logs._get_kwargs(session_id)


def get_session_events(session_id: str) -> Request:
    """What the platform did for a session."""
    from skaha_api.api.session import get_session_events

    return get_session_events._get_kwargs(session_id)


def delete_session(session_id: str) -> Request:
    """The end of a session."""
    from skaha_api.api.session import delete_session

    return delete_session._get_kwargs(session_id)


def renew_session(session_id: str) -> Request:
    """A longer life for a session."""
    from skaha_api.api.session import renew_session
    from skaha_api.models import SessionAction

    return renew_session._get_kwargs(session_id, body=SessionAction())


def list_desktop_apps(session_id: str) -> Request:
    """The caller's desktop apps."""
    from skaha_api.api.desktop_app import list_desktop_apps

    return list_desktop_apps._get_kwargs(session_id)


def attach_desktop_app(
    session_id: str, *, image: str, cores: float | None, ram: float | None
) -> Request:
    """An app on a desktop."""
    from skaha_api.api.desktop_app import attach_desktop_app
    from skaha_api.models import NewDesktopApp

    body = NewDesktopApp(image=image, cores=_given(cores), ram=_given(ram))
    return attach_desktop_app._get_kwargs(session_id, body=body)


def get_desktop_app(session_id: str, app_id: str) -> Request:
    """One desktop app."""
    from skaha_api.api.desktop_app import get_desktop_app

    return get_desktop_app._get_kwargs(session_id, app_id)


def delete_desktop_app(session_id: str, app_id: str) -> Request:
    """The end of a desktop app."""
    from skaha_api.api.desktop_app import delete_desktop_app

    return delete_desktop_app._get_kwargs(session_id, app_id)


def get_stats() -> Request:
    """Use and capacity of the platform."""
    from skaha_api.api.session import get_stats

    return get_stats._get_kwargs()


def list_images(kind: str | None) -> Request:
    """The public images."""
    from skaha_api.api.image import list_images

    return list_images._get_kwargs(type_=_given(kind))


def list_repositories() -> Request:
    """The registries that images may come from."""
    from skaha_api.api.repository import list_repositories

    return list_repositories._get_kwargs()


def get_context() -> Request:
    """What one session may ask for."""
    from skaha_api.api.context import get_context

    return get_context._get_kwargs()


def get_capabilities() -> Request:
    """What the service can do, and where."""
    from skaha_api.api.service import get_capabilities

    return get_capabilities._get_kwargs()


def get_availability() -> Request:
    """Whether the service is available."""
    from skaha_api.api.service import get_availability

    return get_availability._get_kwargs()


def _given(value: T | None) -> T | Unset:
    """What is `None` is left out."""
    from skaha_api.types import UNSET

    return UNSET if value is None else value
