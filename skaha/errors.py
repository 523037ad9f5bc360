"""Everything that can go wrong, as one tree.

```
SkahaError
├── InvalidInputError (ValueError)              an argument is wrong; nothing was sent
│   └── ConfigurationError                      the configuration cannot be read or used
├── CredentialsError (ValueError)               no credentials, or unusable ones; nothing was sent
│   └── LoginRefusedError                       a provider of OpenID Connect refuses a login
├── ConnectionFailedError (httpx.TransportError)     no whole answer came back
│   └── TimedOutError (httpx.TimeoutException, TimeoutError)
├── StatusError (httpx.HTTPStatusError)         the platform refused
│   ├── BadRequestError                         400
│   ├── AuthenticationError                     401, or no credentials where they are needed
│   ├── PermissionDeniedError                   403
│   ├── NotFoundError                           404
│   ├── TooManyRequestsError                    429
│   └── ServerError                             500 and above
├── NoSuchSessionError                          no session has this name or id
├── WaitTimeoutError (TimeoutError)             sessions are not yet where they should be
├── FailedSessionError                          it ran, and did not end well
├── StillThereError                             destroyed, says the platform, and lists it still
├── AnswerError (httpx.DecodingError, ValueError)    it answered, but nothing that can be read
└── LocalPlatformError (RuntimeError)           the embedded platform cannot be used
```

Whoever caught `httpx.HTTPError` or `ValueError` before still does.
"""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

__all__ = [
    "AnswerError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConnectionFailedError",
    "CredentialsError",
    "FailedSessionError",
    "InvalidInputError",
    "LocalPlatformError",
    "LoginRefusedError",
    "NoSuchSessionError",
    "NotFoundError",
    "PermissionDeniedError",
    "ServerError",
    "SkahaError",
    "StatusError",
    "StillThereError",
    "TimedOutError",
    "TooManyRequestsError",
    "WaitTimeoutError",
]


class SkahaError(Exception):
    """Base of all errors of this library.

    Attributes:
        subject: What was being done, and to which session or replica; `None` if it does not matter.
        partial: What had succeeded before a call with many items was given up; `None` if nothing.
        attempts: How often the request was sent.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> try:
        ...     session.app_info("hjko98yg", "k4b")
        ... except SkahaError as error:
        ...     print(error.subject)
        info of app k4b on hjko98yg
    """

    # Its reason lies with the platform, the network or the credentials, not with one session.
    concerns_platform: ClassVar[bool] = False

    subject: str | None = None
    partial: Any = None
    attempts: int = 1

    def __str__(self) -> str:
        """Say what was being done and what went wrong."""
        message = super().__str__()
        return f"{self.subject}: {message}" if self.subject else message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and what says more, but no request: that one holds credentials."""
        state = {
            name: value
            for name, value in vars(self).items()
            if name not in ("_request", "response")
        }
        return _unpickled, (type(self), self.args, state)


def _unpickled(cls: type[SkahaError], args: tuple[Any, ...], state: dict[str, Any]) -> SkahaError:
    error = cls.__new__(cls, *args)
    error.args = args
    vars(error).update(state)
    return error


class InvalidInputError(SkahaError, ValueError):
    """An argument is wrong; nothing was sent.

    Example:
        >>> issubclass(InvalidInputError, ValueError)
        True
    """


class ConfigurationError(InvalidInputError):
    """The configuration cannot be read or used; the message names the place.

    Example:
        >>> from skaha import config
        >>> try:
        ...     config.save("colour", "blue")
        ... except ConfigurationError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        unknown key 'colour'; it is one of server, ...
    """


class CredentialsError(SkahaError, ValueError):
    """There are no credentials, or they cannot be used; nothing was sent.

    Example:
        >>> issubclass(CredentialsError, ValueError)
        True
    """

    concerns_platform = True


class LoginRefusedError(CredentialsError):
    """A provider of OpenID Connect refuses a login.

    Attributes:
        code: The error code of OAuth 2.0, such as `access_denied`.

    Example:
        >>> LoginRefusedError("access_denied", "the provider refuses").code
        'access_denied'
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class ConnectionFailedError(SkahaError, httpx.TransportError):
    """No whole answer came back: no connection, TLS refused, connection lost.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="http://127.0.0.1:9/skaha", token="a-token", retry=False)
        >>> try:
        ...     session.fetch()
        ... except ConnectionFailedError as error:
        ...     print(error.subject)
        fetch
    """

    concerns_platform = True


class TimedOutError(ConnectionFailedError, httpx.TimeoutException, TimeoutError):
    """The answer did not come in time.

    Example:
        >>> issubclass(TimedOutError, TimeoutError)
        True
    """


class StatusError(SkahaError, httpx.HTTPStatusError):
    """The platform answered with a status that is not a success.

    Attributes:
        status: The HTTP status.
        text: The platform's own words.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> try:
        ...     session.app_info("hjko98yg", "k4b")
        ... except StatusError as error:
        ...     print(error.status)
        404
    """

    status: int
    text: str

    def __init__(self, message: str, *, response: httpx.Response) -> None:
        """Keep the answer beside the message."""
        super().__init__(message, request=response.request, response=response)
        self.status = response.status_code
        self.text = response.text


class BadRequestError(StatusError):
    """400: the platform does not take what was asked for.

    Example:
        >>> issubclass(BadRequestError, httpx.HTTPStatusError)
        True
    """


class AuthenticationError(StatusError):
    """401, or no credentials where they are needed.

    Example:
        >>> issubclass(AuthenticationError, httpx.HTTPStatusError)
        True
    """

    concerns_platform = True


class PermissionDeniedError(StatusError):
    """403: the credentials are good, but do not allow this.

    Example:
        >>> issubclass(PermissionDeniedError, httpx.HTTPStatusError)
        True
    """


class NotFoundError(StatusError):
    """404: there is no such session, or it is somebody else's.

    Example:
        >>> from skaha import Session
        >>> session = Session(server="local")
        >>> try:
        ...     session.app_info("hjko98yg", "k4b")
        ... except NotFoundError as error:
        ...     print(error.status)
        404
    """


class TooManyRequestsError(StatusError):
    """429: the platform asks to slow down.

    Example:
        >>> issubclass(TooManyRequestsError, httpx.HTTPStatusError)
        True
    """

    concerns_platform = True


class ServerError(StatusError):
    """500 and above: the platform failed.

    Example:
        >>> issubclass(ServerError, httpx.HTTPStatusError)
        True
    """

    concerns_platform = True


class AnswerError(SkahaError, httpx.DecodingError, ValueError):
    """The platform answered with success, but nothing that can be read.

    Attributes:
        text: The beginning of what came.

    Example:
        >>> issubclass(AnswerError, ValueError)
        True
    """

    concerns_platform = True
    text: str

    def __init__(self, message: str, *, request: httpx.Request, text: str = "") -> None:
        """Keep the beginning of the answer beside the message."""
        super().__init__(message, request=request)
        self.text = text[:2000]


class NoSuchSessionError(SkahaError):
    """No session has this name or id.

    Example:
        >>> issubclass(NoSuchSessionError, SkahaError)
        True
    """


class WaitTimeoutError(SkahaError, TimeoutError):
    """Sessions are not yet where they were waited for; `partial` has the status of each.

    Example:
        >>> issubclass(WaitTimeoutError, TimeoutError)
        True
    """


class FailedSessionError(SkahaError):
    """A session ran, and did not end well; its log may say why.

    Example:
        >>> issubclass(FailedSessionError, SkahaError)
        True
    """


class StillThereError(SkahaError):
    """The platform said that a session was destroyed, but lists it still.

    Example:
        >>> issubclass(StillThereError, SkahaError)
        True
    """


class LocalPlatformError(SkahaError, RuntimeError):
    """The embedded platform cannot be started or used here.

    Example:
        >>> issubclass(LocalPlatformError, RuntimeError)
        True
    """

    concerns_platform = True
