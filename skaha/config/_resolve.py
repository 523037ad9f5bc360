"""Resolution of the settings: argument, environment variable, profile, default."""

from __future__ import annotations

import os
from collections import ChainMap
from itertools import permutations
from typing import TYPE_CHECKING, Any

from skaha import _atomic_file
from skaha._sansio.user_warnings import warn_user
from skaha._sansio.validation import check_registry, check_server_and_version
from skaha.config import _file
from skaha.config._keys import (
    DEFAULTS,
    KEYS,
    SECRETS,
    TABLE,
    check,
    check_key,
    check_profile,
    check_text,
    hidden,
    server_of,
    source_in_errors,
)
from skaha.config._path import default_path
from skaha.config._sites import is_name
from skaha.errors import ConfigurationError, CredentialsError, TokenFileError
from skaha.models import ContainerRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

# A client uses one of these: the first one of the highest level that has any.
_CREDENTIALS = ("login", "token", "token_file", "certificate")
_ARGUMENTS = (*KEYS, "registry")
_REGISTRY = ("registry_url", "registry_username", "registry_secret")


class Settings(dict[str, Any]):
    """The arguments of a client, except for those that keep their defaults.

    Secret values do not appear in its `repr`.

    Attributes:
        sources: The source of each value, in words.

    Example:
        >>> from skaha import config
        >>> settings = config.settings(server="local", token="a-token")
        >>> settings
        {'server': 'local', 'token': ...}
        >>> settings.sources["token"]
        'argument'
    """

    def __init__(self, profile: str | None) -> None:
        """Start with the name of the profile."""
        super().__init__({} if profile is None else {"profile": profile})
        self.sources: dict[str, str] = {}

    @property
    def profile(self) -> str | None:
        """The name of the profile; `None` if there is none."""
        return self.get("profile")


def settings(profile: str | None = None, **arguments: Any) -> Settings:
    """Return the arguments of a client: `Session(**settings())` is the same as `Session()`.

    A `server` may be the name of a server, such as `canfar`. The result has its URL. If only the
    registry of the provider knows the URL, the function looks it up.

    The credentials and the version of a profile are for the profile's own server. They are ignored
    if an argument or the environment names another server.

    Args:
        profile: Name of the profile; by default `SKAHA_PROFILE`, or else the active profile.
        arguments: Arguments of a client; `None` is the same as no argument. In addition,
            `token_file` is the path of a file that contains a token.

    Returns:
        The arguments. The attribute `sources` has the source of each argument.

    Raises:
        InvalidInputError: If an argument is wrong.
        ConfigurationError: If the file, the environment or the profile cannot be used.
        TokenFileError: If the token file cannot be used.

    Example:
        >>> from skaha import config
        >>> config.settings(server="local", concurrency=8)
        {'server': 'local', 'concurrency': 8}
    """
    arguments = {key: hidden(key, value) for key, value in arguments.items()}
    values = in_use(profile, **arguments)
    server = values.get("server", DEFAULTS["server"])
    if is_name(server):
        from skaha.config._discovery import server_url

        server = values["server"] = server_url(server)
    with source_in_errors(values.sources.get("server", "default")):
        check_server_and_version(server, values.get("version", DEFAULTS["version"]))
    _replace_token(values)
    _replace_registry(values)
    return values


def in_use(profile: str | None = None, **arguments: Any) -> Settings:
    """Return each key in use with its own value, even if a client cannot use the value yet.

    Args:
        profile: As in `settings`.
        arguments: As in `settings`.

    Returns:
        The values by their `KEYS`. The attribute `sources` has the source of each value.

    Raises:
        InvalidInputError: If an argument is wrong.
        ConfigurationError: If the file, the environment or the profile cannot be used.

    Example:
        >>> from skaha import config
        >>> config.save("registry_username", "vrubin", profile="half")
        >>> config.in_use("half")["registry_username"]
        'vrubin'
    """
    arguments = {key: hidden(key, value) for key, value in arguments.items()}
    check_profile(profile)
    for key in arguments:
        check_key(key, _ARGUMENTS)
    path = default_path()
    name, entries = _file.profile_in_use(_file.read(), profile)
    named = {
        key: (check(key, value), "argument")
        for key, value in arguments.items()
        if value is not None
    }
    environment = dict(_from_environment())
    server, _ = ChainMap(named, environment).get("server", (server_of(entries), ""))
    if server != server_of(entries):
        entries = {key: value for key, value in entries.items() if not TABLE[key].is_bound}
    if SECRETS & entries.keys() and _atomic_file.is_open_to_others(path):
        warn_user(f"others can read {path}, which contains a secret: chmod 600 {path}")
    own = {key: (value, f"profile {name} in {path}") for key, value in entries.items()}
    levels = ChainMap(named, environment, own)
    credential = next((key for level in levels.maps for key in _CREDENTIALS if key in level), None)
    values = Settings(name)
    for key in {**KEYS, **named}:
        if key in levels and (key not in _CREDENTIALS or key == credential):
            values[key], values.sources[key] = levels[key]
    return values


def _from_environment() -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield each key with its checked value and its source."""
    for key in KEYS:
        variable = f"SKAHA_{key.upper()}"
        if text := hidden(key, os.environ.get(variable, "").strip()):
            source = f"environment variable {variable}"
            with source_in_errors(source):
                yield key, (check_text(key, text), source)


def _replace_token(values: Settings) -> None:
    """Replace a login or the path of a token by a function that returns the token."""
    if "login" in values:
        from skaha._credentials.token import LoginToken

        issuer, named_by = values.pop("login"), values.sources.pop("login")
        values["token"] = LoginToken(issuer)
        values.sources["token"] = f"login at {issuer}, named by {named_by}"
    elif "token_file" in values:
        from skaha._credentials.token_file import TokenFile

        path, named_by = values.pop("token_file"), values.sources.pop("token_file")
        values["token"] = token = TokenFile(path)
        values.sources["token"] = f"file {path}, named by {named_by}"
        try:
            token()
        except CredentialsError as error:
            raise TokenFileError(f"{named_by}: {error}") from None


def _replace_registry(values: Settings) -> None:
    """Replace the parts of a registry by the registry, unless there is an argument `registry`."""
    names = [key for key in _REGISTRY if key in values]
    parts = {key.removeprefix("registry_"): values.pop(key) for key in names}
    sources = {key: values.sources.pop(key) for key in names}
    if "registry" in values:
        values["registry"] = check_registry(values["registry"])
        return
    for key, other in permutations(("registry_username", "registry_secret")):
        if key in sources and other not in sources:
            raise ConfigurationError(f"{sources[key]}: {key} needs {other}, too")
    if "username" in parts:
        source = values.sources["registry"] = sources["registry_username"]
        with source_in_errors(source):
            values["registry"] = ContainerRegistry(**parts)
