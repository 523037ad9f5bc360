"""Responses of the platform: status errors, and the values in successful responses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from skaha import errors
from skaha._sansio.call_context import current_request
from skaha._sansio.redaction import redacted_request, redacted_response
from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha._sansio.call_context import RequestContext

_ERRORS: dict[int, type[errors.StatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    429: errors.TooManyRequestsError,
}
_NEW_ID = re.compile(r"[A-Za-z0-9-]{1,63}")
_MAX_EXCERPT = 500
_FIRST_SERVER_ERROR = 500


class _Model(Protocol):
    """A model of the generated client."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""


# Errors.


def status_error(response: httpx.Response) -> errors.StatusError:
    """Return the error for a response, read completely, whose status is not a success."""
    response = redacted_response(response)
    status, text = response.status_code, _excerpt(response)
    kind = _ERRORS.get(status, errors.StatusError)
    if status >= _FIRST_SERVER_ERROR:
        kind = errors.ServerError
    # Newer platforms look up the groups of an anonymous caller before they check the credentials.
    if kind is errors.BadRequestError and "anonymous" in text:
        kind = errors.AuthenticationError
    request = response.request
    message = f"{request.method} {request.url.path} answered {status}: {text or 'nothing more'}"
    return kind(message + _advice(kind, response, text), response=response)


def _excerpt(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    if is_html(response):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE)
        text = f"an HTML page, {title[1].strip()!r}" if title else "an HTML page"
    text = printable(text)
    return text if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]} …"


def is_html(response: httpx.Response) -> bool:
    """Return whether the body of a response is an HTML page, whatever its header says."""
    start = response.content[:200].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _advice(kind: type[errors.StatusError], response: httpx.Response, text: str) -> str:
    if kind is errors.AuthenticationError:
        return ". The token or certificate was not accepted: get a new one"
    if response.has_redirect_location:
        return f"; a redirection to {response.headers['location']}: check the server's address"
    if kind is errors.BadRequestError and "private image" in text:
        return (
            " An image is host/project/name:tag, with its tag; for a private one give a registry, "
            "or set registry_username and registry_secret in the configuration"
        )
    return ""


def invalid_response(response: httpx.Response, expected: str) -> errors.AnswerError:
    """Return the error for a response that is not as `expected`."""
    response = redacted_response(response)
    request = response.request
    message = (
        f"{request.method} {request.url.path} answered {response.status_code} with "
        f"{_excerpt(response) or 'nothing'}; expected {expected}"
    )
    return errors.AnswerError(message, request=request, text=response.text)


def too_large(request: httpx.Request, limit: float) -> errors.AnswerError:
    """Return the error for a response of more than `limit` bytes."""
    message = (
        f"{request.method} {request.url.path} answered with more than {limit / 2**20:g} MiB; large "
        "logs can be saved to files, with save_logs"
    )
    return errors.AnswerError(message, request=redacted_request(request))


def connection_error(error: httpx.RequestError) -> errors.ConnectionFailedError:
    """Return our error for an httpx error."""
    request = error.request
    where = f"{request.method} {request.url.scheme}://{request.url.netloc.decode()}"
    reason = f"{where}{request.url.path}: {str(error) or type(error).__name__}"
    if isinstance(error, httpx.TimeoutException):
        return errors.TimedOutError(f"no answer in time to {reason}", request=request)
    return errors.ConnectionFailedError(f"no answer to {reason}", request=request)


# Limits of the platform, for errors about amounts.

_REFUSED_AMOUNT = re.compile(r"Invalid value for '(cores|ram|gpus)'")
# Names of the amounts in the context of the platform.
_CONTEXT_NAMES = {"cores": "cores", "ram": "memoryGB", "gpus": "gpus"}


def refused_amount(error: errors.SkahaError) -> str | None:
    """Return the name of the amount that the platform refused, or `None`."""
    if not isinstance(error, errors.BadRequestError):
        return None
    match = _REFUSED_AMOUNT.search(error.text)
    return match[1] if match else None


def add_allowed_amounts(error: errors.SkahaError, context: dict[str, Any]) -> None:
    """Add the allowed values to an "invalid value" error."""
    amount = refused_amount(error)
    limits = context.get(_CONTEXT_NAMES[amount]) if amount else None
    options = limits.get("options") if isinstance(limits, dict) else None
    if isinstance(options, list):
        allowed = ", ".join(map(str, options)) or "none at all"
        error.args = (f"{error.args[0]}; {amount} of this platform: {allowed}",)


# Values. The generated endpoints parse the response; these functions check the result.


OBJECT = "a JSON object"
OBJECTS = "a JSON list of objects"
TEXTS = "a JSON list of texts"
TEXT = "plain text"
NEW_ID = "the id of the new session"


def invalid_value() -> errors.AnswerError:
    """Return the error for the current response, which is not as expected."""
    request = _current_request()
    return invalid_response(_current_response(), request.expected)


def _current_request() -> RequestContext:
    request = current_request()
    if request is None:
        raise RuntimeError("there is no request")
    return request


def _current_response() -> httpx.Response:
    response = _current_request().response
    if response is None:
        raise RuntimeError("there is no response")
    return response


def record_of(model: _Model | None) -> dict[str, Any]:
    """Return the JSON object of a response.

    Raises:
        AnswerError: If the endpoint could not read the response as an object.
    """
    value = _current_response().json() if model is not None else None
    # The generated code also reads an empty list as an object.
    if model is None or not isinstance(value, dict):
        raise invalid_value()
    return _in_order_of(value, model.to_dict())


def records_of(models: Sequence[_Model] | None) -> list[dict[str, Any]]:
    """Return the JSON list of objects of a response.

    Raises:
        AnswerError: If the endpoint could not read the response as a list of objects.
    """
    values = _current_response().json() if models is not None else None
    # The generated code also reads an empty object or text as a list, and a list as an object.
    if (
        models is None
        or not isinstance(values, list)
        or not all(isinstance(value, dict) for value in values)
    ):
        raise invalid_value()
    return [
        _in_order_of(value, model.to_dict()) for value, model in zip(values, models, strict=True)
    ]


def _in_order_of(value: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the keys in the order of the response: models put new keys first."""
    return {
        key: _in_order_of(inner, record[key]) if isinstance(inner, dict) else record[key]
        for key, inner in value.items()
    }


def texts_of(texts: Sequence[object] | None) -> list[str]:
    """Return the JSON list of texts of a response.

    Raises:
        AnswerError: If the response is anything else.
    """
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise invalid_value()
    return texts


def text_of(text: str | None) -> str:
    """Return the text of a response.

    Raises:
        AnswerError: If the response is the page of another server.
    """
    if text is None or is_page(_current_response()):
        raise invalid_value()
    return text


def new_id(text: str | None) -> str:
    """Return the id in the response to a launch.

    Raises:
        AnswerError: If the response cannot be an id.
    """
    session_id = (text or "").strip()
    if not _NEW_ID.fullmatch(session_id) or (session_id == text and not _has_length()):
        raise invalid_value()
    return session_id


def _has_length() -> bool:
    """Return whether the response shows that its body is complete."""
    headers = _current_response().headers
    return "content-length" in headers or "transfer-encoding" in headers


def is_page(response: httpx.Response) -> bool:
    """Return whether a response is an HTML page. The platform sends none, so another server did."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.startswith("text/html")
