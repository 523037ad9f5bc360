"""The store of logins: the keyring of the system, or a file that only its owner can read."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import httpx

from skaha import _atomic_file
from skaha._credentials import system_keyring
from skaha._credentials.http import check_secure_url
from skaha._credentials.system_keyring import KEYRING
from skaha.errors import CredentialsError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Iterator

# An access token is renewed before it expires: this number of seconds before, or this part of its
# life if that is shorter.
_MARGIN, _MARGIN_PART = 60, 0.25


def _optional_secret(text: str | None) -> SecretText | None:
    return None if text is None else SecretText(text)


def _optional_float(value: float | None) -> float | None:
    return None if value is None else float(value)


@attrs.frozen
class StoredLogin:
    """A login at a provider of OpenID Connect. Times are in seconds since 1970.

    Attributes:
        issuer: URL of the provider.
        client_id: Identifier of this program at the provider.
        client_auth: Method by which this program authenticates, in the terms of OpenID Connect.
        token_endpoint: URL that renews tokens.
        access_token: The token for platforms.
        expires: Time when the access token expires.
        client_secret: Secret of this program; `None` for a public client.
        revocation_endpoint: URL that revokes tokens; `None` if there is none.
        user: Name of the user; `None` if the provider does not state it.
        obtained: Time when the access token was obtained.
        refresh_token: The token that renews the access token; `None` when the login has ended.
        ends: Time when the refresh token expires; `None` if it is not known.
    """

    issuer: str
    client_id: str
    client_auth: str
    token_endpoint: str
    access_token: SecretText = attrs.field(converter=SecretText)
    expires: float = attrs.field(converter=float)
    client_secret: SecretText | None = attrs.field(default=None, converter=_optional_secret)
    revocation_endpoint: str | None = None
    user: str | None = None
    obtained: float = attrs.field(factory=time.time, converter=float)
    refresh_token: SecretText | None = attrs.field(default=None, converter=_optional_secret)
    ends: float | None = attrs.field(default=None, converter=_optional_float)

    @property
    def is_fresh(self) -> bool:
        """Whether the access token can be used without a renewal, or cannot be renewed."""
        if self.refresh_token is None:
            return self.is_valid
        margin = min(_MARGIN, (self.expires - self.obtained) * _MARGIN_PART)
        return time.time() < self.expires - margin

    @property
    def is_valid(self) -> bool:
        """Whether the access token has not expired yet."""
        return time.time() < self.expires

    @property
    def end_of_login(self) -> datetime | None:
        """The time when renewals end; `None` if it is not known."""
        end = self.ends if self.refresh_token else self.expires
        try:
            return None if end is None else datetime.fromtimestamp(end, UTC)
        except (ValueError, OverflowError, OSError):  # later than the last year of the calendar
            return None


class Store:
    """The store of the login at one provider."""

    def __init__(self, issuer: str) -> None:
        """Determine the path of the file. Do not open anything."""
        import platformdirs

        check_secure_url(issuer, "the provider")
        # A slash at the end does not make another provider.
        self.issuer = issuer.rstrip("/")
        digest = hashlib.sha256(self.issuer.encode()).hexdigest()[:12]
        directory = Path()
        with suppress(RuntimeError):  # an older platformdirs returns a relative path
            directory = platformdirs.user_state_path("skaha") / "logins"
        if not directory.is_absolute():
            raise CredentialsError("there is no home directory to store a login in")
        self.path: Path = directory / f"{httpx.URL(issuer).host}-{digest}.json"

    @contextmanager
    def lock(self, timeout: float) -> Iterator[None]:
        """Exclude all other threads and processes until the block ends.

        Raises:
            CredentialsError: If another process keeps the lock for longer than `timeout` seconds.
        """
        with _file_errors(self.path.parent, "written"):
            try:
                lock = _atomic_file.lock(self.path.with_suffix(".lock"), timeout)
            except TimeoutError:
                raise CredentialsError(
                    f"another process has been renewing the login at {self.issuer} for "
                    f"{timeout:g} s"
                ) from None
        with lock:
            yield

    def read(self) -> StoredLogin | None:
        """Return the stored login; `None` if there is none.

        Raises:
            CredentialsError: If the store cannot be read.
        """
        text = self._read_file()
        # A file exists only if the keyring could not be used: the file is newer.
        return _parse(system_keyring.read(self.issuer) if text is None else text)

    def place(self) -> str:
        """Return the place of the login in words."""
        return KEYRING if self._read_file() is None else str(self.path)

    def save_new(self, login: StoredLogin) -> None:
        """Store a new login: in the keyring if possible, or else in the file.

        Raises:
            CredentialsError: If the login cannot be written, or the old file cannot be removed.
        """
        if system_keyring.write(self.issuer, _serialize(login)):
            self._remove_file()
        else:
            self._write_file(_serialize(login))

    def update(self, login: StoredLogin) -> None:
        """Store a renewed login in the place of the old one.

        Raises:
            CredentialsError: If the login cannot be written.
        """
        text = _serialize(login)
        if self._read_file() is not None or not system_keyring.write(self.issuer, text):
            self._write_file(text)

    def remove(self) -> list[str]:
        """Remove the login; return the places that contained it.

        Raises:
            CredentialsError: If the login cannot be removed.
        """
        removed = []
        if self._read_file() is not None:
            self._remove_file()
            removed.append(str(self.path))
        if system_keyring.read(self.issuer) is not None:
            system_keyring.delete(self.issuer)
            removed.append(KEYRING)
        return removed

    def _read_file(self) -> SecretText | None:
        with _file_errors(self.path, "read"), suppress(FileNotFoundError, NotADirectoryError):
            return SecretText(_atomic_file.read_text(self.path))
        return None

    def _remove_file(self) -> None:
        with _file_errors(self.path, "removed"):
            self.path.unlink(missing_ok=True)

    def _write_file(self, text: SecretText) -> None:
        with _file_errors(self.path, "written"):
            _atomic_file.replace(self.path, text)


@contextmanager
def _file_errors(path: Path, action: str) -> Iterator[None]:
    """Convert the errors of the operating system."""
    try:
        yield
    except OSError as error:
        raise CredentialsError(f"{path} cannot be {action}: {error.strerror}") from None


def _serialize(login: StoredLogin) -> SecretText:
    return SecretText(json.dumps(attrs.asdict(login)))


def _parse(text: SecretText | None) -> StoredLogin | None:
    """Return a login; `None` if the text is damaged, so that a new login can replace it."""
    if text is None:
        return None
    known = {field.name for field in attrs.fields(StoredLogin)}
    try:
        values = json.loads(text)
        return StoredLogin(**{name: value for name, value in values.items() if name in known})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
