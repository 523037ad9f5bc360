"""The configuration file: its place, its keys and its changes."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from skaha import _atomic_file
from skaha._sansio import validation
from skaha.config._default_path import default_path
from skaha.config._sites import check_server
from skaha.errors import ConfigurationError, InvalidInputError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

# Half a surrogate pair: Python uses it for a byte of a file name that is not UTF-8.
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
# Seconds to wait for other processes that change the file.
_LOCK_TIMEOUT = 10


def _check_login(name: str, value: Any) -> str:
    """Return the URL of a provider of OpenID Connect."""
    # A late import for the start-up time: it imports httpx.
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
    if KEYS.get(str(key), SecretText) is SecretText:
        return validation.hidden(value)
    return validation.hidden_url(value)


def check(key: str, value: Any) -> Any:
    """Return the checked value of a key. A secret becomes a `SecretText`."""
    value = hidden(key, value)
    return TABLE[key].check(key, value) if key in TABLE else value


def check_key(key: object, known: Collection[str] = (*KEYS, "active")) -> None:
    """Raise if a key is unknown."""
    if key not in known:
        from difflib import get_close_matches

        close = get_close_matches(str(key), known, 1)
        hint = f"did you mean {close[0]}?" if close else f"it is one of {', '.join(known)}"
        raise ConfigurationError(f"unknown key {key!r}; {hint}")


def from_text(key: str, text: str) -> Any:
    """Convert a text to the type of its key, if possible. `check` refuses other values."""
    try:
        return KEYS[key](text) if KEYS.get(key) in (int, float) else text
    except (ValueError, TypeError, OverflowError):
        return text


@contextmanager
def source_in_errors(source: str) -> Iterator[None]:
    """Begin messages about wrong values with their source, unless that is an argument."""
    try:
        yield
    except InvalidInputError as error:
        if source == "argument":
            raise
        raise ConfigurationError(f"{source}: {error}") from None


def read() -> dict[str, Any]:
    """Return the checked content of the file, which may be missing."""
    path = default_path()
    text = _text(path)
    if not text:
        return {}
    import tomllib

    content = tomllib.loads(_checked(text))
    for profile in content.get("profiles", {}).values():
        for key, entry in profile.items():
            value = check(key, entry)
            # Paths are relative to the file.
            profile[key] = path.parent / value if isinstance(value, Path) else value
    return content


def check_profile(name: object) -> None:
    """Raise unless an argument is `None`, or a text that can be the name of a profile."""
    if name is not None and (not isinstance(name, str) or not name.isprintable()):
        raise InvalidInputError(f"profile must be a printable text or None; not {name!r}")


def profile_name(content: Mapping[str, Any], name: str | None = None) -> str | None:
    """Return the name of the profile in use: from an argument, the environment or the file."""
    return name or os.environ.get("SKAHA_PROFILE") or content.get("active")


def profile_in_use(content: Mapping[str, Any], name: str | None) -> tuple[str | None, Any]:
    """Return the name and the entries of the profile in use."""
    is_of_environment = not name and bool(os.environ.get("SKAHA_PROFILE"))
    name, profiles = profile_name(content, name), content.get("profiles", {})
    if name is not None and name not in profiles:
        known = ", ".join(profiles) or "none at all"
        source = "environment variable SKAHA_PROFILE: " if is_of_environment else ""
        message = f"{source}{default_path()}: there is no profile {name!r}; there is {known}"
        # Tracebacks may show local variables, and these contain secrets.
        del content, profiles
        raise ConfigurationError(message)
    return name, profiles.get(name, {})


class Document:
    """The content of the file with its comments. Its `repr` does not show the secrets in it."""

    def __init__(self, text: str) -> None:
        """Parse a TOML text."""
        import tomllib

        import tomlkit

        self._toml = tomlkit.parse(text)
        # The same values without comments, which get the same changes.
        self._expected = tomllib.loads(text)

    def profile_name(self, profile: str | None) -> str:
        """Return the name of the profile to change."""
        return profile_name(self._toml, profile) or "default"

    def set(self, key: str, value: Any, profile: str | None) -> None:
        """Set an entry of a profile. A missing profile is added.

        If no profile is active, the profile becomes active. But a profile that was chosen by its
        name does so only as the first profile of the file.
        """
        name = self.profile_name(profile)
        value = str(value) if isinstance(value, os.PathLike) else value
        if not isinstance(value, str | int | float) or _HALF_PAIR.search(f"{value}{name}"):
            raise ConfigurationError(f"{key} must be a text in Unicode, as the file is in UTF-8")
        is_chosen = bool(profile or os.environ.get("SKAHA_PROFILE"))
        for content in (self._toml, self._expected):
            if not (is_chosen and content.get("profiles")):
                content.setdefault("active", name)
            content.setdefault("profiles", {}).setdefault(name, {})[key] = value

    def remove(self, key: str, profile: str | None) -> None:
        """Remove an entry of the profile in use."""
        # An error here has no frame with the values in a local variable.
        profile_in_use(self._toml, profile)
        for content in (self._toml, self._expected):
            profile_in_use(content, profile)[1].pop(key, None)

    def set_active(self, profile: str | None) -> None:
        """Set the active profile; `None` removes it."""
        for content in (self._toml, self._expected):
            if profile is None:
                content.pop("active", None)
            else:
                content["active"] = profile

    def text(self) -> SecretText:
        """Return the TOML text.

        Raises:
            ConfigurationError: If the text does not have the changed values: after some notations
                of a table, tomlkit puts a new line into the wrong table.
        """
        import tomlkit

        text = SecretText(tomlkit.dumps(self._toml))
        if self._is_expected(text):
            return text
        raise ConfigurationError(
            f"{default_path()}: this file cannot be changed, because its profiles have an unusual "
            'notation. Edit it: write `active = "NAME"` in the first line, if at all, and then '
            "each profile with its own line `[profiles.NAME]` above its keys"
        )

    def _is_expected(self, text: SecretText) -> bool:
        import tomllib

        try:
            return tomllib.loads(text) == self._expected
        except ValueError:
            return False


@contextmanager
def editing() -> Iterator[Document]:
    """Lock the file, yield its content, and write the changed content."""
    path = default_path()
    if not path.is_absolute():
        raise ConfigurationError("there is no home directory: set SKAHA_CONFIG to a path")
    target = path.resolve()
    try:
        with _atomic_file.lock(target.with_name(f".{target.name}.lock"), _LOCK_TIMEOUT):
            # The block may correct a wrong value.
            document = Document(_checked(_text(path), values=False))
            yield document
            _atomic_file.replace(path, _checked(document.text()))
    except TimeoutError:
        message = f"another process has been changing {path} for {_LOCK_TIMEOUT} s"
        raise ConfigurationError(message) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _text(path: Path) -> SecretText:
    try:
        # The path is relative if there is no home directory.
        return SecretText(_atomic_file.read_text(path) if path.is_absolute() else "")
    except (FileNotFoundError, NotADirectoryError):
        return SecretText()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None


def _checked(text: SecretText, *, values: bool = True) -> SecretText:
    """Return a TOML text that is valid, or raise an error with the line of the first problem."""
    if (problem := _problem(text, values=values)) is None:
        return text
    # The lines up to the wrong entry have the same problem as the whole text.
    line = next(
        number
        for number in count(1)
        if _problem("".join(text.splitlines(keepends=True)[:number]), values=values) == problem
    )
    raise ConfigurationError(f"{default_path()}, line {line}: {problem}")


def _check_pair(profile: dict[str, Any]) -> None:
    """Raise if the URL of the server in a profile contains the version, too."""
    validation.check_server_and_version(
        check("server", profile.get("server", DEFAULTS["server"])),
        profile.get("version", DEFAULTS["version"]),
    )


def _problem(text: str, *, values: bool) -> str | None:
    """Return the message of the first problem.

    No error leaves this function: a traceback would contain the secrets in its local variables.
    """
    import tomllib

    try:
        content = tomllib.loads(text)
        for key in content:
            check_key(key, ["active", "profiles"])
        profiles = validation.check_table("profiles", content.get("profiles", {}))
        for name, profile in profiles.items():
            for key, value in validation.check_table(f"profile {name}", profile).items():
                if values:
                    with source_in_errors(f"profile {name}"):
                        check_key(key, KEYS)
                        check(key, value)
            if values:
                with source_in_errors(f"profile {name}"):
                    _check_pair(profile)
    except ValueError as error:  # of this library, or of tomllib
        return str(error)
    if "active" in content and content["active"] not in [*profiles]:
        return f"active: there is no profile {content['active']!r}"
    return None
