"""Errors of httpcore, converted to the httpx errors of the same names, with the reason."""

from __future__ import annotations

import os
import re
import ssl
from typing import TYPE_CHECKING

import httpcore
import httpx

from skaha._sansio.connection_errors import LastingConnectError, RefusedCertificateError

if TYPE_CHECKING:
    from skaha._transport.proxies import Proxy

HTTPCORE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
# Error codes of OpenSSL for a certificate whose authority is not trusted here.
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
# Alerts by which a server refuses the certificate of the user; the names of the standard library.
_REFUSED_CERTIFICATE = re.compile("_ALERT_(.*CERTIFICATE.*|UNKNOWN_CA|ACCESS_DENIED)$")
# Statuses of a proxy that may be different next time; any other 4xx is its last word.
_TRANSIENT_REFUSALS = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)


def as_httpx(
    error: Exception,
    request: httpx.Request,
    proxy: Proxy | None = None,
    *,
    was_sent: bool = True,
) -> httpx.TransportError:
    """Return the httpx error for one of `HTTPCORE_ERRORS`.

    Args:
        error: The error of httpcore.
        request: The request that failed.
        proxy: The proxy of the connection.
        was_sent: Whether bytes of the request may have reached the server.
    """
    reason = str(error) or type(error).__name__
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
    if not was_sent:
        is_late = isinstance(error, httpcore.TimeoutException)
        kind = httpx.ConnectTimeout if is_late else httpx.ConnectError
    if isinstance(error, httpcore.ProxyError) and proxy is not None:
        return _proxy_error(reason, proxy, request)
    if proxy is not None:
        reason += f" (through {proxy})"
    tls_error = _tls_error(error)
    if isinstance(tls_error, ssl.SSLCertVerificationError):
        kind = LastingConnectError
        if tls_error.verify_code in _UNKNOWN_AUTHORITY:
            reason += f". {_advice_about_authorities()}"
    elif tls_error is not None and _REFUSED_CERTIFICATE.search(tls_error.reason or ""):
        # The server did not execute the request, even if it received bytes of it.
        kind = RefusedCertificateError
    return kind(reason, request=request)


def _proxy_error(reason: str, proxy: Proxy, request: httpx.Request) -> httpx.ConnectError:
    """Return the error for a proxy that refuses to connect; `reason` begins with its status."""
    status = int(reason[:3])
    host = request.url.host
    kind = httpx.ConnectError
    advice = ""
    if httpx.codes.is_client_error(status) and status not in _TRANSIENT_REFUSALS:
        kind = LastingConnectError
        advice = f": add {host} to NO_PROXY if it can be reached without the proxy"
        if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
            advice = (
                f": check the user and the password in {proxy.setting}, or add {host} to NO_PROXY "
                "if it can be reached without the proxy"
            )
    return kind(f"{proxy} does not connect to {host}, {reason}{advice}", request=request)


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    # Not the context: it may be an error that the user's program handles at this moment.
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__
    return error


def _advice_about_authorities() -> str:
    advice = (
        "If you trust the authority of this certificate, set SSL_CERT_FILE to a PEM file with the "
        "certificates of all authorities that you trust"
    )
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := os.environ.get(name):
            return f"{advice}; {name} is {path} now"
    return advice
