"""A proxy certificate for a user name and a password."""

from __future__ import annotations

import getpass
import netrc
import os
import ssl
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from skaha import _private_file
from skaha.auth._http import ask, check_safe, open_client, words_of
from skaha.auth._secret import SecretText
from skaha.errors import CredentialsError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skaha.auth._sites import Provider

__all__ = ["fetch_certificate", "find_password", "keep_certificate", "usual_place"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_UNAUTHORIZED = 401


def usual_place() -> Path:
    """Return where every client looks for a certificate.

    Raises:
        CredentialsError: If there is no home directory.
    """
    try:
        return Path.home() / ".ssl" / "cadcproxy.pem"
    except RuntimeError:
        raise CredentialsError("there is no home directory: name a file") from None


def find_password(
    provider: Provider, user: str | None, password: SecretText | None
) -> tuple[str, SecretText]:
    """Return the user and the password: as given, from `~/.netrc`, or from who is at the terminal.

    Raises:
        CredentialsError: If there is none, or others can read `~/.netrc`.
    """
    if user and password:
        return user, password
    host = httpx.URL(provider.url).host
    if password is None and (found := _in_netrc((host, *provider.machines), user)):
        return found
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
    # A notebook has no terminal, but functions of its own that ask.
    at_a_terminal = sys.stdin is not None and sys.stdin.isatty()
    return at_a_terminal or getpass.getpass.__module__ != getpass.__name__


def _in_netrc(hosts: Iterable[str], user: str | None) -> tuple[str, SecretText] | None:
    problem = None
    try:
        path = Path.home() / ".netrc"
        mode = path.stat().st_mode
        found = _entry(path, hosts, user)
    except (RuntimeError, FileNotFoundError):
        return None
    except netrc.NetrcParseError as error:
        # What it says of a line could be a password.
        problem = f"line {error.lineno}"
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not text"
    if problem:
        # Outside of the handlers: what led to it has passwords in its frames.
        raise CredentialsError(f"~/.netrc cannot be read: {problem}")
    if found and os.name == "posix" and mode & _OTHERS:
        raise CredentialsError(f"others can read the passwords in {path}: chmod 600 {path}")
    return found


def _entry(path: Path, hosts: Iterable[str], user: str | None) -> tuple[str, SecretText] | None:
    machines = netrc.netrc(path).hosts
    for host in hosts:
        name, _, password = machines.get(host, ("", "", ""))
        if name and password and user in (None, name):
            return name, SecretText(password)
    return None


def fetch_certificate(
    provider: Provider, user: str, password: SecretText, days: float, timeout: float
) -> SecretText:
    """Ask the provider for a certificate and its key.

    Raises:
        InvalidInputError: If the user name cannot be sent.
        CredentialsError: If it refuses.
        ConnectionFailedError: If it cannot be reached.
    """
    check_safe(provider.url, provider.name)
    if ":" in user:
        raise InvalidInputError("a user name may not hold a colon")
    with open_client(provider.url, timeout) as client:
        answer = ask(
            client,
            "GET",
            provider.url,
            params={"daysValid": f"{days:g}"},
            auth=httpx.BasicAuth(user, password),
        )
    if answer.status_code == _UNAUTHORIZED:
        raise CredentialsError(
            f"{provider.name} refuses {user} and the password: {words_of(answer)}"
        )
    if not answer.is_success:
        raise CredentialsError(
            f"{provider.name} gives no certificate: it answered {answer.status_code}, "
            f"{words_of(answer)}"
        )
    return SecretText(answer.text)


def keep_certificate(text: SecretText, path: Path) -> datetime:
    """Write a certificate that can be used; an old one is replaced in one step.

    Returns:
        When it expires.

    Raises:
        CredentialsError: If it cannot be used or written.
    """
    from skaha._certificate import validity

    ends: list[datetime] = []

    def check(written: Path) -> None:
        try:
            ends.append(validity(written, text)[1])
            # An empty password, or an encrypted key would ask for one.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(written, password="")
        except (OSError, CredentialsError):
            raise CredentialsError("what came is no certificate with its key") from None
        if ends[0] <= datetime.now(UTC):
            raise CredentialsError(f"what came has expired at {ends[0]:%Y-%m-%d %H:%M} UTC")

    try:
        _private_file.replace(path, text, check)
    except OSError as error:
        raise CredentialsError(f"{path} cannot be written: {error.strerror}") from None
    return ends[0]
