"""Proxy certificates in exchange for a user name and a password."""

from __future__ import annotations

import getpass
import netrc
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from skaha import _atomic_file
from skaha._credentials.http import check_secure_url, open_client, send, server_message
from skaha.errors import CredentialsError, InvalidInputError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skaha.config._sites import Provider

_UNAUTHORIZED = 401


def find_password(
    provider: Provider, user: str | None, password: SecretText | None
) -> tuple[str, SecretText]:
    """Return the user name and the password from the arguments, `~/.netrc` or the terminal.

    Raises:
        CredentialsError: If there is no password, or other users can read `~/.netrc`.
    """
    if user and password:
        return user, password
    host = httpx.URL(provider.url).host
    if password is None and (entry := _find_in_netrc((host, *provider.machines), user)):
        return entry
    if not _can_ask():
        raise CredentialsError(
            f"no user and password for {provider.name}: give both, put them into ~/.netrc for the "
            f"machine {host}, or log in at a terminal or in a notebook"
        )
    if not user:
        print(f"User name at {provider.title or host}: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        user = input().strip()
    if user and not password:
        password = SecretText(getpass.getpass(f"Password of {user} at {host}: "))
    if not user or not password:
        raise CredentialsError("a user name and a password are needed")
    return user, password


def _can_ask() -> bool:
    # A notebook has no terminal, but it replaces `input` and `getpass` by functions of its own.
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    return is_terminal or getpass.getpass.__module__ != getpass.__name__


def _find_in_netrc(hosts: Iterable[str], user: str | None) -> tuple[str, SecretText] | None:
    problem = None
    try:
        path = Path.home() / ".netrc"
        entry = _netrc_entry(path, hosts, user)
    except (RuntimeError, FileNotFoundError):
        return None
    except netrc.NetrcParseError as error:
        # The message of this error may quote a password.
        problem = f"line {error.lineno}"
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
    if problem:
        # Raise outside of the handlers: the frames of the inner error contain passwords.
        raise CredentialsError(f"~/.netrc cannot be read: {problem}")
    if entry and _atomic_file.is_open_to_others(path):
        raise CredentialsError(f"others can read the passwords in {path}: chmod 600 {path}")
    return entry


def _netrc_entry(
    path: Path, hosts: Iterable[str], user: str | None
) -> tuple[str, SecretText] | None:
    machines = netrc.netrc(path).hosts
    for host in hosts:
        name, _, password = machines.get(host, ("", "", ""))
        if name and password and user in (None, name):
            return name, SecretText(password)
    return None


def fetch_certificate(
    provider: Provider, user: str, password: SecretText, days: float, timeout: float
) -> SecretText:
    """Request a certificate with its key from the provider.

    Raises:
        InvalidInputError: If the user name cannot be sent.
        CredentialsError: If the provider refuses.
        ConnectionFailedError: If the provider cannot be reached.
    """
    check_secure_url(provider.url, provider.name)
    if ":" in user or not user.isprintable():
        raise InvalidInputError("the user name must be a printable text without a colon")
    if not password.isprintable():
        raise InvalidInputError("the password must be a printable text")
    with open_client(timeout) as client:
        response = send(
            client,
            "GET",
            provider.url,
            params={"daysValid": f"{days:g}"},
            auth=httpx.BasicAuth(user, password),
            secrets=[password],
        )
    if response.status_code == _UNAUTHORIZED:
        raise CredentialsError(
            f"{provider.name} refuses {user} and the password: {server_message(response)}"
        )
    if not response.is_success:
        raise CredentialsError(
            f"{provider.name} provides no certificate: status {response.status_code}, "
            f"{server_message(response)}"
        )
    return SecretText(response.text)


def save_certificate(text: SecretText, path: Path) -> datetime:
    """Check a certificate and write it to a file. An old file is replaced in one step.

    Returns:
        The time when the certificate expires.

    Raises:
        CredentialsError: If the certificate cannot be used or written.
    """
    from skaha._credentials.x509 import validity

    ends: list[datetime] = []

    def check(written: Path) -> None:
        try:
            ends.append(validity(written, text)[1])
            # With an empty password, OpenSSL does not ask for the password of an encrypted key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(written, password="")
        except (OSError, CredentialsError):
            raise CredentialsError(
                "the response of the provider contains no certificate with its key"
            ) from None
        if ends[0] <= datetime.now(UTC):
            raise CredentialsError(
                f"the certificate in the response expired at {ends[0]:%Y-%m-%d %H:%M} UTC"
            )

    try:
        _atomic_file.replace(path, text, check)
    except OSError as error:
        raise CredentialsError(f"{path} cannot be written: {error.strerror}") from None
    return ends[0]
