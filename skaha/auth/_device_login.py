"""A login by OpenID Connect's device flow: a person says yes in any browser, and this waits."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from skaha.auth._oidc import OpenIDProvider, RefusedError
from skaha.auth._store import Store
from skaha.errors import ConnectionFailedError, CredentialsError, SkahaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skaha.auth._oidc import DeviceCode, Endpoints
    from skaha.auth._secret import SecretText
    from skaha.auth._store import Entry

__all__ = ["forget", "log_in_by_device", "show_code"]

log = logging.getLogger("skaha")

# How much more slowly to ask when the provider wants that, in seconds: RFC 8628 says so.
_SLOWER = 5
_UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")
_NOT_IN_TIME = "the code was not entered in time: log in again"
_REASONS = {"access_denied": "the login was denied", "expired_token": _NOT_IN_TIME}


def show_code(device: DeviceCode) -> None:
    """Write to standard error where to enter which code; on a terminal, as a QR code too.

    Args:
        device: What a person has to be told.

    Example:
        >>> from skaha.auth import DeviceCode, show_code
        >>> show_code(DeviceCode("WDJB-MJHT", "https://iam.example.org/device", None, 1e10))
    """
    minutes = max(1, round((device.expires - time.time()) / 60))
    sys.stderr.write(f"Open {device.url}\nand enter the code {device.code} within {minutes} min.\n")
    if sys.stderr.isatty():
        import segno

        segno.make(device.whole_url or device.url).terminal(out=sys.stderr, compact=True)
    sys.stderr.flush()


def log_in_by_device(
    issuer: str,
    client_id: str | None,
    client_secret: SecretText | None,
    show: Callable[[DeviceCode], object] | None,
    timeout: float,
) -> tuple[Entry, str]:
    """Log in at a provider; return the login, and where it is kept.

    Raises:
        CredentialsError: If the provider or the person refuses, or the code was not entered.
        ConnectionFailedError: If the provider cannot be reached.
    """
    store = Store(issuer)
    before = None
    if client_id is None:
        # What cannot be read is about to be replaced.
        with suppress(CredentialsError):
            before = store.read()
    if before is not None:
        provider = OpenIDProvider.of(before, timeout)
    else:
        provider = OpenIDProvider(
            issuer, timeout, client_id=client_id or "", client_secret=client_secret
        )
    try:
        endpoints = provider.endpoints()
        device = _begin(provider, endpoints, may_register=client_id is None)
        (show or show_code)(device)
        entry = _wait(provider, endpoints, device)
        entry = attrs.evolve(entry, user=provider.user(endpoints, entry))
    finally:
        provider.close()
    with store.lock(2 * timeout):
        store.begin(entry)
    return entry, store.place()


def forget(issuer: str, timeout: float) -> list[str]:
    """Revoke a login and remove it; return from where.

    Raises:
        CredentialsError: If it cannot be removed.
    """
    store = Store(issuer)
    if store.read() is None:
        return []
    with store.lock(2 * timeout):
        entry = store.read()
        if entry is not None:
            _revoke(entry, timeout)
        return store.remove()


def _revoke(entry: Entry, timeout: float) -> None:
    """Have the provider forget a login; that it cannot is no reason to keep it here."""
    provider = OpenIDProvider.of(entry, timeout)
    try:
        if provider.revoke(entry):
            return
        log.warning("%s does not revoke the login: it ends by itself", entry.issuer)
    except SkahaError as error:
        log.warning("%s does not revoke the login, which ends by itself: %s", entry.issuer, error)
    finally:
        provider.close()


def _begin(provider: OpenIDProvider, endpoints: Endpoints, *, may_register: bool) -> DeviceCode:
    if not provider.client_id:
        provider.register(endpoints)
        return provider.begin(endpoints)
    try:
        return provider.begin(endpoints)
    except RefusedError as error:
        # Providers forget programs that they have not seen for long.
        if not may_register or error.code not in _UNKNOWN_CLIENT:
            raise
    provider.register(endpoints)
    return provider.begin(endpoints)


def _wait(provider: OpenIDProvider, endpoints: Endpoints, device: DeviceCode) -> Entry:
    pause = device.interval
    while True:
        time.sleep(max(0, min(pause, device.expires - time.time())))
        if time.time() >= device.expires:
            raise CredentialsError(_NOT_IN_TIME)
        try:
            return provider.poll(endpoints, device)
        except ConnectionFailedError as error:
            log.debug("asking again: %s", error)
            continue
        except RefusedError as error:
            refused = error
        if refused.code == "slow_down":
            pause += _SLOWER
        elif refused.code != "authorization_pending":
            reason = _REASONS.get(refused.code, "the provider does not log in")
            raise CredentialsError(f"{reason}; {refused}")
