"""From the platform's answers to values and errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx

from skaha import errors
from skaha.models import Capability, Interface

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ERRORS: dict[int, type[errors.StatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    429: errors.TooManyRequestsError,
}
_NEW_ID = re.compile(r"[A-Za-z0-9-]{1,63}")
_LONGEST_EXCERPT = 500
_FIRST_SERVER_ERROR = 500


def refusal(response: httpx.Response) -> errors.StatusError:
    """Return the error that fits an answer, read whole, that is not a success."""
    status, text = response.status_code, _excerpt(response)
    kind = _ERRORS.get(status, errors.StatusError)
    if status >= _FIRST_SERVER_ERROR:
        kind = errors.ServerError
    # Newer platforms look up an anonymous caller's groups before they ask who it is.
    if kind is errors.BadRequestError and "anonymous" in text:
        kind = errors.AuthenticationError
    request = response.request
    message = f"{request.method} {request.url.path} answered {status}: {text or 'nothing more'}"
    return kind(message + _advice(kind, response, text), response=response)


def _excerpt(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    if _is_html(response):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE)
        text = f"an HTML page, {title[1].strip()!r}" if title else "an HTML page"
    # What is not printable would reach terminals, where it may do anything.
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]} …"


def _is_html(response: httpx.Response) -> bool:
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


def unreadable(response: httpx.Response, expected: str) -> errors.AnswerError:
    """Return the error for an answer that is not what was `expected`."""
    request = response.request
    message = (
        f"{request.method} {request.url.path} answered {response.status_code} with "
        f"{_excerpt(response) or 'nothing'}; expected {expected}"
    )
    return errors.AnswerError(message, request=request, text=response.text)


def too_large(request: httpx.Request, limit: float) -> errors.AnswerError:
    """Return the error for an answer that does not fit into `limit` bytes."""
    message = (
        f"{request.method} {request.url.path} answered with more than {limit / 2**20:g} MiB; large "
        "logs can be saved to files, with save_logs"
    )
    return errors.AnswerError(message, request=request)


def _json(response: httpx.Response, expected: str) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        raise unreadable(response, expected) from None


def json_object(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that was answered.

    Raises:
        AnswerError: If something else was.
    """
    value = _json(response, "a JSON object")
    if not isinstance(value, dict):
        raise unreadable(response, "a JSON object")
    return value


def json_objects(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the list of JSON objects that was answered.

    Raises:
        AnswerError: If something else was.
    """
    value = _json(response, "a JSON list of objects")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise unreadable(response, "a JSON list of objects")
    return value


def identified(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the sessions that were answered, but for those without an id and a name as texts.

    Raises:
        AnswerError: If something else was answered.
    """
    records = json_objects(response)
    return [one for one in records if all(isinstance(one.get(key), str) for key in ("id", "name"))]


def is_page(response: httpx.Response) -> bool:
    """Say whether the answer is a page, which the platform never sends: some other server's."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.startswith("text/html")


def saved(response: httpx.Response) -> None:
    """Leave alone what was saved.

    Raises:
        AnswerError: If nothing was, as it is a page that some other server wrote.
    """
    if is_page(response):
        raise unreadable(response, "plain text")


def plain_bytes(response: httpx.Response) -> bytes:
    """Return the bytes of the text that was answered.

    Raises:
        AnswerError: If it is a page that some other server wrote.
    """
    plain_text(response)
    return response.content


def new_id(response: httpx.Response) -> str:
    """Return the id that a launch was answered with.

    Raises:
        AnswerError: If the answer cannot be an id.
    """
    text = response.text.strip()
    if not _NEW_ID.fullmatch(text):
        raise unreadable(response, "the id of the new session")
    return text


def plain_text(response: httpx.Response) -> str:
    """Return the text that was answered.

    Raises:
        AnswerError: If it is a page that some other server wrote.
    """
    if is_page(response):
        raise unreadable(response, "plain text")
    return response.text


def connection_failure(error: httpx.RequestError) -> errors.SkahaError:
    """Return our error for one of httpx's."""
    request = error.request
    where = f"{request.method} {request.url.scheme}://{request.url.netloc.decode()}"
    why = f"{where}{request.url.path}: {str(error) or type(error).__name__}"
    if isinstance(error, httpx.TimeoutException):
        return errors.TimedOutError(f"no answer in time to {why}", request=request)
    return errors.ConnectionFailedError(f"no answer to {why}", request=request)


def json_words(response: httpx.Response) -> list[str]:
    """Return the JSON list of texts that was answered.

    Raises:
        AnswerError: If something else was.
    """
    value = _json(response, "a JSON list of texts")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise unreadable(response, "a JSON list of texts")
    return value


def _xml(response: httpx.Response, expected: str) -> Element:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    try:
        return ElementTree.fromstring(response.content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise unreadable(response, expected) from None


def availability(response: httpx.Response) -> bool:
    """Return what a VOSI availability document says.

    Raises:
        AnswerError: If it is no such document.
    """
    expected = "a VOSI availability document"
    word = _xml(response, expected).findtext("{*}available", "").strip()
    available = {"true": True, "1": True, "false": False, "0": False}.get(word)
    if available is None:
        raise unreadable(response, expected)
    return available


def capabilities(response: httpx.Response) -> list[Capability]:
    """Return what a VOSI capabilities document says.

    Raises:
        AnswerError: If it is no such document.
    """
    expected = "a VOSI capabilities document"
    root = _xml(response, expected)
    if root.tag.rpartition("}")[2] != "capabilities":
        raise unreadable(response, expected)
    return [
        Capability(one.get("standardID", ""), tuple(map(_interface, one.iterfind("{*}interface"))))
        for one in root.iterfind("{*}capability")
    ]


def _interface(element: Element) -> Interface:
    methods = (one.get("standardID") for one in element.iterfind("{*}securityMethod"))
    return Interface(
        element.findtext("{*}accessURL", "").strip(),
        tuple(method for method in methods if method),
        element.get("version"),
    )
