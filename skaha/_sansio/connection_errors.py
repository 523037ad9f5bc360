"""Errors of requests that got no complete response: whether they were sent, and may be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from skaha.errors import ConnectionFailedError, CredentialsError, TimedOutError

if TYPE_CHECKING:
    from pathlib import Path

# After these errors the server cannot have seen the request.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class LastingConnectError(httpx.ConnectError):
    """No connection, and the next attempt would fail for the same reason.

    A proxy refuses the password or the server, or the certificate of the server is not valid.
    """


class RefusedCertificateError(LastingConnectError):
    """The server refuses the certificate of the user in the TLS handshake, or requires one."""


def was_sent(error: Exception) -> bool:
    """Return whether the server may have seen the request that failed with this httpx error."""
    return not isinstance(error, _NOT_SENT)


def connection_error(
    error: httpx.RequestError, certificate: Path | None = None
) -> ConnectionFailedError | CredentialsError:
    """Return our error for an httpx error.

    Args:
        error: The httpx error.
        certificate: The certificate of the user; `None` if it is not used.
    """
    request = error.request
    if isinstance(error, RefusedCertificateError):
        host, advice = request.url.host, "log in with `skaha login`, or give a valid certificate"
        refusal = f"refuses the certificate {certificate}" if certificate else "needs a certificate"
        return CredentialsError(f"{host} {refusal}: {advice}. The server's reason: {error}")
    where = f"{request.method} {request.url.scheme}://{request.url.netloc.decode()}"
    reason = f"{where}{request.url.path}: {str(error) or type(error).__name__}"
    failure: ConnectionFailedError
    if isinstance(error, httpx.TimeoutException):
        failure = TimedOutError(f"no answer in time to {reason}", request=request)
    else:
        failure = ConnectionFailedError(f"no answer to {reason}", request=request)
    failure.was_sent = was_sent(error)
    failure.is_lasting = isinstance(error, LastingConnectError)
    return failure
