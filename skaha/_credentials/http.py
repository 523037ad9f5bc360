"""HTTP requests to credential providers and registries. Errors contain no secrets."""

from __future__ import annotations

from typing import Any

import httpx

from skaha._transport._sync import client as transport
from skaha._transport.proxies import is_loopback
from skaha.errors import ConnectionFailedError, CredentialsError, InvalidInputError, TimedOutError
from skaha.records import printable

_MESSAGE_LENGTH = 300
_SERVER_ERROR = 500


def check_secure_url(url: str, name: str = "the address") -> None:
    """Raise unless requests to this URL are safe from readers on the way.

    Raises:
        InvalidInputError: If it is not an https URL, and not on this machine. The message begins
            with `name`.
    """
    try:
        parsed = httpx.URL(url)
        is_secure = parsed.scheme == "https" or (
            parsed.scheme == "http" and is_loopback(parsed.host)
        )
    except (httpx.InvalidURL, TypeError, ValueError):
        is_secure = False
    if not is_secure or not parsed.host or parsed.userinfo:
        raise InvalidInputError(f"{name} must be an https URL without a user; not {url!r}")


def open_client(timeout: float) -> httpx.Client:
    """Open a client for the services of one provider.

    The client does not follow redirects: a redirect could send secrets to another server.
    """
    accept = {"Accept": "application/json, text/plain;q=0.9, */*;q=0.1"}
    return transport.open_client(headers=accept, timeout=timeout)


def send(client: httpx.Client, method: str, url: str, **options: Any) -> httpx.Response:
    """Send a request and return the complete response, which may be a refusal.

    Raises:
        InvalidInputError: If the URL is not secure.
        ConnectionFailedError: If there is no response, or a response with a server error.
    """
    check_secure_url(url)
    host = httpx.URL(url).host
    problem: ConnectionFailedError
    try:
        response = client.request(method, url, **options)
    except httpx.TimeoutException:
        problem = TimedOutError(f"{host} did not respond in time")
    except (httpx.HTTPError, httpx.StreamError) as error:
        problem = ConnectionFailedError(f"{host} cannot be reached: {error}")
    else:
        if response.status_code < _SERVER_ERROR:
            return response
        problem = ConnectionFailedError(
            f"{host} failed with status {response.status_code}: {server_message(response)}"
        )
    # Raise outside of the handlers: the frames of the inner error contain secrets.
    raise problem


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


def server_message(response: httpx.Response) -> str:
    """Return the error message of a server as one printable line."""
    text = response.text
    if response.headers.get("content-type", "").startswith("application/json"):
        parsed = parsed_json(response) or {}
        parts = [parsed.get("error"), parsed.get("error_description")]
        text = ": ".join(str(part) for part in parts if part) or text
    elif "html" in response.headers.get("content-type", ""):
        text = response.reason_phrase
    return one_line(text) or response.reason_phrase


def one_line(text: str) -> str:
    """Return the beginning of a server's text as one printable line."""
    return printable(" ".join(text.split()))[:_MESSAGE_LENGTH]
