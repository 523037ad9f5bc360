"""Redirects from the `connectURL` of a session to the port on which the session listens."""

from http import HTTPStatus

from attrs import frozen
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from skaha.local._api._platform import Platform
from skaha.local._api._responses import error_page
from skaha.local._session import Phase

_KINDS = {"contrib": "contributed"}


@frozen
class SessionRedirect:
    """An ASGI application that redirects a browser to a session.

    A browser sends no credential to this application; the session itself checks its token.
    """

    platform: Platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._redirect(Request(scope))(scope, receive, send)

    def _redirect(self, request: Request) -> Response:
        kind, path = request.path_params["kind"], request.path_params["path"]
        session = self.platform.store.get(request.path_params["id"])
        if session is None or session.kind != _KINDS.get(kind, kind):
            return error_page(HTTPStatus.NOT_FOUND)
        url = self.platform.runtime.url(session)
        if session.phase is not Phase.RUNNING or url is None:
            return error_page(HTTPStatus.SERVICE_UNAVAILABLE)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{url}/{path}{query}")
