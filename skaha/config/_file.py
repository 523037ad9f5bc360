"""The configuration file: its content, the profile in use, and changes."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skaha import _atomic_file
from skaha._sansio.validation import check_server_and_version, check_table
from skaha.config._keys import (
    DEFAULTS,
    KEYS,
    check,
    check_key,
    check_text,
    server_of,
    source_in_errors,
)
from skaha.config._path import default_path, read_text
from skaha.errors import ConfigurationError
from skaha.models import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable

# Half a surrogate pair: Python uses it for a byte of a file name that is not UTF-8.
_HALF_PAIR = r"[\ud800-\udfff]"
# Seconds to wait for other processes that change the file.
_LOCK_TIMEOUT = 10
# Characters times lines of a text in which the line of a problem is searched: about two seconds. A
# longer text is no configuration.
_MAX_SEARCH = 4_000_000

# Tracebacks may show local variables, and a content has secrets. So a function that has a content
# in a local variable raises no error.


def read(*, values: bool = True) -> dict[str, Any]:
    """Return the content of the file, which may be missing.

    Args:
        values: Whether to check the values, and to return them in the form that clients use.

    Raises:
        ConfigurationError: If the file cannot be read or is wrong.
    """
    return _content(read_text(default_path()), values=values)


def profile_to_change(name: str | None) -> tuple[str, bool]:
    """Return the name of the profile to change, and whether the user has chosen it by its name."""
    chosen = name or os.environ.get("SKAHA_PROFILE")
    return chosen or read(values=False).get("active") or "default", bool(chosen)


def profile_in_use(content: dict[str, Any], name: str | None) -> tuple[str | None, Any]:
    """Return the name and the entries of the profile in use.

    The name is an argument, or comes from the environment or the file.

    Raises:
        ConfigurationError: If there is no such profile.
    """
    variable = os.environ.get("SKAHA_PROFILE")
    source = "environment variable SKAHA_PROFILE: " if variable and not name else ""
    name, profiles = name or variable or content.get("active"), content.get("profiles", {})
    if name is None or name in profiles:
        return name, profiles.get(name, {})
    known = ", ".join(profiles) or "none at all"
    del content, profiles
    raise ConfigurationError(
        f"{source}{default_path()}: there is no profile {name!r}; there is {known}"
    )


def to_store(key: str, value: Any, profile: str) -> Any:
    """Return a checked value in the form that the file has. Paths keep their `~`.

    Raises:
        ConfigurationError: If the file cannot have the value.
    """
    with source_in_errors(f"profile {profile}"):
        checked = check_text(key, value)
        if key == "server":
            from skaha.config._discovery import server_url

            checked = server_url(checked)
    stored = str(value) if isinstance(checked, Path) else checked
    if not isinstance(stored, str | int | float) or re.search(_HALF_PAIR, f"{stored}{profile}"):
        raise ConfigurationError(f"{key} must be a text in Unicode, as the file is in UTF-8")
    return stored


def edit(change: Callable[[dict[str, Any]], object]) -> None:
    """Change the content of the file, and keep its comments.

    Args:
        change: A function that changes a content in place. It must not raise.

    Raises:
        ConfigurationError: If the file cannot be read or written, or would be wrong.
    """
    path = default_path()
    if not path.is_absolute():
        raise ConfigurationError("there is no home directory: set SKAHA_CONFIG to a path")
    target = path.resolve()
    try:
        with _atomic_file.lock(target.with_name(f".{target.name}.lock"), _LOCK_TIMEOUT):
            text = read_text(path)
            # The change may correct a wrong value.
            _content(text, values=False)
            text = _changed(text, change)
            _content(text)
            _atomic_file.replace(path, text)
    except TimeoutError:
        message = f"another process has been changing {path} for {_LOCK_TIMEOUT} s"
        raise ConfigurationError(message) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _changed(text: SecretText, change: Callable[[dict[str, Any]], object]) -> SecretText:
    """Return a changed TOML text with the same comments.

    Raises:
        ConfigurationError: If the new text does not have the changed values: after some notations
            of a table, tomlkit puts a new line into the wrong table.
    """
    import tomllib

    import tomlkit

    document, expected = tomlkit.parse(text), tomllib.loads(text)
    change(document)
    change(expected)
    new_text = SecretText(tomlkit.dumps(document))
    with suppress(ValueError):
        if tomllib.loads(new_text) == expected:
            return new_text
    del document, expected
    raise ConfigurationError(
        f"{default_path()}: this file cannot be changed, because its profiles have an unusual "
        'notation. Edit it: write `active = "NAME"` in the first line, if at all, and then '
        "each profile with its own line `[profiles.NAME]` above its keys"
    )


def _content(text: SecretText, *, values: bool = True) -> dict[str, Any]:
    """Return the content of a TOML text, or raise an error with the line of the first problem."""
    if not text:
        # Do not import the parser.
        return {}
    content = _content_or_problem(text, values=values)
    if isinstance(content, dict):
        return content
    if len(text) * text.count("\n") > _MAX_SEARCH:
        raise ConfigurationError(f"{default_path()}: {content}")
    # The lines up to the wrong entry have the same problem as the whole text.
    line = next(
        number
        for number in count(1)
        if content
        == _content_or_problem("".join(text.splitlines(keepends=True)[:number]), values=values)
    )
    raise ConfigurationError(f"{default_path()}, line {line}: {content}")


def _content_or_problem(text: str, *, values: bool) -> dict[str, Any] | str:
    """Return the content of a TOML text, or the message of its first problem."""
    import tomllib

    try:
        content = tomllib.loads(text)
        for key in content:
            check_key(key, ("active", "profiles"))
        profiles = check_table("profiles", content.get("profiles", {}))
        for name, profile in profiles.items():
            check_table(f"profile {name}", profile)
            if values:
                with source_in_errors(f"profile {name}"):
                    _check_values(profile)
    except ValueError as error:  # of this library, or of tomllib
        return str(error)
    except RecursionError:
        return "the values are nested too deeply"
    if "active" in content and content["active"] not in [*profiles]:
        return f"active: there is no profile {content['active']!r}"
    return content


def _check_values(profile: dict[str, Any]) -> None:
    """Replace the values of a profile by the checked values. Paths are relative to the file."""
    for key, entry in profile.items():
        check_key(key, KEYS)
        value = check(key, entry)
        profile[key] = default_path().parent / value if isinstance(value, Path) else value
    check_server_and_version(server_of(profile), profile.get("version", DEFAULTS["version"]))
