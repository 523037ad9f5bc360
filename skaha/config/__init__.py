"""Settings of a program: their sources, and changes of the configuration file.

There is one order everywhere: an argument comes before an environment variable `SKAHA_*`, the
variable before the profile in the user's file, and the profile before the default. Every class
reads the settings when it is constructed. Look up the settings and their sources:

```
>>> from skaha import config
>>> settings = config.settings(server="local", timeout=10)
>>> settings.sources["timeout"]
'argument'

```

The file is in TOML, in the usual place of the operating system or at the path in `SKAHA_CONFIG`. It
contains profiles. One profile is active, unless `SKAHA_PROFILE` or an argument names another one:

```toml
active = "canfar"

[profiles.canfar]
server = "https://ws-uv.canfar.net/skaha"
certificate = "~/.ssl/cadcproxy.pem"
```

A server is its URL, `local`, or its name in the list of sites, such as `canfar`. This holds for
`Session(server=...)`, for `SKAHA_SERVER` and for the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skaha import _atomic_file
from skaha._sansio.validation import check_path
from skaha.config import _file
from skaha.config._keys import (
    DEFAULTS,
    KEYS,
    SECRETS,
    check_key,
    check_profile,
    hidden,
    server_of,
)
from skaha.config._path import default_path
from skaha.config._resolve import Settings, in_use, settings
from skaha.errors import ConfigurationError
from skaha.models import SecretText

if TYPE_CHECKING:
    from datetime import datetime
    from os import PathLike

__all__ = [
    "DEFAULTS",
    "KEYS",
    "SECRETS",
    "ConfigurationError",
    "Settings",
    "default_path",
    "in_use",
    "profiles",
    "remove",
    "save",
    "settings",
    "valid_until",
]


def profiles() -> dict[str, str]:
    """Return the server of each profile in the file, by the name of the profile.

    Raises:
        ConfigurationError: If the file cannot be read.

    Example:
        >>> from skaha import config
        >>> config.save("server", "local", profile="laptop")
        >>> config.profiles()["laptop"]
        'local'
    """
    entries = _file.read().get("profiles", {})
    return {name: server_of(profile) for name, profile in entries.items()}


def save(key: str, value: str, profile: str | None = None) -> None:
    """Set an entry of a profile, or set `active`. A missing profile is added.

    If no profile is active, the profile becomes active. But a profile that `profile` or
    `SKAHA_PROFILE` names becomes active only if it is the first profile of the file.

    Args:
        key: One of `KEYS`, or `active`.
        value: The value as a text. The name of a server is replaced by its URL.
        profile: Name of the profile; by default the profile in use, or `default`.

    Raises:
        InvalidInputError: If `profile` is not a text.
        ConfigurationError: If the key or the value is wrong, or the file cannot be read or written.

    Example:
        >>> from skaha import config
        >>> config.save("timeout", "60", profile="slow")
        >>> config.settings("slow")["timeout"]
        60.0
    """
    value = hidden(key, value)
    check_profile(profile)
    check_key(key)
    if not value:
        raise ConfigurationError(f"{key} cannot be empty: remove it instead")
    if key == "active":
        if not isinstance(value, str):
            raise ConfigurationError("active must be the name of a profile")
        _file.edit(lambda content: content.update(active=value))
        return
    name, is_chosen = _file.profile_to_change(profile)
    stored = _file.to_store(key, value, name)

    def change(content: dict[str, Any]) -> None:
        if not (is_chosen and content.get("profiles")):
            content.setdefault("active", name)
        content.setdefault("profiles", {}).setdefault(name, {})[key] = stored

    _file.edit(change)


def remove(key: str, profile: str | None = None) -> None:
    """Remove an entry of a profile, or `active`. Its default applies again.

    Args:
        key: One of `KEYS`, or `active`.
        profile: Name of the profile; by default the profile in use.

    Raises:
        InvalidInputError: If `profile` is not a text.
        ConfigurationError: If the key is unknown, the file cannot be read or written, or there is
            no such profile.

    Example:
        >>> from skaha import config
        >>> config.save("timeout", "60", profile="slow")
        >>> config.remove("timeout", profile="slow")
        >>> "timeout" in config.settings("slow")
        False
    """
    check_profile(profile)
    check_key(key)
    # Do not create a file in order to remove an entry.
    if not default_path().exists():
        return
    if key == "active":
        _file.edit(lambda content: content.pop(key, None))
        return
    # Do not keep the entries of the profile: tracebacks may show local variables.
    name = _file.profile_in_use(_file.read(values=False), profile)[0]
    if name is not None:
        _file.edit(lambda content: content["profiles"][name].pop(key, None))


def valid_until(certificate: str | PathLike[str]) -> datetime:
    """Return the time when a proxy certificate expires.

    Args:
        certificate: Path of the certificate, a PEM file.

    Raises:
        InvalidInputError: If it is not a path.
        skaha.errors.CredentialsError: If the file does not contain a certificate.
        OSError: If the file cannot be read or is not UTF-8.

    Example:
        >>> from skaha import config
        >>> try:
        ...     print(config.valid_until("~/.ssl/cadcproxy.pem"))
        ... except FileNotFoundError:
        ...     print("there is no certificate yet")
        there is no certificate yet
    """
    from skaha._credentials.x509 import validity

    path = check_path("certificate", certificate)
    return validity(path, SecretText(_atomic_file.read_text(path)))[1]
