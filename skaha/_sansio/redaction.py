"""Copies of requests and responses without secrets, for errors.

An error may be logged, pickled or shown with all its attributes. The request has the token and the
values of `env`. The response leads to its request and its connection, and its text may quote the
request, as error texts of Kubernetes do.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, quote_plus

import httpx

from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Shorter values of `env` are usually words or numbers, and messages need these.
_SHORTEST_SECRET = 8
_MASK = b"..."
# The body of the copy has another length, and is not compressed.
_BODY_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")


class _ReadStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The stream of a response that was read. It leads to no connection."""


def redacted_request(request: httpx.Request) -> httpx.Request:
    """Return a request with the method and the URL only."""
    return httpx.Request(request.method, request.url)


def redacted_response(response: httpx.Response) -> httpx.Response:
    """Return the status, the headers and the text of a complete response.

    Secrets of the request that the response quotes are replaced by dots.
    """
    secrets = [secret for secret in _secrets(response.request) if len(secret) >= _SHORTEST_SECRET]
    headers = [
        (name, without_secrets(value, secrets))
        for name, value in response.headers.raw
        if name.lower() not in _BODY_HEADERS
    ]
    copy = httpx.Response(
        response.status_code,
        headers=headers,
        content=without_secrets(response.content, secrets),
        request=redacted_request(response.request),
    )
    # The platform sends UTF-8; ignore the charset header, which could name any codec.
    copy.encoding = "utf-8"
    copy.stream = _ReadStream()
    return copy


def without_secrets(content: bytes, secrets: Iterable[str]) -> bytes:
    """Return a text of a server with dots in the place of secrets that it quotes."""
    for secret in secrets:
        for spelling in _spellings(secret):
            content = content.replace(spelling, _MASK)
    return content


def _spellings(secret: str) -> set[bytes]:
    """Return a secret as texts, URLs, HTML and JSON contain it."""
    # Late imports for the start-up time: only errors need them.
    import html
    import json

    in_json = json.dumps(secret, ensure_ascii=False)[1:-1]
    texts = [
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
        in_json,
        json.dumps(secret)[1:-1],
        # Kubernetes is written in Go, which writes these characters so.
        in_json.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}),
    ]
    return {text.encode() for text in texts if text}


def _secrets(request: httpx.Request) -> Iterator[SecretText]:
    """Yield the token, the secret of the registry and the values of `env` in a request."""
    yield SecretText(request.headers.get("authorization", "").removeprefix("Bearer "))
    registry = SecretText(request.headers.get("x-skaha-registry-auth", ""))
    yield registry
    with suppress(binascii.Error, UnicodeError):
        yield SecretText(base64.b64decode(registry).decode().partition(":")[2])
    try:
        form = SecretText(request.content.decode())
    except (httpx.RequestNotRead, UnicodeError):  # not a form of this library
        return
    for variable in parse_qs(form).get("env", ()):
        yield SecretText(variable.partition("=")[2])
