"""Protection of the page: other sites cannot send requests, frame the page or read responses."""

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SAFE_METHODS = ("GET", "HEAD")


class Guard:
    """Refuse the requests of other sites, and add the security headers to every response.

    The limits of the whole platform come before: they refuse an unknown `Host`.

    Args:
        app: The application to protect.
        programs_path: The path for programs, which send no `Origin`. No browser may use it.
    """

    def __init__(self, app: ASGIApp, programs_path: str) -> None:
        self._app = app
        self._programs_path = programs_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self._app
        if not self._is_allowed(Request(scope)):
            text = "this request does not come from the page of the platform"
            app = JSONResponse({"error": text}, HTTPStatus.FORBIDDEN)
        await app(scope, receive, send_with_headers)

    def _is_allowed(self, request: Request) -> bool:
        headers = request.headers
        origins = set(headers.getlist("origin"))
        # A link on another site may lead to the page: this is a navigation.
        is_navigation = headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in {"cross-site", "same-site"} and not is_navigation:
            return False
        if request.scope["path"] == self._programs_path:
            return not origins
        own = {f"http://{headers['host'].lower()}"}
        # Browsers send the origin with every request that can change something.
        return origins == own or (not origins and request.method in _SAFE_METHODS)
