"""The routes of the page: its files, codes and tokens, and the sessions."""

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from attrs import field, frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from skaha.local._machine import GIB
from skaha.local._page._access import CODE_LIFETIME, Access
from skaha.local._page._guard import Guard
from skaha.local._runtimes import Runtime
from skaha.local._scheduler import Scheduler
from skaha.local._session import END_PHASES, Event, Phase, Session
from skaha.local._store import Store
from skaha.local._usage import UsageMeter

_CODES_PATH = "/page/codes"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

# The page shows the end of a longer log.
_LOG_SIZE = 256 * 1024

Handler = Callable[[Request], Awaitable[Response]]


def create_page(
    *,
    store: Store,
    scheduler: Scheduler,
    runtime: Runtime,
    token: str,
    status: Callable[[Session], str],
    meter: UsageMeter,
) -> ASGIApp:
    """Return the ASGI application of the page.

    Args:
        store: The sessions and their events.
        scheduler: The scheduler, which ends sessions.
        runtime: The runtime, which has the logs.
        token: The token of the platform. It is needed for a code, and for nothing else.
        status: A function that returns the status of a session.
        meter: The measurements of the use of sessions.
    """
    page = _Page(store, scheduler, runtime, token, status, meter)
    routes = [
        *(Route(f"/page/{name}", _send_file(file)) for name, file in _files().items()),
        Route(_CODES_PATH, page.create_code, methods=["POST"]),
        Route("/page/token", page.exchange_code, methods=["POST"]),
        Route("/page/sessions", page.authorized(page.list_sessions)),
        Route("/page/sessions/{id}", page.authorized(page.describe_session)),
        Route("/page/sessions/{id}", page.authorized(page.end_session), methods=["DELETE"]),
    ]
    return Guard(Starlette(routes=routes), _CODES_PATH)


def _files() -> dict[str, Path]:
    """Return the files of the page by the ends of their paths."""
    files = [path for path in Path(__file__).parent.iterdir() if path.suffix in _MEDIA_TYPES]
    return {"" if path.suffix == ".html" else path.name: path for path in files}


def _send_file(path: Path) -> Handler:
    # Read it once: after an upgrade, the files belong to another version than this process.
    content, media_type = path.read_bytes(), _MEDIA_TYPES[path.suffix]

    async def send(request: Request) -> Response:  # noqa: ARG001 - it is a handler
        return Response(content, media_type=media_type)

    return send


@frozen
class _Page:
    """The handlers of the routes."""

    store: Store
    scheduler: Scheduler
    runtime: Runtime
    token: str = field(repr=False)
    status: Callable[[Session], str]
    meter: UsageMeter
    access: Access = field(factory=Access, init=False)

    async def create_code(self, request: Request) -> Response:
        """Create a one-time code for the owner of the platform."""
        if not hmac.compare_digest(_bearer(request).encode(), self.token.encode()):
            return _error(HTTPStatus.UNAUTHORIZED, "a code needs the token of the platform")
        code = self.access.create_code()
        return JSONResponse({"code": code, "seconds": CODE_LIFETIME}, HTTPStatus.CREATED)

    async def exchange_code(self, request: Request) -> Response:
        """Give a token for a one-time code."""
        token = self.access.exchange(_bearer(request))
        if token is None:
            text = f"The code was used already, or it is older than {CODE_LIFETIME:.0f} seconds."
            return _error(HTTPStatus.UNAUTHORIZED, text)
        return JSONResponse({"token": token}, HTTPStatus.CREATED)

    def authorized(self, handler: Handler) -> Handler:
        """Return a handler that refuses requests without a token of the page."""

        async def handle(request: Request) -> Response:
            if not self.access.is_valid(_bearer(request)):
                return _error(HTTPStatus.UNAUTHORIZED, "This page is no longer valid.")
            return await handler(request)

        return handle

    async def list_sessions(self, request: Request) -> Response:
        """Return all sessions and apps, the newest first."""
        await self.meter.refresh()
        sessions = sorted(self.store.all(), key=lambda session: session.seq, reverse=True)
        return _unless_known(request, {"sessions": [self._summary(item) for item in sessions]})

    async def describe_session(self, request: Request) -> Response:
        """Return the details, the events and the end of the log of a session."""
        session = self._find(request)
        if session is None:
            return _no_session()
        await self.meter.refresh()
        log, omitted = _log_end(self.runtime.log(session))
        details = {
            "coresLimit": session.cores_limit,
            "memoryLimit": session.ram_limit,
            "ended": session.ended,
            "expiry": session.expiry,
        }
        content = {
            "session": self._summary(session) | details,
            "events": [_event(event) for event in self._events(session)],
            "log": log,
            "omitted": omitted,
        }
        return _unless_known(request, content)

    async def end_session(self, request: Request) -> Response:
        """End a session, or an app; the apps of a desktop end with the desktop."""
        session = self._find(request)
        if session is None:
            return _no_session()
        apps = [] if session.appid else self.store.apps(session.id)
        try:
            for item in (*apps, session):
                await self.scheduler.delete(item)
        except sqlite3.DatabaseError as error:
            text = f"The platform cannot record the end: {error}. Make room on its disk."
            return _error(HTTPStatus.INSUFFICIENT_STORAGE, text)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _find(self, request: Request) -> Session | None:
        appid = request.query_params.get("app", "")
        return self.store.get(request.path_params["id"], appid)

    def _summary(self, session: Session) -> dict[str, Any]:
        usage = self.meter.of(session)
        return {
            "id": session.id,
            "app": session.appid,
            "name": session.name,
            "kind": session.kind,
            "status": self.status(session),
            "ended": session.phase in END_PHASES,
            "created": session.created,
            "cores": session.cores,
            "memory": session.ram,
            # Rounded, so that the page changes only if a reader sees a difference.
            "coresInUse": usage and round(usage.cores, 2),
            "memoryInUse": usage and round(usage.ram / GIB, 2),
            "image": session.image,
        }

    def _events(self, session: Session) -> list[Event]:
        events = self.store.events(session, since=0)
        if session.phase is Phase.QUEUED and (event := self.scheduler.scheduling_event(session)):
            events.append(event)
        return events


def _bearer(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret if scheme.lower() == "bearer" else ""


def _error(status: HTTPStatus, text: str) -> Response:
    return JSONResponse({"error": text}, status)


def _no_session() -> Response:
    return _error(HTTPStatus.NOT_FOUND, "The session does not exist any more.")


def _unless_known(request: Request, content: dict[str, Any]) -> Response:
    """Return the content, or a 304 if the page has it already."""
    response = JSONResponse(content)
    tag = f'"{hashlib.sha256(response.body).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    response.headers["etag"] = tag
    return response


def _event(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "time": event.at,
    }


def _log_end(path: Path) -> tuple[str, int]:
    """Return the end of a log, from the start of a line, and the number of bytes before it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return "", 0
    with file:
        omitted = max(0, os.fstat(file.fileno()).st_size - _LOG_SIZE)
        file.seek(omitted)
        content = file.read(_LOG_SIZE)
    if omitted:
        cut = content.find(b"\n") + 1
        content, omitted = content[cut:], omitted + cut
    return content.decode(errors="replace"), omitted
