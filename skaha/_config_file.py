"""The file of profiles: where it is, what may stand in it, and how it is changed."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skaha import _private_file
from skaha.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KEYS: dict[str, type] = {
    "server": str,
    "version": str,
    "token": str,
    "token_file": str,
    "login": str,
    "certificate": str,
    "timeout": float,
    "concurrency": int,
    "registry_url": str,
    "registry_username": str,
    "registry_secret": str,
}
"""What a profile may hold, and of which type."""

SECRETS = frozenset({"token", "registry_secret"})
"""What is never shown."""

_WORDS = {str: "a text", float: "a number", int: "a whole number", dict: "a table"}
_OTHERS = 0o077
# Seconds to wait for others who change the file.
_PATIENCE = 10


class ConfigurationError(InvalidInputError):
    """The configuration cannot be read or used; the message names the place.

    Example:
        >>> from skaha import config
        >>> try:
        ...     config.save("colour", "blue")
        ... except config.ConfigurationError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        unknown key 'colour'; it is one of server, ...
    """


def default_path() -> Path:
    """Return where the file is, or would be.

    Example:
        >>> from skaha import config
        >>> config.default_path().name
        'config.toml'
    """
    if named := os.environ.get("SKAHA_CONFIG"):
        return Path(named).absolute()
    import platformdirs

    return platformdirs.user_config_path("skaha") / "config.toml"


def read(path: Path) -> dict[str, Any]:
    """Return what the file holds; nothing if there is none.

    Raises:
        ConfigurationError: If it cannot be read, or something in it is not known.
    """
    # Without a home directory, the place is not known.
    text = _text(path) if path.is_absolute() else ""
    if not text:
        return {}
    import tomllib

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"at line {len(text.splitlines())}, the end"
        message = str(error).replace("at end of document", end)
        raise ConfigurationError(f"{path}: {message}") from None
    _check(content, text, path)
    return content


def is_open_to_others(path: Path) -> bool:
    """Say whether others may read the file."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def convert(key: str, text: str, place: str) -> Any:
    """Return a value that was given as a text.

    Raises:
        ConfigurationError: If it is of another type; `place` says where it stands.
    """
    try:
        return KEYS[key](text)
    except ValueError:
        shown = "" if key in SECRETS else f"; not {text!r}"
        raise ConfigurationError(f"{place}: {key} must be {_WORDS[KEYS[key]]}{shown}") from None


def change(path: Path, keys: Sequence[str], value: Any) -> None:
    """Set one entry, or remove it if `value` is `None`; comments and order are kept.

    Raises:
        ConfigurationError: If the file cannot be read or written, or would not be valid.
    """
    if not path.is_absolute():
        raise ConfigurationError("there is no home directory: SKAHA_CONFIG names a file")
    if value is None and not _text(path):
        return
    with _alone(path):
        _change(path, keys, value)


def _change(path: Path, keys: Sequence[str], value: Any) -> None:
    import tomllib

    import tomlkit

    read(path)
    document = tomlkit.parse(_text(path))
    table: Any = document
    for key in keys[:-1]:
        table = table.setdefault(key, tomlkit.table(is_super_table=key == "profiles"))
    table.pop(keys[-1], None) if value is None else table.update({keys[-1]: value})
    text = tomlkit.dumps(document)
    _check(tomllib.loads(text), text, path)
    _replace(path, text)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep others from changing the file, for as long as the block takes."""
    target = path.resolve()
    try:
        lock = _private_file.lock(target.with_name(f".{target.name}.lock"), _PATIENCE)
    except TimeoutError:
        message = f"another process has been changing {path} for {_PATIENCE} s"
        raise ConfigurationError(message) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None


def _replace(path: Path, text: str) -> None:
    try:
        _private_file.replace(path, text)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _check(content: Mapping[str, Any], text: str, path: Path) -> None:
    problem = _problem(content)
    if problem is not None:
        keys, message = problem
        line = _line_of(text, keys)
        place = f"{path}, line {line}" if line else f"{path}"
        raise ConfigurationError(f"{place}: {message}")


def _problem(content: Mapping[str, Any]) -> tuple[list[str], str] | None:
    """Return the first entry that is not right, and what is wrong with it."""
    if problem := _wrong(content, {"active": str, "profiles": dict}, []):
        return problem
    for name, profile in content.get("profiles", {}).items():
        where = ["profiles", name]
        if not isinstance(profile, dict):
            return where, f"profile {name} must be a table"
        if problem := _wrong(profile, KEYS, where):
            return problem
    active = content.get("active")
    if active is not None and active not in content.get("profiles", {}):
        return ["active"], f"active: there is no profile {active!r}"
    return None


def _wrong(
    table: Mapping[str, Any], known: Mapping[str, type], where: list[str]
) -> tuple[list[str], str] | None:
    inside = f" in profile {where[-1]}" if where else ""
    for key, value in table.items():
        if key not in known:
            from difflib import get_close_matches

            close = get_close_matches(key, known, 1) or [f"one of {', '.join(known)}"]
            return [*where, key], f"unknown key {key!r}{inside}; did you mean {close[0]}?"
        allowed = (int, float) if known[key] is float else known[key]
        if isinstance(value, bool) or not isinstance(value, allowed):
            return [*where, key], f"{key}{inside} must be {_WORDS[known[key]]}"
    return None


def _line_of(text: str, keys: Sequence[str]) -> int | None:
    """Return the line after which the file holds this entry, however it is written."""
    import tomllib

    lines = text.splitlines(keepends=True)
    for number in range(1, len(lines) + 1):
        with suppress(tomllib.TOMLDecodeError, KeyError, TypeError):
            found: Any = tomllib.loads("".join(lines[:number]))
            for key in keys:
                found = found[key]
            return number
    return None
