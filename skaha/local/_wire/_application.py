"""The routes of the service, versioned and not."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from skaha.local._wire import _service, _sessions
from skaha.local._wire._connect import Connection
from skaha.local._wire._pages import page, welcome
from skaha.local._wire._platform import Platform
from skaha.local._wire._servlet import Handler, Servlet


class _Rest(PathConvertor):
    """The rest of a path, line feeds included."""

    regex = "(?s:.*)"


register_url_convertor("rest", _Rest())


def application(platform: Platform) -> ASGIApp:
    """Return the service for one platform."""
    versioned: dict[str, dict[str, Handler]] = {
        "session": {
            "GET": _sessions.read,
            "POST": _sessions.change,
            "DELETE": _sessions.delete,
        },
        "context": {"GET": _service.context},
        "image": {"GET": _service.images},
        "repository": {"GET": _service.repositories},
    }
    public: dict[str, dict[str, Handler]] = {
        "capabilities": {"GET": _service.capabilities, "HEAD": _service.capabilities},
        "availability": {"GET": _service.availability, "POST": _service.forbidden},
        "logControl": {"GET": _service.forbidden, "POST": _service.forbidden},
    }
    version = platform.profile.version
    routes = []
    for name, handlers in versioned.items():
        servlet = Servlet(platform, handlers)
        routes += [
            Route(f"/skaha/{version}/{name}", servlet),
            Route(f"/skaha/{version}/{name}/{{path:rest}}", servlet),
        ]
    for name, handlers in public.items():
        routes.append(Route(f"/skaha/{name}", Servlet(platform, handlers, public=True)))
    routes += [
        Route("/session/{kind}/{id}/{path:rest}", Connection(platform)),
        Route("/skaha", _moved),
        Route("/skaha/", _welcome),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return app


async def _moved(request: Request) -> RedirectResponse:  # noqa: ARG001
    return RedirectResponse("/skaha/", HTTPStatus.FOUND)


async def _welcome(request: Request) -> HTMLResponse:  # noqa: ARG001
    return HTMLResponse(welcome())


async def _not_found(request: Request, error: Exception) -> HTMLResponse:  # noqa: ARG001
    return HTMLResponse(page(HTTPStatus.NOT_FOUND), HTTPStatus.NOT_FOUND)
