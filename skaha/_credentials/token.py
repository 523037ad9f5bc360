"""The token of a login, with automatic renewal."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from skaha._credentials.http import check_secure_url
from skaha._credentials.store import Store
from skaha._sansio.user_warnings import warn_user
from skaha._sansio.validation import check_timeout, hidden_url
from skaha._transport.connection_settings import RenewableToken
from skaha.errors import CredentialsError, LoginRefusedError, SkahaError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha._credentials.store import StoredLogin

_WHAT_TO_DO = "log in again with `skaha login`"
_SOON = timedelta(days=1)
# Seconds after the renewal of a refused token, in which no token is renewed because it was refused:
# the age of the token is not the reason.
_REFUSAL_PAUSE = 60


@contextmanager
def requiring_login_extra() -> Iterator[None]:
    """Explain how to install a missing library of the extra `login`.

    Raises:
        CredentialsError: If a library is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise CredentialsError(
            f"logging in needs {error.name}: pip install 'skaha[login]>=2'"
        ) from error


class LoginToken(RenewableToken):
    """The token of a login: a function that returns a valid token and renews it when necessary.

    The token is renewed before it expires, and when a platform refuses it. If several threads and
    processes need a renewal at the same time, only one of them requests it. The `repr`
    does not contain the token.

    Args:
        issuer: URL of the provider of OpenID Connect.
        timeout: Seconds to wait for the provider; twice as long for a renewal by another process.

    Raises:
        skaha.errors.InvalidInputError: If an argument is wrong.

    Example:
        >>> from skaha.auth import LoginToken
        >>> LoginToken("https://iam.example.org")
        LoginToken('https://iam.example.org')
    """

    def __init__(self, issuer: str, timeout: float = 30) -> None:
        """Store the arguments. Do not read the login yet."""
        self.issuer = issuer = hidden_url(issuer)
        check_secure_url(issuer, "the provider")
        self._timeout = check_timeout("timeout", timeout)
        self._login: StoredLogin | None = None
        self._last_refusal = -math.inf
        self._has_warned = False

    def __repr__(self) -> str:
        """Show the provider."""
        return f"LoginToken({self.issuer!r})"

    def __call__(self) -> str:
        """Return a token that is valid for some time.

        Raises:
            skaha.errors.CredentialsError: If there is no login, or the login has ended.
        """
        login = self._login
        if login is None or not login.is_fresh:
            with requiring_login_extra():
                login = self._login = self._fresh_login()
        self._warn_once(login)
        return login.access_token

    def renew(self, refused: str) -> str:
        """Return another token after a platform refused a token.

        Args:
            refused: The refused token.

        Returns:
            The new token; `refused` itself if there is no other token.

        Raises:
            skaha.errors.CredentialsError: If the login has ended, or cannot be renewed now.

        Example:
            >>> from skaha.auth import LoginToken
            >>> token = LoginToken("https://iam.example.org")
            >>> try:
            ...     token.renew("a-refused-token")
            ... except ValueError as error:
            ...     print(error)
            there is no login at https://iam.example.org: log in with `skaha login`
        """
        refused = SecretText(refused)
        with requiring_login_extra():
            login = self._login = self._login_instead_of(refused)
        return login.access_token

    def ends(self) -> datetime | None:
        """Return the time when the login ends; `None` if it is not known, or there is no login."""
        login = Store(self.issuer).read()
        return None if login is None else login.end_of_login

    def _fresh_login(self) -> StoredLogin:
        store = Store(self.issuer)
        login = self._read(store)
        if login.is_fresh:
            return login
        with store.lock(2 * self._timeout):
            # Another thread or process may have renewed the login during the wait for the lock.
            login = self._read(store)
            return login if login.is_fresh else self._renew(store, login)

    def _login_instead_of(self, refused: str) -> StoredLogin:
        store = Store(self.issuer)
        with store.lock(2 * self._timeout):
            login = self._read(store)
            if login.access_token != refused:
                # Another thread or process has renewed the login.
                return login if login.is_fresh else self._renew(store, login)
            was_renewed_now = time.monotonic() - self._last_refusal < _REFUSAL_PAUSE
            if was_renewed_now or login.refresh_token is None:
                return login
            try:
                return self._renew(store, login, is_refused=True)
            finally:
                self._last_refusal = time.monotonic()

    def _read(self, store: Store) -> StoredLogin:
        login = store.read()
        if login is None:
            raise CredentialsError(f"there is no login at {self.issuer}: log in with `skaha login`")
        return login

    def _renew(self, store: Store, login: StoredLogin, *, is_refused: bool = False) -> StoredLogin:
        from skaha._credentials.oidc import OpenIDProvider

        if login.refresh_token is None:
            raise CredentialsError(f"the login at {self.issuer} has ended: {_WHAT_TO_DO}")
        # Check that the store can be written: the renewal makes the old refresh token useless, and
        # the new one must not get lost.
        store.update(login)
        problem: CredentialsError
        with OpenIDProvider.of(login, self._timeout) as provider:
            try:
                renewed = provider.renew(login)
            except LoginRefusedError as error:
                if error.code == "invalid_grant":
                    # The refresh token has become useless: do not send it again.
                    store.update(attrs.evolve(login, refresh_token=None))
                problem = CredentialsError(
                    f"the login at {self.issuer} has ended: {error}; {_WHAT_TO_DO}"
                )
            except SkahaError as error:
                problem = CredentialsError(
                    f"the login at {self.issuer} cannot be renewed now: {error}"
                )
            else:
                # Store the new refresh token before anything else can fail.
                store.update(renewed)
                return renewed
        if login.is_valid and not is_refused:
            return login
        raise problem

    def _warn_once(self, login: StoredLogin) -> None:
        end = login.end_of_login
        if self._has_warned or end is None or end - datetime.now(UTC) > _SOON:
            return
        self._has_warned = True
        warn_user(f"the login at {self.issuer} ends at {end:%Y-%m-%d %H:%M} UTC: {_WHAT_TO_DO}")
