"""Context of the current call and of the current request.

A generated endpoint takes neither a deadline nor options, and it returns only the parsed body. The
two context variables of this module carry a deadline from the facade to the HTTP client, and the
response back. They are the only hidden channel between the two.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from skaha.retry import Retry


# The extension of a request with the time of the monotonic clock at which its response must end.
END = "end"
# Seconds that a request gets at least, so that a short time limit still allows one look.
_MIN_TIMEOUT = 5.0


class CallContext:
    """Deadline and number of retries of one call of the facade, which may send many requests."""

    def __init__(self, seconds: float, end: float = math.inf) -> None:
        """Start the clock.

        Args:
            seconds: Time after which no request is sent again.
            end: Time of the monotonic clock when the call itself is over.
        """
        self.deadline = time.monotonic() + seconds
        self.retries = 0
        # A task that a progress function has started keeps the context after the end of the call.
        self.is_over = False
        self._end = end
        # The error by which a proxy or TLS refused a connection for the whole call.
        self.refusal: httpx.ConnectError | None = None
        # Unexpected texts of successful responses: each is logged once for all items of the call.
        self.unexpected_texts: set[str] = set()

    def has_time_for(self, pause: float) -> bool:
        """Return whether a pause of so many seconds ends before the deadline."""
        return time.monotonic() + pause <= self.deadline

    def limit(self, extensions: dict[str, Any]) -> None:
        """Shorten the time-outs of a request to the time that the call has left.

        They limit each part of a response, so a slow response also needs the time of its end.
        """
        left = max(_MIN_TIMEOUT, self._end - time.monotonic())
        timeouts = extensions["timeout"]
        extensions["timeout"] = {name: min(seconds, left) for name, seconds in timeouts.items()}
        extensions[END] = time.monotonic() + left


class RequestContext:
    """Options of one request, and its last response."""

    def __init__(self, *, expected: str, anonymous: bool, repeatable: bool | None) -> None:
        """Keep the options.

        Args:
            expected: Description of a valid response, for the error about any other response.
            anonymous: Whether the request is sent without a token.
            repeatable: Whether the request can be sent again safely; `None` decides by its method.
        """
        self.expected = expected
        self.is_anonymous = anonymous
        self.repeatable = repeatable
        self.response: httpx.Response | None = None

    @property
    def date(self) -> str | None:
        """The header `Date` of the response; `None` without the header or a response."""
        return None if self.response is None else self.response.headers.get("date")


_call: ContextVar[CallContext | None] = ContextVar("skaha-call", default=None)
_request: ContextVar[RequestContext | None] = ContextVar("skaha-request", default=None)


def current_call() -> CallContext | None:
    """Return the context of the call that is running."""
    call = _call.get()
    return None if call is None or call.is_over else call


def current_request() -> RequestContext | None:
    """Return the context of the request that is running."""
    return _request.get()


@contextmanager
def call_context(
    retry: Retry, *, repeats: bool = True, end: float = math.inf
) -> Iterator[CallContext]:
    """Give the requests in this block one deadline. An outer block keeps its own.

    Args:
        retry: The retry policy.
        repeats: `False` to send each request only once.
        end: Time of the monotonic clock when the call itself is over.
    """
    outer = current_call()
    if outer is not None:
        yield outer
        return
    context = CallContext(retry.deadline if repeats else -math.inf, end)
    token = _call.set(context)
    try:
        yield context
    finally:
        context.is_over = True
        _call.reset(token)


@contextmanager
def request_context(
    *, expected: str, anonymous: bool = False, repeatable: bool | None
) -> Iterator[RequestContext]:
    """Give the request in this block its options, and keep its response."""
    context = RequestContext(expected=expected, anonymous=anonymous, repeatable=repeatable)
    token = _request.set(context)
    try:
        yield context
    finally:
        _request.reset(token)
