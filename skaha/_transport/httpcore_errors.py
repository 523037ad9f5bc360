"""httpcore's errors as httpx's, which bear the same names."""

from __future__ import annotations

import httpcore
import httpx

CORE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def as_httpx(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """Return httpx's error for one of `CORE_ERRORS`."""
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
    return kind(str(error) or type(error).__name__, request=request)
