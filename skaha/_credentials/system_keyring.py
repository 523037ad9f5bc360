"""The keyring of the system. It may ask the user for a password, fail in any way, or not respond.

Each access runs in a thread, because some keyrings wait for ever for a person or another program.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skaha._credentials.http import one_line
from skaha.errors import CredentialsError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

T = TypeVar("T")

log = logging.getLogger("skaha")

KEYRING = "the keyring of the system"
_SERVICE = "skaha"
# The lowest priority that the library keyring recommends. Backends with a lower priority write
# plain files, or do nothing.
_RECOMMENDED = 1
# Seconds to wait before a message says so, and at most: with a person who can unlock the keyring,
# and without.
_NOTICE, _LIMIT, _LIMIT_ALONE = 2.0, 60.0, 10.0
_WITHOUT_KEYRING = "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring"


def read(issuer: str) -> SecretText | None:
    """Return the text that is stored for a provider; `None` if there is none.

    Raises:
        CredentialsError: If the keyring cannot be read.
    """
    text = _call("be read", lambda backend: backend.get_password(_SERVICE, issuer))
    return SecretText(text) if isinstance(text, str) else None


def write(issuer: str, text: SecretText) -> bool:
    """Store a text for a provider; return whether the keyring has stored it."""

    def store(backend: KeyringBackend) -> bool:
        backend.set_password(_SERVICE, issuer, text)
        return True

    try:
        return _call("be written", store) is True
    except CredentialsError as error:
        log.debug("%s", error)
        return False


def delete(issuer: str) -> None:
    """Delete the text that is stored for a provider.

    Raises:
        CredentialsError: If the keyring does not delete it.
    """
    _call("delete the login", lambda backend: backend.delete_password(_SERVICE, issuer))


class _Access(Generic[T]):
    """One access to the keyring, in a thread."""

    def __init__(self, work: Callable[[KeyringBackend], T]) -> None:
        """Start the thread."""
        self.result: T | None = None
        # The reason why the access failed; never the exception, whose frames contain secrets.
        self.failure: str | None = None
        self._work = work
        self._is_over = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="skaha-keyring").start()

    def _run(self) -> None:
        try:
            backend = _backend()
            self.result = None if backend is None else self._work(backend)
        except BaseException as error:  # noqa: BLE001  (a keyring may raise anything)
            self.failure = _reason(error)
        finally:
            self._is_over.set()

    def is_over(self, seconds: float = 0) -> bool:
        """Return whether the access ends within so many seconds."""
        return self._is_over.wait(seconds)


# Threads access the keyring one after the other, so that one that does not respond is awaited once.
_turn = threading.Lock()
_last: _Access[Any] | None = None


def _call(action: str, work: Callable[[KeyringBackend], T]) -> T | None:
    """Call a function with the keyring and return its result; `None` if there is no keyring.

    Raises:
        CredentialsError: If the function raises anything, or the keyring does not respond in time.
    """
    # In this thread: a missing library is reported as such.
    import keyring  # noqa: F401

    global _last  # noqa: PLW0603
    limit = _LIMIT if _is_attended() else _LIMIT_ALONE
    if not _turn.acquire(timeout=limit):
        raise _no_response(limit)
    try:
        if _last is not None and not _last.is_over():
            raise _no_response(limit)
        access = _Access(work)
        _last = access
        if not access.is_over(_NOTICE):
            log.warning("waiting for %s: it may ask you for its password", KEYRING)
            if not access.is_over(limit - _NOTICE):
                raise _no_response(limit)
        _last = None
    finally:
        _turn.release()
    if access.failure is not None:
        raise CredentialsError(f"{KEYRING} cannot {action}: {access.failure}")
    return access.result


def _no_response(limit: float) -> CredentialsError:
    return CredentialsError(
        f"{KEYRING} has not responded for {limit:g} s: unlock it, or set {_WITHOUT_KEYRING} and "
        "log in again to store the login in a file"
    )


def _is_attended() -> bool:
    """Return whether a person may be able to unlock the keyring."""
    if sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return True
    return any(
        stream is not None and not stream.closed and stream.isatty()
        for stream in (sys.stdin, sys.stderr)
    )


def _backend() -> KeyringBackend | None:
    """Return the keyring of the system; `None` if there is none that protects secrets."""
    import keyring
    from keyring.backends.chainer import ChainerBackend

    backend = keyring.get_keyring()
    if isinstance(backend, ChainerBackend):
        backend = next(iter(backend.backends), backend)
    return backend if backend.priority >= _RECOMMENDED else None


def _reason(error: BaseException) -> str:
    try:
        return one_line(str(error)) or type(error).__name__
    except Exception:  # noqa: BLE001  (a keyring may raise anything)
        return type(error).__name__
