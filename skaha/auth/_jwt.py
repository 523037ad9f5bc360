"""What a token says of itself."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

__all__ = ["token_expiry"]


def token_expiry(token: str) -> datetime | None:
    """Return when a token expires, if it is one that says so: a JSON Web Token.

    Args:
        token: Any token; it is not verified.

    Returns:
        The time; `None` if the token does not say.

    Example:
        >>> from skaha.auth import token_expiry
        >>> token_expiry("e30.eyJleHAiOiAxNzk1MDAwMDAwfQ.")
        datetime.datetime(2026, 11, 18, 11, 6, 40, tzinfo=datetime.timezone.utc)
    """
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, OSError):
        return None
