"""One servlet: which methods it knows, who may call it, and what every answer carries."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from skaha.local._wire._parameters import Parameters, read
from skaha.local._wire._platform import Platform
from skaha.local._wire._refusal import (
    AnonymousError,
    BrokenError,
    InvalidCallbackError,
    RefusalError,
    RejectedTokenError,
    UnavailableError,
    text,
)

_KNOWN = ("GET", "POST", "PUT", "DELETE", "HEAD")

logger = logging.getLogger(__name__)


@frozen
class Call:
    """One request to a servlet, checked and read.

    Attributes:
        path: What follows the servlet's own path, None where nothing does.
        registry_auth: The header that opens a private registry.
        base: The URL of the service as the caller spelled it.
    """

    platform: Platform
    path: str | None
    parameters: Parameters
    registry_auth: str | None
    base: str


Handler = Callable[[Call], Awaitable[Response]]


@frozen
class Servlet:
    """An ASGI application for one resource, with a handler for each method it knows."""

    platform: Platform
    handlers: Mapping[str, Handler]
    public: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        handler = self.handlers.get(request.method)
        if handler is None:
            response = self._unsupported(request.method)
        else:
            response = await self._answer(handler, request)
        await response(scope, receive, send)

    async def _answer(self, handler: Handler, request: Request) -> Response:
        headers = {}
        try:
            if not self.public:
                headers["server"] = "OpenCADC/cadc-rest"
                self._authenticate(request)
                headers["x-vo-authenticated"] = self.platform.user
                await self._misbehave(request)
            response = await handler(await self._call(request))
        except RefusalError as refusal:
            response = refusal.response()
        except Exception as error:
            logger.exception("%s %s failed", request.method, request.url.path)
            response = BrokenError(f"{type(error).__name__}: {error}").response()
        response.headers.update(headers)
        return response

    def _authenticate(self, request: Request) -> None:
        credential = request.headers.get("authorization")
        if credential is None:
            called_back = "x-auth-token-skaha" in request.headers
            raise self._bad_callback() if called_back else AnonymousError(old=self._old)
        scheme, _, token = credential.partition(" ")
        given, right = token.strip().encode("latin-1"), self.platform.token.encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, right):
            raise RejectedTokenError

    @property
    def _old(self) -> bool:
        return self.platform.profile.old

    def _bad_callback(self) -> RefusalError:
        if self._old:
            return BrokenError("java.lang.IllegalArgumentException: Invalid auth token")
        return InvalidCallbackError()

    async def _misbehave(self, request: Request) -> None:
        """Do what a test has asked for, before anything is looked at."""
        switches = self.platform.switches
        faults = switches.faults
        if faults.delay:
            await asyncio.sleep(faults.delay)
        if switches.strikes("unavailable", faults.unavailable):
            raise UnavailableError(request.path_params.get("path"), faults.retry_after)
        if switches.strikes("broken", faults.broken):
            raise BrokenError("java.lang.NullPointerException: the platform has a bad day")

    async def _call(self, request: Request) -> Call:
        return Call(
            platform=self.platform,
            path=request.path_params.get("path"),
            parameters=await read(request),
            registry_auth=request.headers.get("x-skaha-registry-auth"),
            base=f"http://{request.headers['host']}/skaha",
        )

    def _unsupported(self, method: str) -> Response:
        if method == "OPTIONS":
            return Response(headers={"allow": f"{', '.join(_KNOWN)}, OPTIONS"})
        if method not in _KNOWN:
            return text(f"unsupported: HTTP {method}\n", HTTPStatus.NOT_IMPLEMENTED)
        response = text(f"unsupported: HTTP {method}\n", HTTPStatus.METHOD_NOT_ALLOWED)
        response.headers["allow"] = ", ".join(name for name in _KNOWN if name in self.handlers)
        return response
