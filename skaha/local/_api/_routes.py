"""The routes of the service, with and without a version."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from skaha.local._api import _context, _images, _sessions, _vosi
from skaha.local._api._endpoint import Endpoint, Handler
from skaha.local._api._platform import Platform
from skaha.local._api._responses import error_page, welcome_page
from skaha.local._api._session_redirect import SessionRedirect


class _RestOfPath(PathConvertor):
    """Match the rest of a path, including line feeds."""

    regex = "(?s:.*)"


register_url_convertor("rest", _RestOfPath())

_VERSIONED: dict[str, dict[str, Handler]] = {
    "session": {"GET": _sessions.get, "POST": _sessions.post, "DELETE": _sessions.delete},
    "context": {"GET": _context.get},
    "image": {"GET": _images.get_images},
    "repository": {"GET": _images.get_repositories},
}
_PUBLIC: dict[str, dict[str, Handler]] = {
    "capabilities": {"GET": _vosi.get_capabilities, "HEAD": _vosi.get_capabilities},
    "availability": {
        "GET": _vosi.get_availability,
        "HEAD": _vosi.get_availability,
        "POST": _vosi.redirect_to_itself,
        "DELETE": _vosi.refuse_method,
        "PUT": _vosi.refuse_method,
    },
    "logControl": {"GET": _vosi.forbid, "POST": _vosi.forbid},
}


def create_app(platform: Platform) -> ASGIApp:
    """Return the ASGI application of a platform."""
    routes = []
    for name, handlers in _VERSIONED.items():
        endpoint = Endpoint(platform, handlers)
        path = f"/skaha/{platform.profile.version}/{name}"
        routes += [Route(path, endpoint), Route(f"{path}/{{path:rest}}", endpoint)]
    for name, handlers in _PUBLIC.items():
        routes.append(Route(f"/skaha/{name}", Endpoint(platform, handlers, public=True)))
    routes += [
        Route("/session/{kind}/{id}/{path:rest}", SessionRedirect(platform)),
        Route("/skaha", _redirect_to_root),
        Route("/skaha/", _root),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return app


async def _redirect_to_root(request: Request) -> Response:  # noqa: ARG001
    return RedirectResponse("/skaha/", HTTPStatus.FOUND)


async def _root(request: Request) -> Response:  # noqa: ARG001
    return welcome_page()


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    path = request.url.path
    is_below_service = path.startswith("/skaha/")
    message = f"The requested resource [{path}] is not available" if is_below_service else None
    return error_page(HTTPStatus.NOT_FOUND, message)
