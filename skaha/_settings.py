"""Which value of a setting is used: the first that an argument, a variable or a profile gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from skaha._config_file import (
    KEYS,
    SECRETS,
    ConfigurationError,
    convert,
    default_path,
    is_open_to_others,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skaha.auth._token import LoginToken

DEFAULTS: dict[str, Any] = {
    "server": "https://ws-uv.canfar.net/skaha",
    "version": "v1",
    "timeout": 30.0,
    "concurrency": 32,
}
"""What is used when nothing says otherwise."""

# One of them is used: the first of the highest level that has any.
_CREDENTIALS = ("login", "token", "token_file", "certificate")
_REGISTRY = ("registry_url", "registry_username", "registry_secret")
# What a profile says for its own server, and for no other.
_BOUND = frozenset({"version", *_CREDENTIALS, *_REGISTRY})


class Settings(dict[str, Any]):
    """The arguments of a client that are not left to its defaults.

    Its `repr` shows no secrets.

    Attributes:
        sources: Where each value comes from, in words.

    Example:
        >>> from skaha import config
        >>> settings = config.settings(server="local", token="a-token")
        >>> settings
        Settings({'server': 'local', 'token': '...'})
        >>> settings.sources["token"]
        'argument'
    """

    def __init__(self, profile: str | None) -> None:
        """Begin with nothing but the profile."""
        super().__init__({} if profile is None else {"profile": profile})
        self.sources: dict[str, str] = {}

    @property
    def profile(self) -> str | None:
        """The name of the profile; `None` if there is none."""
        return self.get("profile")

    def take(self, name: str, value: Any, source: str) -> None:
        """Take a value and where it comes from."""
        self[name] = value
        self.sources[name] = source

    def give(self, name: str) -> tuple[Any, str]:
        """Give a value away, and where it comes from."""
        return self.pop(name), self.sources.pop(name)

    def __repr__(self) -> str:
        """Show everything but the secrets."""
        shown = {key: "..." if key in SECRETS else value for key, value in self.items()}
        return f"Settings({shown!r})"


class _Level(NamedTuple):
    """One place that values come from, and what stands there."""

    values: Mapping[str, Any]
    name: Callable[[str], str]
    base: Path


def settings(profile: str | None = None, **given: Any) -> Settings:
    """Return what a client is constructed with: `Session(**settings())` is `Session()`.

    A profile's credentials and version are for the profile's own server: they are left alone when
    an argument or the environment names another one.

    Args:
        profile: Name of the profile; by default `SKAHA_PROFILE`, or the one that is active.
        given: Arguments of a client; `None` is one that is not given. `token_file` names a file
            that holds a token.

    Returns:
        The arguments, and in `sources` where each comes from.

    Raises:
        ConfigurationError: If the file, the environment or the profile cannot be used.

    Example:
        >>> from skaha import config
        >>> config.settings(server="local", concurrency=8)
        Settings({'server': 'local', 'concurrency': 8})
    """
    found = in_use(profile, **given)
    _read_token(found)
    _join_registry(found)
    return found


def in_use(profile: str | None = None, **given: Any) -> Settings:
    """Return each key that is in use as it is set, whether or not a client could take it.

    Args:
        profile: As in `settings`.
        given: As in `settings`.

    Returns:
        The values by their `KEYS`, and in `sources` where each comes from.

    Raises:
        ConfigurationError: If the file, the environment or the profile cannot be used.

    Example:
        >>> from skaha import config
        >>> config.save("registry_username", "vrubin", profile="half")
        >>> config.in_use("half")["registry_username"]
        'vrubin'
        >>> try:
        ...     config.settings("half")
        ... except config.ConfigurationError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        profile half in ...: registry_username needs registry_secret, too
    """
    path, arguments = default_path(), {key: one for key, one in given.items() if one is not None}
    name, chosen = chosen_profile(path, read(path), profile)
    higher = [
        _Level(arguments, lambda _: "argument", Path()),
        _Level(_environment(), lambda key: f"environment variable {_variable(key)}", Path()),
    ]
    own = _own(chosen, higher)
    levels = [*higher, _Level(own, lambda _: f"profile {name} in {path}", path.parent)]
    found = Settings(name)
    for key in (key for key in {**KEYS, **arguments} if key not in _CREDENTIALS):
        _take_first(found, key, levels)
    _take_credential(found, levels)
    _warn_if_open(path, own)
    return found


def _variable(key: str) -> str:
    return f"SKAHA_{key.upper()}"


def _environment() -> dict[str, Any]:
    texts = {key: os.environ.get(_variable(key), "").strip() for key in KEYS}
    return {key: convert(key, text, _variable(key)) for key, text in texts.items() if text}


def chosen_profile(
    path: Path, content: Mapping[str, Any], name: str | None
) -> tuple[str | None, dict[str, Any]]:
    """Return the name of the profile in use, and what it holds.

    Raises:
        ConfigurationError: If there is none with this name.
    """
    profiles: dict[str, dict[str, Any]] = content.get("profiles", {})
    name = name or os.environ.get("SKAHA_PROFILE") or content.get("active")
    if name is None:
        return None, {}
    if name not in profiles:
        known = ", ".join(profiles) or "none at all"
        raise ConfigurationError(f"{path}: there is no profile {name!r}; there is {known}")
    return name, profiles[name]


def _own(profile: Mapping[str, Any], higher: list[_Level]) -> Mapping[str, Any]:
    """Return what of a profile may be used with the server that the higher levels name."""
    servers = [level.values["server"] for level in higher if "server" in level.values]
    if not servers or str(servers[0]).rstrip("/") == server_of(profile):
        return profile
    return {key: value for key, value in profile.items() if key not in _BOUND}


def server_of(profile: Mapping[str, Any]) -> str:
    """Return the server that a profile is for."""
    return str(profile.get("server", DEFAULTS["server"])).rstrip("/")


def _take_first(found: Settings, key: str, levels: list[_Level]) -> None:
    for level in levels:
        if key in level.values:
            found.take(key, level.values[key], level.name(key))
            return


def _take_credential(found: Settings, levels: list[_Level]) -> None:
    for level in levels:
        for key in _CREDENTIALS:
            if key in level.values:
                value, source = level.values[key], level.name(key)
                is_file = key in ("token_file", "certificate")
                found.take(key, _expanded(level.base, value, source) if is_file else value, source)
                return


def _read_token(found: Settings) -> None:
    """Replace the place of a token by the token."""
    if "login" in found:
        issuer, source = found.give("login")
        found.take("token", _token_of(issuer), f"login at {issuer}, named by {source}")
    elif "token_file" in found:
        file, source = found.give("token_file")
        found.take("token", _token_in(file, source), f"file {file}, named by {source}")


def _token_of(issuer: str) -> LoginToken:
    from skaha.auth._token import LoginToken

    return LoginToken(issuer)


def _expanded(base: Path, value: str, source: str) -> Path:
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        raise ConfigurationError(f"{source}: there is no home directory for {value}") from None


def _token_in(file: Path, source: str) -> str:
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"{source}: {file} cannot be read: {reason}") from None
    if not token:
        raise ConfigurationError(f"{source}: there is no token in {file}")
    return token


def _join_registry(found: Settings) -> None:
    """Replace the parts of a registry by the registry."""
    given = {key: found.give(key) for key in _REGISTRY if key in found}
    if "registry" in found:
        return
    username, secret = (given.get(f"registry_{part}") for part in ("username", "secret"))
    if username is not None and secret is not None:
        from skaha.models import ContainerRegistry

        parts = {key.removeprefix("registry_"): value for key, (value, _) in given.items()}
        found.take("registry", ContainerRegistry(**parts), username[1])
        return
    for one, other, there in (("username", "secret", username), ("secret", "username", secret)):
        if there is not None:
            raise ConfigurationError(f"{there[1]}: registry_{one} needs registry_{other}, too")


def _warn_if_open(path: Path, profile: Mapping[str, Any]) -> None:
    if SECRETS & profile.keys() and is_open_to_others(path):
        import warnings

        message = f"others can read {path}, which holds a secret: chmod 600 {path}"
        warnings.warn(message, UserWarning, stacklevel=5)
