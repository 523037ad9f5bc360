"""The way from a session's connectURL to where the session really listens."""

from http import HTTPStatus

from attrs import frozen
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from skaha.local._session import Phase
from skaha.local._wire._pages import page
from skaha.local._wire._platform import Platform

_WORDS = {"contrib": "contributed"}


@frozen
class Connection:
    """An ASGI application that leads a browser to a session.

    It needs no credential, as a browser has none; the session itself wants one.
    """

    platform: Platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        kind, rest = request.path_params["kind"], request.path_params["path"]
        session = self.platform.store.get(request.path_params["id"])
        if session is None or session.kind != _WORDS.get(kind, kind):
            return HTMLResponse(page(HTTPStatus.NOT_FOUND), HTTPStatus.NOT_FOUND)
        address = self.platform.runtime.address(session)
        if session.phase is not Phase.RUNNING or address is None:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return HTMLResponse(page(status), status)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{address}/{rest}{query}")
