"""One-time codes for the page, and the tokens that the page gets for them."""

import hashlib
import secrets
import time

from attrs import define

CODE_LIFETIME = 30.0

# Seconds without a request. A page that is hidden sends no requests.
_TOKEN_LIFETIME = 12 * 3600.0

_CODE_SIZE, _TOKEN_SIZE = 24, 32


@define
class _Code:
    """A code that is younger than `CODE_LIFETIME`.

    Attributes:
        expiry: The end of its validity, on the monotonic clock.
        token: The digest of the token that was given for the code, or `None`.
    """

    expiry: float
    token: bytes | None = None


class Access:
    """Create and check codes and tokens.

    Only their digests are kept: the time of a look-up tells nothing about a code or a token.
    """

    def __init__(self) -> None:
        self._codes: dict[bytes, _Code] = {}
        self._last_uses: dict[bytes, float] = {}

    def create_code(self) -> str:
        """Return a new code. It is valid for `CODE_LIFETIME` seconds and for one use."""
        self._forget_old()
        code = secrets.token_urlsafe(_CODE_SIZE)
        self._codes[_digest(code)] = _Code(time.monotonic() + CODE_LIFETIME)
        return code

    def exchange(self, code: str) -> str | None:
        """Return a new token for a code, or `None` if the code is not valid.

        Other users of the machine can see the code in the command line of the browser. If a code is
        used twice, one of the users is not the owner, so the token of the first use ends.
        """
        self._forget_old()
        known = self._codes.get(_digest(code))
        if known is None:
            return None
        if known.token is not None:
            self._last_uses.pop(known.token, None)
            return None
        token = secrets.token_urlsafe(_TOKEN_SIZE)
        known.token = _digest(token)
        self._last_uses[known.token] = time.monotonic()
        return token

    def is_valid(self, token: str) -> bool:
        """Return whether a token is valid, and record its use."""
        self._forget_old()
        digest = _digest(token)
        if digest not in self._last_uses:
            return False
        self._last_uses[digest] = time.monotonic()
        return True

    def _forget_old(self) -> None:
        now = time.monotonic()
        self._codes = {digest: code for digest, code in self._codes.items() if code.expiry > now}
        self._last_uses = {
            digest: last_use
            for digest, last_use in self._last_uses.items()
            if last_use + _TOKEN_LIFETIME > now
        }


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
