"""All errors, as one tree.

```
SkahaError
├── InvalidInputError (ValueError)                   an argument is wrong; nothing was sent
│   └── ConfigurationError                           the configuration cannot be read or used
│       └── TokenFileError (CredentialsError)        the configured token file cannot be used
├── CredentialsError (ValueError)                    the credentials are missing or unusable
│   └── LoginRefusedError                            a provider of OpenID Connect refuses a login
├── ConnectionFailedError (httpx.TransportError)     no complete response came back
│   └── TimedOutError (httpx.TimeoutException, TimeoutError)
├── StatusError (httpx.HTTPStatusError)              the platform refused the request
│   ├── BadRequestError                              400
│   ├── AuthenticationError                          401, or missing credentials
│   ├── PermissionDeniedError                        403
│   ├── NotFoundError                                404
│   ├── TooManyRequestsError                         429
│   └── ServerError                                  500 and above
├── AnswerError (httpx.DecodingError, ValueError)    the response cannot be read
├── NoSuchSessionError                               no session has this name or id
├── WaitTimeoutError (TimeoutError)                  sessions were not ready in time
├── FailedSessionError                               a session did not end well
├── StillThereError                                  the platform still has a deleted session
├── ShorterLogError                                  a log is shorter than its saved file
├── EventLoopError (RuntimeError)                    an async class needs an event loop of asyncio
└── LocalPlatformError (RuntimeError)                the embedded platform cannot be used
```

Each class is also a subclass of the exception that scripts caught before, such as `ValueError` or
`httpx.HTTPError`.

If a client raises an error, the traceback ends with the call in your program: it has no lines of
this library. With the log level DEBUG it has them all: pass `loglevel=logging.DEBUG` to a client,
or `-v` to a command.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

import httpx

__all__ = [
    "AnswerError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConnectionFailedError",
    "CredentialsError",
    "EventLoopError",
    "FailedSessionError",
    "InvalidInputError",
    "LocalPlatformError",
    "LoginRefusedError",
    "NoSuchSessionError",
    "NotFoundError",
    "PermissionDeniedError",
    "ServerError",
    "ShorterLogError",
    "SkahaError",
    "StatusError",
    "StillThereError",
    "TimedOutError",
    "TokenFileError",
    "TooManyRequestsError",
    "WaitTimeoutError",
]


class SkahaError(Exception):
    """Base class of all errors of this library.

    Attributes:
        subject: The operation and its session or replica; `None` if it has none.
        partial: The results so far of a call with many items that was given up; `None` if there
            are none.
        attempts: Number of times that a refused request was sent; 1 for all other errors.
    """

    # Whether the reason lies with the platform, the network or the credentials, and not with one
    # session. A single error may differ from its class: an ingress also answers 404.
    concerns_platform: bool = False

    # The block that sends a request sets these three: `_request` and the HTTP client.
    subject: str | None = None
    attempts: int = 1
    # Whether the platform may have executed an attempt of a request that it refuses now.
    may_be_done: bool = False
    # The call with many items sets this one.
    partial: Any = None

    def __str__(self) -> str:
        """Return the subject and the message, without characters that a terminal could obey."""
        message = super().__str__()
        text = f"{self.subject}: {message}" if self.subject else message
        # A message may quote a platform, a proxy or a provider.
        return "".join(
            letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
            for letter in text
        )

    def _render_traceback_(self) -> list[str]:
        """Return the lines that a notebook shows: without the frames of this library.

        The log level DEBUG keeps the frames.
        """
        from IPython import get_ipython

        trace = self.__traceback__
        if not logging.getLogger("skaha").isEnabledFor(logging.DEBUG):
            trace = _frames_of_caller(trace)
        lines: list[str] = get_ipython().InteractiveTB.structured_traceback(
            type(self), self, trace, tb_offset=1
        )
        return lines

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the attributes, but not the request, which holds credentials."""
        state = {
            name: value
            for name, value in vars(self).items()
            if name not in ("_request", "response")
        }
        return _unpickled, (type(self), self.args, state)


def _frames_of_caller(trace: TracebackType | None) -> TracebackType | None:
    """Return the frames before the first frame of this library."""
    if trace is None or trace.tb_frame.f_globals.get("__name__", "").split(".")[0] == "skaha":
        return None
    rest = _frames_of_caller(trace.tb_next)
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _unpickled(cls: type[SkahaError], args: tuple[Any, ...], state: dict[str, Any]) -> SkahaError:
    error = cls.__new__(cls, *args)
    error.args = args
    vars(error).update(state)
    return error


class InvalidInputError(SkahaError, ValueError):
    """An argument is wrong; nothing was sent."""


class ConfigurationError(InvalidInputError):
    """The configuration cannot be read or used. The message names the place."""


class CredentialsError(SkahaError, ValueError):
    """The credentials are missing or cannot be used; nothing was sent."""

    concerns_platform = True


class TokenFileError(ConfigurationError, CredentialsError):
    """The token file in the configuration cannot be read, or contains no token."""


class LoginRefusedError(CredentialsError):
    """A provider of OpenID Connect refuses a login.

    Attributes:
        code: The error code of OAuth 2.0, such as `access_denied`.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class ConnectionFailedError(SkahaError, httpx.TransportError):
    """No complete response came back: no connection, a TLS failure, or a lost connection.

    Attributes:
        was_sent: Whether the platform may have received the request. It did not if there was no
            connection.
    """

    concerns_platform = True

    was_sent: bool = True
    # Whether the next attempt would fail, too: a proxy or TLS refused the connection.
    is_lasting: bool = False


class TimedOutError(ConnectionFailedError, httpx.TimeoutException, TimeoutError):
    """The response did not come in time."""


class StatusError(SkahaError, httpx.HTTPStatusError):
    """The status of the response is not a success.

    Attributes:
        status: The HTTP status.
        text: The text of the platform.
    """

    status: int
    text: str

    def __init__(self, message: str, *, response: httpx.Response) -> None:
        """Keep the response beside the message."""
        super().__init__(message, request=response.request, response=response)
        self.status = response.status_code
        self.text = response.text


class BadRequestError(StatusError):
    """400: the platform does not accept the request."""


class AuthenticationError(StatusError):
    """401: the credentials are missing or not accepted."""

    concerns_platform = True


class PermissionDeniedError(StatusError):
    """403: the credentials are valid, but do not allow this request."""


class NotFoundError(StatusError):
    """404: the session does not exist, or it belongs to another user."""


class TooManyRequestsError(StatusError):
    """429: the platform asks for fewer requests."""

    concerns_platform = True


class ServerError(StatusError):
    """500 and above: the platform failed."""

    concerns_platform = True


class AnswerError(SkahaError, httpx.DecodingError, ValueError):
    """The platform reported success, but its response cannot be read.

    Attributes:
        text: The beginning of the response.
    """

    concerns_platform = True
    text: str

    def __init__(self, message: str, *, request: httpx.Request, text: str = "") -> None:
        """Keep the beginning of the response beside the message."""
        super().__init__(message, request=request)
        self.text = text[:2000]


class NoSuchSessionError(SkahaError):
    """No session has this name or id."""


class WaitTimeoutError(SkahaError, TimeoutError):
    """Sessions did not reach the wanted status in time; `partial` has the status of each."""


class FailedSessionError(SkahaError):
    """A session ran and did not end well. Its log may contain the reason."""


class StillThereError(SkahaError):
    """The platform accepted the deletion of a session, but still has the session."""


class ShorterLogError(SkahaError):
    """The platform sent less of a log than an earlier call saved. The saved file is unchanged."""


class EventLoopError(SkahaError, RuntimeError):
    """An async class needs an event loop of asyncio, and none is running."""

    concerns_platform = True


class LocalPlatformError(SkahaError, RuntimeError):
    """The embedded platform cannot be started or used on this machine."""

    concerns_platform = True
