"""Validation of the values of settings.

Each function checks a value from any source: argument, environment variable, profile or
`config set`. It returns the value in the form that clients use.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from skaha._sansio.validation.numbers import number_of
from skaha._sansio.validation.secrets import WrongType, checked_token
from skaha.errors import InvalidInputError
from skaha.models import ContainerRegistry, check_number, plain_text

_LAST_PORT = 65535
# 24 days. A socket counts milliseconds, up to 2**31: a longer time-out would end immediately.
_LONGEST_TIMEOUT = 2_147_483
_VERSION_IN_URL = r"v\d+(\.\d+)*"
_VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REGISTRY_PARTS = ("url", "username", "secret")


def check_table(name: str, value: object) -> dict[str, Any]:
    """Return a table of TOML."""
    if not isinstance(value, dict):
        raise InvalidInputError(f"{name} must be a table")
    return value


def check_path(name: str, value: Any) -> Path:
    """Return a path with the home directory in place of `~`."""
    try:
        path = Path(value).expanduser()
        is_possible = b"\0" not in os.fsencode(path)
    except (TypeError, UnicodeEncodeError):
        is_possible = False
    except RuntimeError:
        raise InvalidInputError(f"{name}: there is no home directory for {value!r}") from None
    if not is_possible:
        raise InvalidInputError(f"{name} must be a path; not {value!r}")
    return path


def check_timeout(name: str, value: Any) -> float:
    """Return the seconds of a time-out that a socket can have."""
    return check_number(name, number_of(value), maximum=_LONGEST_TIMEOUT, unit=" seconds")


def check_server(name: str, value: object) -> str:
    """Return the URL of a platform without a slash at its end, or `local`."""
    if value == "local":
        return "local"
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be a URL or 'local', not {type(value).__name__}")
    # Any message about such a text could show a password.
    if "@" in value:
        raise InvalidInputError(
            f"{name} must not contain '@', a user or a password: use a token instead"
        )
    try:
        url = httpx.URL(value)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidInputError(f"{name} must be a URL or 'local': {error}") from None
    is_odd = " " in value or url.query or url.fragment or not 0 < (url.port or 1) <= _LAST_PORT
    if url.scheme not in ("http", "https") or not url.host or is_odd:
        raise InvalidInputError(
            f"{name} must be 'local' or a URL like https://ws-uv.canfar.net/skaha; not {value!r}"
        )
    last_segment = url.path.rstrip("/").rpartition("/")[2]
    if re.fullmatch(_VERSION_IN_URL, last_segment):
        raise InvalidInputError(
            f"{name} must not end in the version: remove /{last_segment}, and set version to "
            f"{last_segment!r}; not {value!r}"
        )
    return value.rstrip("/")


def check_version(name: str, value: object) -> str:
    """Return the version of the API: one segment of a path."""
    if not isinstance(value, str) or not re.fullmatch(_VERSION, value):
        raise InvalidInputError(f"{name} must be one segment of a path, like 'v1'; not {value!r}")
    return plain_text(value)


def check_server_and_version(server: str, version: str) -> None:
    """Raise if the URL of the server contains the version, too.

    Raises:
        InvalidInputError: If requests would have the version twice in their paths.
    """
    if httpx.URL(server).path.endswith(f"/{version}"):
        raise InvalidInputError(f"server must not end in the version: remove /{version}")


def check_token(name: str, value: object) -> str | Callable[[], str]:
    """Return a token that fits into a header, or the function that returns one."""
    if isinstance(value, WrongType):
        raise InvalidInputError(
            f"{name} must be a text, not {value.name}. If a file contains the token, set "
            "SKAHA_TOKEN_FILE to its path"
        )
    return value if callable(value) else checked_token(value)


def check_registry_part(name: str, value: object) -> Any:
    """Return the URL, the username or the secret of a registry; `name` begins with `registry_`."""
    others: dict[str, Any] = {"username": "a-name", "secret": "a-secret"}
    # The constructor checks each part.
    ContainerRegistry(**others | {name.removeprefix("registry_"): value})
    return value


def check_registry(value: object) -> ContainerRegistry:
    """Return the credentials for private images, also from a dictionary of its arguments.

    Raises:
        InvalidInputError: If it is something else, or a key or a value is wrong.
    """
    if isinstance(value, ContainerRegistry):
        return value
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            "registry must be a skaha.models.ContainerRegistry, or a dictionary like "
            '{"username": ..., "secret": ...}'
        )
    parts = {str(key): part for key, part in value.items() if part is not None}
    for key in parts:
        if key not in _REGISTRY_PARTS:
            allowed = ", ".join(_REGISTRY_PARTS)
            raise InvalidInputError(f"registry: unknown key {key!r}; it is one of {allowed}")
    # Only the secret is hidden in a `repr`. The constructor refuses a part that is no text.
    return ContainerRegistry(
        **{
            key: str(part) if isinstance(part, str) and key != "secret" else part
            for key, part in parts.items()
        }
    )
