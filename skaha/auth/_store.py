"""Where logins are kept: in the keyring of the system, or in a file that is its owner's alone."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import httpx

from skaha import _private_file
from skaha.auth._secret import SecretText
from skaha.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyring.backend import KeyringBackend

__all__ = ["KEYRING", "Entry", "Store"]

KEYRING = "the keyring of the system"
_SERVICE = "skaha"
# What keyring itself recommends; below are plain files, and backends that do nothing.
_RECOMMENDED = 1
# An access token is renewed this long before its end: seconds, and part of its life.
_MARGIN, _PART = 60, 0.25


def _secret(text: str | None) -> SecretText | None:
    return None if text is None else SecretText(text)


@attrs.frozen
class Entry:
    """One login at a provider of OpenID Connect. Times are in seconds since 1970.

    Attributes:
        issuer: The provider.
        client_id: Who this program is to the provider.
        client_auth: How it proves that, in the words of OpenID Connect.
        client_secret: What it proves that with; `None` for a public client.
        token_endpoint: Where tokens are renewed.
        revocation_endpoint: Where they are revoked; `None` if nowhere.
        user: Who is logged in, as far as the provider tells.
        access_token: What platforms are shown.
        obtained: Since when there is this access token.
        expires: When it expires.
        refresh_token: What it is renewed with; `None` when the login has ended.
        ends: When that expires; `None` if nobody knows.
    """

    issuer: str
    client_id: str
    client_auth: str
    token_endpoint: str
    access_token: SecretText = attrs.field(converter=SecretText)
    expires: float
    client_secret: SecretText | None = attrs.field(default=None, converter=_secret)
    revocation_endpoint: str | None = None
    user: str | None = None
    obtained: float = attrs.field(factory=time.time)
    refresh_token: SecretText | None = attrs.field(default=None, converter=_secret)
    ends: float | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the access token is good for a while."""
        margin = min(_MARGIN, (self.expires - self.obtained) * _PART)
        return time.time() < self.expires - margin

    @property
    def end_of_login(self) -> datetime | None:
        """When there will be no new access token; `None` if nobody knows."""
        end = self.ends if self.refresh_token else self.expires
        try:
            return None if end is None else datetime.fromtimestamp(end, UTC)
        except (ValueError, OverflowError, OSError):  # beyond the end of the calendar
            return None

    @property
    def is_valid(self) -> bool:
        """Whether the access token has not expired yet."""
        return time.time() < self.expires


class Store:
    """The place of the login at one provider."""

    def __init__(self, issuer: str) -> None:
        """Find the place; open nothing."""
        import platformdirs

        # With and without the last slash, it is one provider.
        self.issuer = issuer.rstrip("/")
        digest = hashlib.sha256(self.issuer.encode()).hexdigest()[:12]
        directory = platformdirs.user_state_path("skaha") / "logins"
        if not directory.is_absolute():
            raise CredentialsError("there is no home directory to keep a login in")
        self.path: Path = directory / f"{httpx.URL(issuer).host}-{digest}.json"

    @contextmanager
    def lock(self, patience: float) -> Iterator[None]:
        """Keep all other threads and processes out, for as long as the block takes.

        Raises:
            CredentialsError: If another one has it for longer than `patience` seconds.
        """
        try:
            lock = _private_file.lock(self.path.with_suffix(".lock"), patience)
        except TimeoutError:
            raise CredentialsError(
                f"another process has been renewing the login at {self.issuer} for {patience:g} s"
            ) from None
        except OSError as error:
            raise CredentialsError(
                f"{self.path.parent} cannot be written: {error.strerror}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> Entry | None:
        """Return the login that is kept; `None` if there is none.

        Raises:
            CredentialsError: If it cannot be read.
        """
        text = self._in_file()
        # A file says that the keyring was of no use.
        return _entry(self._in_keyring() if text is None else text)

    def place(self) -> str:
        """Return where the login is kept, in words."""
        return KEYRING if self._in_file() is None else str(self.path)

    def begin(self, entry: Entry) -> None:
        """Keep a new login, in the keyring if there is one.

        Raises:
            CredentialsError: If it cannot be written.
        """
        if self._put_in_keyring(_text(entry)):
            self.path.unlink(missing_ok=True)
        else:
            self._put_in_file(_text(entry))

    def replace(self, entry: Entry) -> None:
        """Keep a login where it was.

        Raises:
            CredentialsError: If it cannot be written.
        """
        if self._in_file() is not None or not self._put_in_keyring(_text(entry)):
            self._put_in_file(_text(entry))

    def remove(self) -> list[str]:
        """Remove the login; return from where, in words."""
        removed = []
        if self._in_file() is not None:
            self.path.unlink(missing_ok=True)
            removed.append(str(self.path))
        if self._in_keyring() is not None:
            from keyring.errors import KeyringError

            backend = _keyring()
            try:
                if backend is not None:
                    backend.delete_password(_SERVICE, self.issuer)
                    removed.append(KEYRING)
            except KeyringError as error:
                raise CredentialsError(f"{KEYRING} keeps the login: {error}") from None
        return removed

    def _in_file(self) -> SecretText | None:
        try:
            return SecretText(self.path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise CredentialsError(f"{self.path} cannot be read: {reason}") from None

    def _put_in_file(self, text: SecretText) -> None:
        try:
            _private_file.replace(self.path, text)
        except OSError as error:
            raise CredentialsError(f"{self.path} cannot be written: {error.strerror}") from None

    def _in_keyring(self) -> SecretText | None:
        backend = _keyring()
        if backend is None:
            return None
        from keyring.errors import KeyringError

        try:
            return _secret(backend.get_password(_SERVICE, self.issuer))
        except KeyringError as error:
            raise CredentialsError(f"{KEYRING} cannot be read: {error}") from None

    def _put_in_keyring(self, text: SecretText) -> bool:
        backend = _keyring()
        if backend is None:
            return False
        from keyring.errors import KeyringError

        try:
            backend.set_password(_SERVICE, self.issuer, text)
        except KeyringError:
            return False
        return True


def _keyring() -> KeyringBackend | None:
    """Return the keyring of the system, if there is one that keeps secrets secret."""
    import keyring
    from keyring.backends.chainer import ChainerBackend

    backend = keyring.get_keyring()
    if isinstance(backend, ChainerBackend):
        backend = next(iter(backend.backends), backend)
    return backend if backend.priority >= _RECOMMENDED else None


def _text(entry: Entry) -> SecretText:
    return SecretText(json.dumps(attrs.asdict(entry)))


def _entry(text: SecretText | None) -> Entry | None:
    if text is None:
        return None
    known = {field.name for field in attrs.fields(Entry)}
    try:
        return Entry(**{key: one for key, one in json.loads(text).items() if key in known})
    except (ValueError, TypeError, AttributeError):
        # What cannot be read is no login: a new one takes its place.
        return None
