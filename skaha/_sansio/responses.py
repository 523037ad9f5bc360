"""Responses of the platform: status errors, and the values in successful responses."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, cast

import httpx

from skaha import errors
from skaha._sansio.call_context import current_call, current_request
from skaha._sansio.redaction import redacted_request, redacted_response
from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skaha._sansio.call_context import RequestContext

log = logging.getLogger("skaha")

_ERRORS: dict[int, type[errors.StatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    429: errors.TooManyRequestsError,
}
# Refusals of one session. The platform sends 400, 403 and 404; the others mean the same.
_STATUSES_ABOUT_SESSIONS = frozenset({400, 404, 409, 410, 412, 422, 423})
_ABSENT = frozenset({404, 410})
# No session can have an id that Kubernetes refuses with this text.
_IMPOSSIBLE_ID = "canfar.net/id label value"
# An older platform refuses to delete the session of another user with this text.
_FOREIGN_SESSION = "forbidden"
# The platform refuses all requests of a user whose name Kubernetes does not allow as a label. The
# second text comes from a renewal while the platform cannot reach Kubernetes.
_TEXTS_ABOUT_ALL_SESSIONS = ("canfar.net/username label value", "For input string: ")
# Traefik and Kubernetes answer 404 with these texts, and Envoy with an empty one.
_TEXTS_OF_INGRESSES = frozenset({"", "404 page not found", "default backend - 404"})
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# The beginning of an HTML page, after a byte order mark, comments and an XML declaration. Atomic
# groups (`(?>`, `*+`): without them, the time doubles with each comment if there is no page.
_HTML = (
    rb"(?is)"
    rb"(\xef\xbb\xbf)?\s*(?>(<!--.*?-->|<\?xml.*?\?>)\s*)*+<(!doctype\s+html|html|head|body)\b"
)
# Header with the user name: the platform adds it to each response to a known user.
USER_HEADER = "x-vo-authenticated"
_TOMCAT_MESSAGE = r"<b>Message</b>(.*?)</p>"
MAX_START = 2000
_NEW_ID = r"[A-Za-z0-9-]{1,63}"
_MAX_EXCERPT = 500
# The reason of a refusal is searched in so many characters, because the time is quadratic.
_MAX_SEARCHED = 10_000
# The platform's text if Kubernetes refused the job of a launch: 700 characters without the reason.
_REFUSED_JOB = ("ApiException", "jobs.batch", "not found")
_REFUSED_JOB_TEXT = (
    "Kubernetes refused the job, and Skaha does not give the reason. Usual reasons are a quota, a "
    "name that Kubernetes does not allow, and words that YAML does not read as texts"
)
# Texts of kubectl that the platform passes on in the place of events.
_KUBECTL_ERRORS = (
    "error: ",
    "Error from server",
    "The connection to the server",
    "Unable to connect to the server",
)
_FIRST_SERVER_ERROR = 500


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
    error = kind(message + _advice(kind, response, text), response=response)
    error.concerns_platform = kind.concerns_platform or not _is_about_session(response)
    return error


def _is_about_session(response: httpx.Response) -> bool:
    """Return whether a refusal is the platform's own word about one session.

    Proxies and ingresses refuse requests, too: with pages, with JSON or with their own texts. The
    platform always sends a plain text.
    """
    text = response.text.strip()
    if response.status_code == httpx.codes.FORBIDDEN:
        # With any other text, the platform refuses all requests of the caller.
        return response.request.method == "DELETE" and text == _FOREIGN_SESSION
    if text.startswith(_TEXTS_ABOUT_ALL_SESSIONS):
        return False
    is_text = text not in _TEXTS_OF_INGRESSES and not is_page(response) and not is_json(response)
    return is_text and response.status_code in _STATUSES_ABOUT_SESSIONS


def means_absence(error: errors.SkahaError) -> bool:
    """Return whether the platform says that a session does not exist."""
    return (
        isinstance(error, errors.StatusError)
        and not error.concerns_platform
        and (error.status in _ABSENT or _IMPOSSIBLE_ID in error.text)
    )


def _excerpt(response: httpx.Response) -> str:
    text = response.text[:_MAX_SEARCHED]
    if response.is_server_error and _contains_in_order(text, _REFUSED_JOB):
        return _REFUSED_JOB_TEXT
    text = " ".join(text.split())
    if is_page(response):
        import html  # it is large, and few programs need it

        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE)
        reason = re.search(_TOMCAT_MESSAGE, text)
        parts = [html.unescape(found[1]).strip() for found in (title, reason) if found]
        text = f"an HTML page, {': '.join(parts)!r}" if parts else "an HTML page"
    text = printable(text)
    return text if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]} …"


def _contains_in_order(text: str, parts: Sequence[str]) -> bool:
    for part in parts:
        _, found, text = text.partition(part)
        if not found:
            return False
    return True


def _advice(kind: type[errors.StatusError], response: httpx.Response, text: str) -> str:
    if kind is errors.AuthenticationError:
        return ". The token or certificate was not accepted: get a new one"
    if response.has_redirect_location:
        return f"; a redirection to {response.headers['location']}: check the server's address"
    if kind is errors.NotFoundError and is_page(response):
        return ": check the server's address and its version"
    if kind is errors.BadRequestError and "private image" in text:
        return (
            " An image is host/project/name:tag, with its tag; for one that is private or not "
            "listed, give a registry, or set registry_username and registry_secret in the "
            "configuration"
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
    error = errors.AnswerError(message, request=redacted_request(request))
    # The platform works; the log of this session is too large.
    error.concerns_platform = False
    return error


# Events of a session without a container.


def explain_missing_events(error: errors.NotFoundError, record: Mapping[str, Any]) -> None:
    """Add the reason to a "not found" error about the events of a session that exists."""
    status = record.get("status")
    reason = (
        "it waits in a queue or has not started yet"
        if status == "Pending"
        else "its container is gone, because it ended long ago or because the platform lost it"
    )
    message = str(error.args[0]).rstrip(".")
    error.args = (f"{message}. The session exists ({status}) without events: {reason}",)


# Limits of the platform, for errors about amounts.

_REFUSED_AMOUNT = r"Invalid value for '(cores|ram|gpus)'"
# Names of the amounts in the context of the platform.
_CONTEXT_NAMES = {"cores": "cores", "ram": "memoryGB", "gpus": "gpus"}


def refused_amount(error: errors.SkahaError) -> str | None:
    """Return the name of the amount that the platform refused, or `None`."""
    if not isinstance(error, errors.BadRequestError):
        return None
    match = re.search(_REFUSED_AMOUNT, error.text)
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
EVENTS = "a table of events"
NEW_ID = "the id of the new session"


def invalid_value() -> errors.AnswerError:
    """Return the error for the current response, which is not as expected."""
    request = _current_request()
    return invalid_response(_current_response(), request.expected)


def _current_request() -> RequestContext:
    # The functions of this module are called in the block of a request only.
    return cast("RequestContext", current_request())


def _current_response() -> httpx.Response:
    return cast("httpx.Response", _current_request().response)


def record_of(model: object) -> dict[str, Any]:
    """Return the JSON object that an endpoint has read as a model.

    It is equal to the `to_dict()` of the model, but unknown keys keep their places.

    Raises:
        AnswerError: If the endpoint could not read the response as an object.
    """
    value = _current_response().json() if model is not None else None
    # The generated code also reads an empty list as an object.
    if not isinstance(value, dict):
        raise invalid_value()
    return value


def records_of(models: Sequence[object] | None) -> list[dict[str, Any]]:
    """Return the JSON list of objects that an endpoint has read as models, as `record_of` does.

    Raises:
        AnswerError: If the endpoint could not read the response as a list of objects.
    """
    values = _current_response().json() if models is not None else None
    # The generated code also reads an empty object or text as a list, and a list as an object.
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise invalid_value()
    return values


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
        AnswerError: If the response is an HTML page or JSON.
    """
    response = _current_response()
    if text is None or is_page(response) or is_json(response):
        raise invalid_value()
    return text


def events_of(text: str | None) -> str:
    """Return the table of events in a response.

    Raises:
        AnswerError: If the response is an HTML page, JSON or an error text of kubectl.
    """
    table = text_of(text)
    if table.startswith(_KUBECTL_ERRORS):
        raise invalid_value()
    return table


def log_of(text: str | None) -> str:
    """Return the log in a response.

    Raises:
        AnswerError: If the response is an HTML page or JSON of another server.
    """
    response = _current_response()
    if text is None or not is_declared_text(response):
        return text_of(text)
    if not may_contain_html(response) and is_html(response):
        raise invalid_value()
    return text


def check_done(text: str | None) -> None:
    """Check the response to a deletion or a renewal. The platform sends an empty text.

    Raises:
        AnswerError: If the response is an HTML page or JSON.
    """
    if text_of(text).strip():
        response, call = redacted_response(_current_response()), current_call()
        excerpt = _excerpt(response)
        if call is not None:
            if excerpt in call.unexpected_texts:
                return
            call.unexpected_texts.add(excerpt)
        log.warning(
            "%s %s: success, but with an unexpected text: %s",
            response.request.method,
            response.request.url.path,
            excerpt,
        )


def new_id(text: str | None) -> str:
    """Return the id in the response to a launch.

    Raises:
        AnswerError: If the response cannot be an id.
    """
    session_id = (text or "").strip()
    if not re.fullmatch(_NEW_ID, session_id) or (session_id == text and not _has_length()):
        raise invalid_value()
    return session_id


def _has_length() -> bool:
    """Return whether the response shows that its body is complete."""
    headers = _current_response().headers
    return "content-length" in headers or "transfer-encoding" in headers


def is_page(response: httpx.Response) -> bool:
    """Return whether a response is an HTML page. The platform sends none, so another server did."""
    return _media_type(response) in _HTML_TYPES or is_html(response)


def is_html(response: httpx.Response) -> bool:
    """Return whether the body of a response is an HTML page, with any content type."""
    return re.match(_HTML, response.content[:MAX_START]) is not None


def is_json(response: httpx.Response) -> bool:
    """Return whether a response is declared as JSON, or is a JSON object or list."""
    media_type = _media_type(response)
    if media_type == "application/json" or media_type.endswith("+json"):
        return True
    if not response.content[:MAX_START].lstrip().startswith((b"{", b"[")):
        return False
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True


def is_declared_text(response: httpx.Response) -> bool:
    """Return whether the headers of a response declare plain text.

    The platform declares every log as plain text, and a program may print JSON. So the body of such
    a response does not show that it is JSON of another server.
    """
    return _media_type(response) == "text/plain"


def may_contain_html(response: httpx.Response) -> bool:
    """Return whether a log may be HTML: a program may print it, if the platform sent the log."""
    return USER_HEADER in response.headers


def _media_type(response: httpx.Response) -> str:
    content_type: str = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()
