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
    """The request has no credential: 400, because the v1 server looks for groups first; v0: 401."""

    headers = MappingProxyType({"www-authenticate": "Bearer"})

    def __init__(self, *, is_v0: bool) -> None:
        super().__init__("Unauthorized" if is_v0 else "cannot get group memberships for anonymous")
        self.status = HTTPStatus.UNAUTHORIZED if is_v0 else HTTPStatus.BAD_REQUEST


class InvalidCallbackTokenError(ApiError):
    """403: the callback token of a desktop is wrong; this platform gives no desktop a token."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("Invalid auth token")


class InvalidTokenError(ApiError):
    """401: the bearer token is wrong."""

    status = HTTPStatus.UNAUTHORIZED
    line_end = ""
    headers = MappingProxyType(
        {"www-authenticate": 'Bearer error="invalid_token", error_description="Invalid JWT token"'}
    )

    def __init__(self) -> None:
        super().__init__("Invalid JWT token")


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
    headers = MappingProxyType({"connection": "close"})
