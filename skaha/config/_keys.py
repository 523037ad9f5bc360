"""The keys of a profile: their types, checks and defaults."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs

from skaha._sansio import validation
from skaha.config._sites import check_server
from skaha.errors import ConfigurationError, InvalidInputError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


def _check_login(name: str, value: Any) -> str:
    """Return the URL of a provider of OpenID Connect."""
    # A late import for the start-up time.
    from skaha._credentials.http import check_secure_url

    check_secure_url(value, name)
    return str(value)


@attrs.frozen
class Key:
    """A key of a profile. A bound value is for the profile's own server only."""

    type: type
    check: Callable[[str, Any], Any]
    default: Any = None
    is_bound: bool = True


TABLE = {
    "server": Key(str, check_server, "https://ws-uv.canfar.net/skaha", is_bound=False),
    "version": Key(str, validation.check_version, "v1"),
    "token": Key(SecretText, validation.check_token),
    "token_file": Key(str, validation.check_path),
    "login": Key(str, _check_login),
    "certificate": Key(str, validation.check_path),
    "timeout": Key(float, validation.check_timeout, 30.0, is_bound=False),
    "concurrency": Key(int, validation.check_count, 32, is_bound=False),
    "registry_url": Key(str, validation.check_registry_part),
    "registry_username": Key(str, validation.check_registry_part),
    "registry_secret": Key(SecretText, validation.check_registry_part),
}

KEYS: dict[str, type] = {name: key.type for name, key in TABLE.items()}
"""The keys of a profile and the type of each value."""

SECRETS = frozenset(name for name, key in TABLE.items() if key.type is SecretText)
"""The keys of secret values, which are never shown."""

DEFAULTS = {name: key.default for name, key in TABLE.items() if key.default is not None}
"""The values that are used without any setting."""


def hidden(key: object, value: Any) -> Any:
    """Return a value in a form whose `repr` shows no secret: tracebacks may show local variables.

    An unknown key may be a misspelled `token`.
    """
    is_secret = KEYS.get(str(key), SecretText) is SecretText
    return validation.hidden(value) if is_secret else validation.hidden_url(value)


def check(key: str, value: Any) -> Any:
    """Return the checked value of a key. A secret becomes a `SecretText`."""
    value = hidden(key, value)
    return TABLE[key].check(key, value) if key in TABLE else value


def check_text(key: str, text: str) -> Any:
    """Return the checked value of a key from a text, such as an environment variable."""
    value: Any = hidden(key, text)
    # The check refuses a text that is no number.
    with suppress(ValueError):
        if isinstance(value, str) and KEYS[key] in (int, float):
            value = KEYS[key](value)
    return check(key, value)


def check_key(key: object, known: Collection[str] = (*KEYS, "active")) -> None:
    """Raise if a key is unknown."""
    if key not in known:
        from difflib import get_close_matches

        close = get_close_matches(str(key), known, 1)
        hint = f"did you mean {close[0]}?" if close else f"it is one of {', '.join(known)}"
        raise ConfigurationError(f"unknown key {key!r}; {hint}")


def check_profile(name: object) -> None:
    """Raise unless an argument is `None`, or a text that can be the name of a profile."""
    if name is not None and (not isinstance(name, str) or not name.isprintable()):
        raise InvalidInputError(f"profile must be a printable text or None; not {name!r}")


def server_of(profile: dict[str, Any]) -> str:
    """Return the server of a profile."""
    server: str = profile.get("server", DEFAULTS["server"])
    return server


@contextmanager
def source_in_errors(source: str) -> Iterator[None]:
    """Begin messages about wrong values with their source, unless that is an argument."""
    try:
        yield
    except InvalidInputError as error:
        if source == "argument":
            raise
        raise ConfigurationError(f"{source}: {error}") from None
