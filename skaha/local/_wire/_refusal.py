"""The ways in which the server refuses, each with its own habit of ending the text."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.responses import Response


class RefusalError(Exception):
    """An answer that is not the one that was asked for."""

    status = HTTPStatus.BAD_REQUEST
    line_end = "\n"
    headers: Mapping[str, str] = MappingProxyType({})

    def response(self) -> Response:
        """Return the plain text that the wire carries."""
        response = text(f"{self}{self.line_end}", self.status)
        response.headers.update(self.headers)
        return response


class InvalidError(RefusalError):
    """400: the request makes no sense."""


class NotFoundError(RefusalError):
    """404: there is no such session, or it is not the caller's."""

    status = HTTPStatus.NOT_FOUND


class BrokenError(RefusalError):
    """500: the server fell over; the text is that of a Java exception."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    line_end = ""

    def __str__(self) -> str:
        """Return the text with the server's own beginning."""
        return f"unexpected exception: {super().__str__()}"


class AnonymousError(RefusalError):
    """There is no credential: 401, or 400 where the group service is asked before."""

    headers = MappingProxyType({"www-authenticate": "Bearer"})

    def __init__(self, *, old: bool) -> None:
        super().__init__("Unauthorized" if old else "cannot get group memberships for anonymous")
        self.status = HTTPStatus.UNAUTHORIZED if old else HTTPStatus.BAD_REQUEST


class InvalidCallbackError(RefusalError):
    """403: a desktop's own token, which no desktop has been given here."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("Invalid auth token")


class RejectedTokenError(RefusalError):
    """401: there is a credential, but not a good one."""

    status = HTTPStatus.UNAUTHORIZED
    line_end = ""
    headers = MappingProxyType(
        {"www-authenticate": 'Bearer error="invalid_token", error_description="Invalid JWT token"'}
    )

    def __init__(self) -> None:
        super().__init__("Invalid JWT token")


class UnavailableError(RefusalError):
    """503: something behind the server is down; which is not said, and the path only at times."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, path: str | None, retry_after: int = 30) -> None:
        super().__init__(f"temporarily unavailable: {'null' if path is None else path}")
        self.headers = {"retry-after": str(retry_after)}


class TooLargeError(RefusalError):
    """413: the body is larger than any launch."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooSlowError(RefusalError):
    """408: the body does not come."""

    status = HTTPStatus.REQUEST_TIMEOUT
    headers = MappingProxyType({"connection": "close"})


def text(body: str | bytes, status: int = HTTPStatus.OK) -> Response:
    """Return plain text, without the charset that the framework would add."""
    return Response(body, status, headers={"content-type": "text/plain"})
