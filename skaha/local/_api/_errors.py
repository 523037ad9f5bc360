"""Errors of the API. The real server ends some of their texts with a line feed, and others not."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.responses import Response

from skaha.local._api._responses import text_response


class ApiError(Exception):
    """An error response; its text copies the real server."""

    status = HTTPStatus.BAD_REQUEST
    line_end = "\n"
    headers: Mapping[str, str] = MappingProxyType({})
    # Whether the service itself refuses the request; if not, its name is not in the headers.
    reaches_service = True

    def response(self) -> Response:
        """Return the response with this error's status, text and headers."""
        response = text_response(f"{self}{self.line_end}", self.status)
        response.headers.update(self.headers)
        return response


class BadRequestError(ApiError):
    """400: the request is invalid."""


class NotFoundError(ApiError):
    """404: the session does not exist or belongs to another user."""

    status = HTTPStatus.NOT_FOUND


class InternalServerError(ApiError):
    """500: an exception in the server; the text is that of the Java exception."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    line_end = ""

    def __str__(self) -> str:
        """Return the text with the server's prefix."""
        return f"unexpected exception: {super().__str__()}"


class MissingCredentialError(ApiError):
    """The request has no bearer token: 400, because v1 looks for groups first; on v0, 401."""

    headers = MappingProxyType({"www-authenticate": "Bearer"})

    def __init__(self, *, is_v0: bool) -> None:
        super().__init__("Unauthorized" if is_v0 else "cannot get group memberships for anonymous")
        self.status = HTTPStatus.UNAUTHORIZED if is_v0 else HTTPStatus.BAD_REQUEST


class InvalidCallbackTokenError(ApiError):
    """403: the callback token of a desktop is wrong; this platform gives no desktop a token."""

    status = HTTPStatus.FORBIDDEN
    headers = MappingProxyType({"www-authenticate": "Bearer"})

    def __init__(self) -> None:
        super().__init__("Invalid auth token")


class InvalidCookieError(ApiError):
    """403: the cookie is that of a service which this platform does not know."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("delegated credentials not found")


class InvalidTokenError(ApiError):
    """401: the bearer token is wrong. The identity provider is asked about a token without dots."""

    status = HTTPStatus.UNAUTHORIZED
    line_end = ""
    reaches_service = False

    def __init__(self, token: str) -> None:
        is_jwt = token.count(".") == len(("header", "payload"))
        text = "Invalid JWT token" if is_jwt else "Cannot validate token using user info endpoint"
        super().__init__(text)
        self.headers = {
            "www-authenticate": f'Bearer error="invalid_token", error_description="{text}"'
        }


class MalformedCredentialError(ApiError):
    """401: the credential is not a scheme, one blank and a token."""

    status = HTTPStatus.UNAUTHORIZED
    line_end = ""
    reaches_service = False

    def __init__(self, credential: str) -> None:
        text = f"BUG: invalid authorization {credential}"
        super().__init__(text)
        # The server adds a description only if the token is absent.
        challenge = f'Bearer error="invalid_request", error_description="{text}"'
        is_without_token = credential.lower() == "bearer"
        self.headers = {"www-authenticate": challenge if is_without_token else "Bearer"}


class ServiceUnavailableError(ApiError):
    """503: a service behind the server is down. The text names only the path, or `null`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, path: str | None, retry_after: int = 30) -> None:
        super().__init__(f"temporarily unavailable: {'null' if path is None else path}")
        self.headers = {"retry-after": str(retry_after)}


class BodyTooLargeError(Exception):
    """The body is too large for the server's container."""


class BodyTimeoutError(ApiError):
    """408: the body does not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
