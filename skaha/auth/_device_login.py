"""Logins by the device flow of OpenID Connect: a person confirms the login in any browser."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

# Imported here, although it is used last: a missing library is reported before a login begins.
import segno

from skaha._credentials.oidc import OpenIDProvider
from skaha._credentials.store import Store
from skaha.errors import ConnectionFailedError, CredentialsError, LoginRefusedError, SkahaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skaha._credentials.oidc import DeviceCode, Endpoints
    from skaha._credentials.store import StoredLogin
    from skaha.models import SecretText

log = logging.getLogger("skaha")

# RFC 8628: seconds to add to the interval when the provider asks for fewer requests.
_SLOW_DOWN = 5
_UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")
_TOO_LATE = "the code was not entered in time: log in again"
_REASONS = {"access_denied": "the login was denied", "expired_token": _TOO_LATE}


def show_code(device: DeviceCode) -> None:
    """Write the address and the code of a login to standard error; on a terminal, add a QR code.

    Args:
        device: The code and the address.

    Example:
        >>> from skaha.auth import DeviceCode, show_code
        >>> show_code(DeviceCode("WDJB-MJHT", "https://iam.example.org/device", None, 1e10))
    """
    minutes = max(1, round((device.expires - time.time()) / 60))
    sys.stderr.write(f"Open {device.url}\nand enter the code {device.code} within {minutes} min.\n")
    if sys.stderr.isatty():
        segno.make(device.whole_url or device.url).terminal(out=sys.stderr, compact=True)
    sys.stderr.flush()


def log_in_by_device(
    issuer: str,
    client_id: str | None,
    client_secret: SecretText | None,
    show: Callable[[DeviceCode], object] | None,
    timeout: float,
) -> tuple[StoredLogin, str]:
    """Log in at a provider. Return the login and the place where it is stored.

    Raises:
        CredentialsError: If the provider or the person refuses, or the code was not entered.
        ConnectionFailedError: If the provider cannot be reached.
    """
    store = Store(issuer)
    with _provider(store, issuer, client_id, client_secret, timeout) as provider:
        endpoints = provider.endpoints()
        device = _request_code(provider, endpoints, may_register=client_id is None)
        (show or show_code)(device)
        login = _wait_for_tokens(provider, endpoints, device)
        login = attrs.evolve(login, user=provider.user_name(endpoints, login))
    with store.lock(2 * timeout):
        store.save_new(login)
    return login, store.place()


def log_out(issuer: str, timeout: float) -> list[str]:
    """Revoke a login and remove it. Return the places that contained it.

    Raises:
        CredentialsError: If the login cannot be removed.
    """
    store = Store(issuer)
    if store.read() is None:
        return []
    with store.lock(2 * timeout):
        login = store.read()
        if login is not None:
            _revoke(login, timeout)
        return store.remove()


def _provider(
    store: Store,
    issuer: str,
    client_id: str | None,
    client_secret: SecretText | None,
    timeout: float,
) -> OpenIDProvider:
    """Return the provider with the given client, or else with the client of an earlier login."""
    if client_id is not None:
        return OpenIDProvider(issuer, timeout, client_id=client_id, client_secret=client_secret)
    # The new login replaces a store that cannot be read.
    with suppress(CredentialsError):
        if (earlier := store.read()) is not None:
            return OpenIDProvider.of(earlier, timeout)
    return OpenIDProvider(issuer, timeout, client_secret=client_secret)


def _revoke(login: StoredLogin, timeout: float) -> None:
    """Revoke a login. If this fails, log a warning: the login is removed anyway."""
    try:
        with OpenIDProvider.of(login, timeout) as provider:
            is_revoked = provider.revoke(login)
    except SkahaError as error:
        log.warning("%s does not revoke the login, which ends by itself: %s", login.issuer, error)
        return
    if not is_revoked:
        log.warning("%s does not revoke the login, which ends by itself", login.issuer)


def _request_code(
    provider: OpenIDProvider, endpoints: Endpoints, *, may_register: bool
) -> DeviceCode:
    """Request a code. Register this program first if the provider does not know it."""
    if provider.client_id:
        try:
            return provider.request_code(endpoints)
        except LoginRefusedError as error:
            # Providers delete registrations that have not been used for a long time.
            if not may_register or error.code not in _UNKNOWN_CLIENT:
                raise
    provider.register(endpoints)
    return provider.request_code(endpoints)


def _wait_for_tokens(
    provider: OpenIDProvider, endpoints: Endpoints, device: DeviceCode
) -> StoredLogin:
    interval = device.interval
    while True:
        time.sleep(max(0, min(interval, device.expires - time.time())))
        if time.time() >= device.expires:
            raise CredentialsError(_TOO_LATE)
        try:
            return provider.request_tokens(endpoints, device)
        except ConnectionFailedError as error:
            log.debug("the provider is asked again: %s", error)
            continue
        except LoginRefusedError as error:
            refusal = error
        if refusal.code == "slow_down":
            interval += _SLOW_DOWN
        elif refusal.code != "authorization_pending":
            reason = _REASONS.get(refusal.code, "the login failed")
            raise CredentialsError(f"{reason}; {refusal}")
