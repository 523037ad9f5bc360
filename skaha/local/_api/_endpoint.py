"""An endpoint: allowed methods, authentication, injected faults, and common headers."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from skaha.local._api._errors import (
    ApiError,
    InternalServerError,
    InvalidCallbackTokenError,
    InvalidCookieError,
    InvalidTokenError,
    MalformedCredentialError,
    MissingCredentialError,
    ServiceUnavailableError,
)
from skaha.local._api._parameters import Parameters, read_parameters
from skaha.local._api._platform import Platform
from skaha.local._api._responses import error_page, text_response

_KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_ALLOW_ORDER = ("GET", "POST", "DELETE", "HEAD")
_COOKIE = "CADC_SSO"

logger = logging.getLogger(__name__)


@frozen
class ApiRequest:
    """An authenticated request with its parameters.

    Attributes:
        path: The path below the endpoint, or `None` if there is none.
        registry_auth: The header with the credentials of a private registry.
        base_url: The URL of the service, with the host name of the client.
    """

    platform: Platform
    method: str
    path: str | None
    parameters: Parameters
    registry_auth: str | None
    base_url: str


Handler = Callable[[ApiRequest], Awaitable[Response]]


@frozen
class Endpoint:
    """An ASGI application for a resource.

    Attributes:
        handlers: The handler of each allowed method.
        public: Whether a request needs no credential; faults are not injected there.
    """

    platform: Platform
    handlers: Mapping[str, Handler]
    public: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        handler = self.handlers.get(request.method)
        if handler is None:
            response = self._unsupported_method(request.method)
        else:
            response = await self._handle(handler, request)
        await response(scope, receive, send)

    async def _handle(self, handler: Handler, request: Request) -> Response:
        headers = {}
        try:
            if not self.public:
                headers["server"] = "OpenCADC/cadc-rest"
                self._authenticate(request)
                headers["x-vo-authenticated"] = self.platform.user
                await self._inject_faults(request)
            response = await handler(await self._read(request))
        except ApiError as error:
            response = error.response()
            if not error.reaches_service:
                headers.pop("server", None)
        except Exception as error:
            logger.exception("%s %s failed", request.method, request.url.path)
            response = InternalServerError(f"{type(error).__name__}: {error}").response()
        response.headers.update(headers)
        return response

    def _authenticate(self, request: Request) -> None:
        credential = request.headers.get("authorization")
        is_v0 = self.platform.profile.is_v0
        if credential is None and "x-auth-token-skaha" in request.headers:
            if is_v0:
                raise InternalServerError("java.lang.IllegalArgumentException: Invalid auth token")
            raise InvalidCallbackTokenError
        if credential is None and _COOKIE in request.cookies and not is_v0:
            raise InvalidCookieError
        match ["Anonymous", ""] if credential is None else credential.split(" "):
            case [scheme, token] if scheme.lower() == "bearer":
                sent, expected = token.encode("latin-1"), self.platform.token.encode()
                if not hmac.compare_digest(sent, expected):
                    raise InvalidTokenError(token)
            case [_, _]:
                raise MissingCredentialError(is_v0=is_v0)
            case _:
                raise MalformedCredentialError(str(credential))

    async def _inject_faults(self, request: Request) -> None:
        injector = self.platform.injector
        faults = injector.faults
        if faults.delay:
            await asyncio.sleep(faults.delay)
        if injector.should_inject("unavailable", faults.unavailable):
            raise ServiceUnavailableError(request.path_params.get("path"), faults.retry_after)
        if injector.should_inject("broken", faults.broken):
            raise InternalServerError("java.lang.NullPointerException: the platform has a bad day")

    async def _read(self, request: Request) -> ApiRequest:
        return ApiRequest(
            platform=self.platform,
            method=request.method,
            path=request.path_params.get("path"),
            parameters=await read_parameters(request),
            registry_auth=request.headers.get("x-skaha-registry-auth"),
            base_url=f"http://{request.headers['host']}/skaha",
        )

    def _unsupported_method(self, method: str) -> Response:
        if method == "OPTIONS":
            return Response(headers={"allow": f"{', '.join(_KNOWN_METHODS)}, OPTIONS"})
        if method == "TRACE":
            response = error_page(HTTPStatus.METHOD_NOT_ALLOWED, "TRACE method is not allowed")
            response.headers["allow"] = "HEAD, DELETE, POST, GET, OPTIONS, PUT"
            return response
        if method not in _KNOWN_METHODS:
            message = f"Method [{method}] is not implemented by this Servlet for this URI"
            return error_page(HTTPStatus.NOT_IMPLEMENTED, message)
        response = text_response(f"unsupported: HTTP {method}\n", HTTPStatus.METHOD_NOT_ALLOWED)
        response.headers["content-type"] = "text/plain;charset=ISO-8859-1"
        response.headers["allow"] = ", ".join(
            name for name in _ALLOW_ORDER if name in self.handlers
        )
        return response
