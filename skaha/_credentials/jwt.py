"""Expiry times of JSON Web Tokens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime


def token_expiry(token: str) -> datetime | None:
    """Return the time when a token expires, if it is a JSON Web Token with an expiry time.

    Args:
        token: Any token. Its signature is not verified.

    Returns:
        The time; `None` if the token does not contain it.

    Example:
        >>> from skaha.auth import token_expiry
        >>> token_expiry("e30.eyJleHAiOiAxNzk1MDAwMDAwfQ.")
        datetime.datetime(2026, 11, 18, 11, 6, 40, tzinfo=datetime.timezone.utc)
    """
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError):
        return None
