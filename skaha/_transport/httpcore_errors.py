"""Errors of httpcore, converted to the httpx errors of the same names."""

from __future__ import annotations

import httpcore
import httpx

HTTPCORE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def as_httpx(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """Return the httpx error for one of `HTTPCORE_ERRORS`."""
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
    return kind(str(error) or type(error).__name__, request=request)
