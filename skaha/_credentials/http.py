"""HTTP requests to credential providers and registries. Errors contain no secrets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from skaha._sansio.redaction import redacted_request, without_secrets
from skaha._sansio.validation import hidden_url
from skaha._transport._sync.concurrency import run_with_limit
from skaha._transport._sync.pool import ConnectionPool
from skaha._transport.connection_settings import HEADERS, NetworkSettings
from skaha._transport.proxies import is_loopback
from skaha.errors import ConnectionFailedError, CredentialsError, InvalidInputError, TimedOutError
from skaha.models import SecretText
from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_MESSAGE_LENGTH = 300
_SERVER_ERROR = 500
# Time-outs after which a request ends: one for the connection, and one for the response.
_TIMEOUTS = 2
# Bytes of a response. The largest responses are the registries, with about 100 KiB.
_MAX_BYTES = 4 * 2**20
# The client asks for no compression. Other encodings may expand a few bytes to gigabytes.
_ENCODINGS = ("", "identity", "gzip", "deflate")


def check_secure_url(url: str, name: str = "the address") -> None:
    """Raise unless requests to this URL are safe from readers on the way.

    Raises:
        InvalidInputError: If it is not an https URL, and not on this machine. The message begins
            with `name`.
    """
    # No message and no traceback may show a password.
    url = hidden_url(url)
    if not _is_secure(url):
        shown = one_line(repr(url))
        raise InvalidInputError(
            f"{name} must be an https URL without a user or a password; not {shown}"
        )


def _is_secure(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
        host = parsed.host
        # Python cannot connect to a host with an empty or a long label.
        host.encode("idna")
    except (httpx.InvalidURL, TypeError, ValueError):
        return False
    is_encrypted = parsed.scheme == "https" or (parsed.scheme == "http" and is_loopback(host))
    return is_encrypted and bool(host) and not parsed.userinfo


def open_client(timeout: float) -> httpx.Client:
    """Open a client for the services of one provider.

    The client does not follow redirects: a redirect could send secrets to another server.
    """
    accept = {"Accept": "application/json, text/plain;q=0.9, */*;q=0.1"}
    return httpx.Client(
        headers=HEADERS | accept, timeout=timeout, transport=ConnectionPool(NetworkSettings())
    )


def send(
    client: httpx.Client, method: str, url: str, *, secrets: Sequence[str] = (), **options: Any
) -> httpx.Response:
    """Send a request and return the complete response, which may be a refusal.

    Args:
        client: The client.
        method: The HTTP method.
        url: The URL.
        secrets: Secrets in the request. Some providers quote them in their messages.
        options: The other arguments of the request.

    Raises:
        InvalidInputError: If the URL is not secure.
        ConnectionFailedError: If there is no response in time, or a response with a server error.
        CredentialsError: If the response is too large, or compressed in an unusual way.
    """
    check_secure_url(url)
    host = httpx.URL(url).host
    problem: ConnectionFailedError | CredentialsError
    responses: list[httpx.Response | None] = []

    def receive() -> None:
        with client.stream(method, url, **options) as received:
            responses.append(_read(received, secrets))

    try:
        # The time-out of the client is for each part, and the headers may come byte by byte.
        run_with_limit(receive, _TIMEOUTS * (client.timeout.read or 0))
    except httpx.TimeoutException:
        problem = TimedOutError(f"{host} did not respond in time")
    except (httpx.HTTPError, httpx.StreamError) as error:
        problem = ConnectionFailedError(f"{host} cannot be reached: {error}")
    else:
        response = responses[0] if responses else None
        if not responses:
            problem = TimedOutError(f"{host} did not respond in time")
        elif response is None:
            problem = CredentialsError(
                f"{host} sent an unusual response: compressed, or larger than "
                f"{_MAX_BYTES // 2**20} MiB"
            )
        elif response.status_code < _SERVER_ERROR:
            return response
        else:
            problem = ConnectionFailedError(
                f"{host} failed with status {response.status_code}: {server_message(response)}"
            )
    # Raise outside of the handlers: the frames of the inner error contain secrets.
    raise problem


def _read(received: httpx.Response, secrets: Sequence[str]) -> httpx.Response | None:
    """Return the complete response; `None` if it is too large or compressed in an unusual way.

    Raises:
        httpx.ReadTimeout: If it takes longer than the time-out as a whole.
    """
    request = received.request
    seconds = request.extensions["timeout"]["read"]
    deadline = time.monotonic() + seconds
    if received.headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
        return None
    content = bytearray()
    for part in received.iter_bytes():
        content += part
        if len(content) > _MAX_BYTES:
            return None
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout(f"no end after {seconds:g} s", request=request)
    credentials = SecretText(request.headers.get("authorization", "").rpartition(" ")[2])
    content_type = [pair for pair in received.headers.raw if pair[0].lower() == b"content-type"]
    response = httpx.Response(
        received.status_code,
        headers=content_type,
        content=bytes(content),
        request=redacted_request(request),
        extensions={"secrets": [secret for secret in [*secrets, credentials] if secret]},
    )
    # All of these servers send UTF-8; ignore the charset, which could name any codec.
    response.encoding = "utf-8"
    return response


def json_object(response: httpx.Response, content: str) -> dict[str, Any]:
    """Return the JSON object of a response.

    Args:
        response: A response to a request for `content`.
        content: The noun for the object in errors.

    Raises:
        CredentialsError: If the server refuses the request, or sends something else.
    """
    host = response.request.url.host
    if not response.is_success:
        raise CredentialsError(
            f"{host} provides no {content}: status {response.status_code}, "
            f"{server_message(response)}"
        )
    parsed = parsed_json(response)
    if parsed is None:
        raise CredentialsError(f"{host} provides no {content}: the response is not a JSON object")
    return parsed


def parsed_json(response: httpx.Response) -> dict[str, Any] | None:
    """Return the JSON object of a response; `None` if its body is something else."""
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def word_of(value: object) -> str:
    """Return a text or a number of a JSON object as a text; for any other value an empty text."""
    return str(value) if isinstance(value, str | int) else ""


def server_message(response: httpx.Response) -> str:
    """Return the error message of a server as one printable line without our secrets."""
    text = response.text
    if response.headers.get("content-type", "").startswith("application/json"):
        parsed = parsed_json(response) or {}
        parts = [parsed.get("error"), parsed.get("error_description")]
        text = ": ".join(filter(None, map(word_of, parts))) or text
    elif "html" in response.headers.get("content-type", ""):
        text = response.reason_phrase
    content = text.encode(errors="replace")
    text = without_secrets(content, response.extensions.get("secrets", ())).decode()
    return one_line(text) or response.reason_phrase


def one_line(text: str) -> str:
    """Return the beginning of a server's text as one printable line."""
    return printable(" ".join(text.split()))[:_MESSAGE_LENGTH]
