"""Requests to those who hand out credentials: nothing secret in an error, or on an open wire."""

from __future__ import annotations

from typing import Any

import httpx

from skaha._transport.connection_settings import USER_AGENT, tls_context
from skaha._transport.proxies import is_loopback
from skaha.errors import ConnectionFailedError, CredentialsError, InvalidInputError, TimedOutError

__all__ = ["ask", "check_safe", "json_of", "open_client", "shown", "words_of"]

_LONGEST_WORDS = 300
_SERVER_ERROR = 500


def check_safe(url: str, what: str = "the address") -> None:
    """Refuse a place that secrets could be read on the way to.

    Raises:
        InvalidInputError: If it is no https URL, and not on this machine.
    """
    try:
        parsed = httpx.URL(url)
        safe = parsed.scheme == "https" or (parsed.scheme == "http" and is_loopback(parsed.host))
    except (httpx.InvalidURL, TypeError, ValueError):
        safe = False
    if not safe or not parsed.host or parsed.userinfo:
        raise InvalidInputError(f"{what} must be an https URL without a user; not {url!r}")


def open_client(url: str, timeout: float) -> httpx.Client:
    """Open a client for the services of one provider.

    Redirects are not followed: they could lead secrets away.
    """
    return httpx.Client(
        headers={
            "User-Agent": USER_AGENT,
            "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
        },
        timeout=timeout,
        verify=tls_context(url),
        # A proxy could read what goes to this machine without TLS.
        trust_env=not is_loopback(httpx.URL(url).host),
    )


def ask(client: httpx.Client, method: str, url: str, **more: Any) -> httpx.Response:
    """Send a request and return the whole answer, unless the server failed.

    Raises:
        InvalidInputError: If the address is not safe.
        ConnectionFailedError: If there is no answer, or one that only says that it failed.
    """
    check_safe(url)
    host = httpx.URL(url).host
    problem: ConnectionFailedError
    try:
        answer = client.request(method, url, **more)
    except httpx.TimeoutException:
        problem = TimedOutError(f"{host} did not answer in time")
    except (httpx.HTTPError, httpx.StreamError) as error:
        problem = ConnectionFailedError(f"{host} cannot be reached: {error}")
    else:
        if answer.status_code < _SERVER_ERROR:
            return answer
        problem = ConnectionFailedError(f"{host} answered {answer.status_code}: {words_of(answer)}")
    # Outside of the handlers: what led to it has secrets in its frames.
    raise problem


def words_of(answer: httpx.Response) -> str:
    """Return what a server says, in one line that is fit to be shown."""
    text = answer.text
    if answer.headers.get("content-type", "").startswith("application/json"):
        try:
            said = answer.json()
            parts = [said.get("error"), said.get("error_description")]
            text = ": ".join(str(part) for part in parts if part) or text
        except (ValueError, AttributeError):
            pass
    elif "html" in answer.headers.get("content-type", ""):
        text = answer.reason_phrase
    return shown(text) or answer.reason_phrase


def shown(text: str) -> str:
    """Return a text of a server in one line, cut, without control characters."""
    line = " ".join(text.split())
    return "".join(one for one in line if one.isprintable())[:_LONGEST_WORDS]


def json_of(answer: httpx.Response, what: str) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        CredentialsError: If the server refuses, or answers with something else.
    """
    host = answer.request.url.host
    if not answer.is_success:
        raise CredentialsError(
            f"{host} has no {what}: it answered {answer.status_code}, {words_of(answer)}"
        )
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CredentialsError(f"{host} has no {what}: its answer is no JSON object")
    return found
