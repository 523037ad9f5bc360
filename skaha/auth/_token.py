"""The token of a login, which is renewed when it has to be."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from skaha.auth._store import Store
from skaha.errors import ConnectionFailedError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha.auth._store import Entry

__all__ = ["LoginToken", "needing_extra"]

_AGAIN = "log in again with `skaha login`"
_SOON = timedelta(days=1)


@contextmanager
def needing_extra() -> Iterator[None]:
    """Say how to get what is missing.

    Raises:
        CredentialsError: If a library of the extra is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise CredentialsError(
            f"logging in needs {error.name}: pip install 'skaha[login]'"
        ) from error


class LoginToken:
    """Returns the token of a login each time it is called, and renews it first when it is old.

    It is renewed once, however many threads and processes ask for it. Its `repr` shows no secrets.

    Args:
        issuer: URL of the provider of OpenID Connect.
        timeout: Seconds to wait for the provider, and twice that for others who renew it.

    Example:
        >>> from skaha.auth import LoginToken
        >>> LoginToken("https://iam.example.org")
        LoginToken('https://iam.example.org')
    """

    def __init__(self, issuer: str, timeout: float = 30) -> None:
        """Remember where the login is; read nothing."""
        self.issuer = issuer
        self._timeout = timeout
        self._entry: Entry | None = None
        self._has_warned = False

    def __repr__(self) -> str:
        """Show whose token it is."""
        return f"LoginToken({self.issuer!r})"

    def __call__(self) -> str:
        """Return a token that is good for a while.

        Raises:
            skaha.errors.CredentialsError: If there is no login, or it has ended.
        """
        entry = self._entry
        if entry is None or not entry.is_fresh:
            with needing_extra():
                entry = self._entry = self._current()
        self._warn_once(entry)
        return entry.access_token

    def ends(self) -> datetime | None:
        """Return when the login ends; `None` if nobody knows, or if there is none."""
        entry = Store(self.issuer).read()
        return None if entry is None else entry.end_of_login

    def _current(self) -> Entry:
        store = Store(self.issuer)
        entry = self._kept(store)
        if entry.is_fresh:
            return entry
        with store.lock(2 * self._timeout):
            # While this one waited, another one may have renewed it.
            entry = self._kept(store)
            return entry if entry.is_fresh else self._renewed(store, entry)

    def _kept(self, store: Store) -> Entry:
        entry = store.read()
        if entry is None:
            raise CredentialsError(f"nobody is logged in at {self.issuer}: `skaha login`")
        return entry

    def _renewed(self, store: Store, entry: Entry) -> Entry:
        from skaha.auth._oidc import OpenIDProvider, RefusedError

        if entry.refresh_token is None:
            if entry.is_valid:
                return entry
            raise CredentialsError(f"the login at {self.issuer} has ended: {_AGAIN}")
        # Where nothing can be written, the new refresh token would be lost with the old one.
        store.replace(entry)
        provider = OpenIDProvider.of(entry, self._timeout)
        problem: CredentialsError
        try:
            renewed = provider.renew(entry)
        except RefusedError as error:
            if error.code == "invalid_grant":
                # It is of no more use: the next one who asks needs not try.
                store.replace(attrs.evolve(entry, refresh_token=None))
            problem = CredentialsError(f"the login at {self.issuer} has ended: {error}; {_AGAIN}")
        except ConnectionFailedError as error:
            problem = CredentialsError(f"the login at {self.issuer} cannot be renewed now: {error}")
        else:
            # The old refresh token is of no use any more: keep the new one before anything else.
            store.replace(renewed)
            return renewed
        finally:
            provider.close()
        if entry.is_valid:
            return entry
        raise problem

    def _warn_once(self, entry: Entry) -> None:
        end = entry.end_of_login
        if self._has_warned or end is None or end - datetime.now(UTC) > _SOON:
            return
        self._has_warned = True
        warnings.warn(
            f"the login at {self.issuer} ends at {end:%Y-%m-%d %H:%M} UTC: {_AGAIN}",
            UserWarning,
            stacklevel=3,
        )
