"""Where a program's settings come from, in one order everywhere.

An argument comes before an environment variable `SKAHA_*`, that one before the profile in the
user's file, and that one before the default. Every class reads them when it is constructed; here
is what it finds:

```
>>> from skaha import config
>>> settings = config.settings(server="local", timeout=10)
>>> settings.sources["timeout"]
'argument'

```

The file is TOML, in the platform's usual place or where `SKAHA_CONFIG` says. It holds profiles,
one of which is active unless `SKAHA_PROFILE` or an argument names another:

```toml
active = "canfar"

[profiles.canfar]
server = "https://ws-uv.canfar.net/skaha"
certificate = "~/.ssl/cadcproxy.pem"
```
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from skaha._config_file import (
    KEYS,
    SECRETS,
    ConfigurationError,
    change,
    convert,
    default_path,
    read,
)
from skaha._settings import DEFAULTS, Settings, chosen_profile, in_use, server_of, settings

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

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
    """Return the profiles of the file, and the server of each.

    Raises:
        ConfigurationError: If the file cannot be read.

    Example:
        >>> from skaha import config
        >>> config.save("server", "local", profile="laptop")
        >>> config.profiles()["laptop"]
        'local'
    """
    found = read(default_path()).get("profiles", {})
    return {name: server_of(profile) for name, profile in found.items()}


def save(key: str, value: str, profile: str | None = None) -> None:
    """Set an entry of a profile, which is made if it is not there; or set `active`.

    Args:
        key: One of `KEYS`, or `active`.
        value: The value, as a text.
        profile: Name of the profile; by default the one in use, or `default`.

    Raises:
        ConfigurationError: If the file cannot be written, or would not be valid.

    Example:
        >>> from skaha import config
        >>> config.save("timeout", "60", profile="slow")
        >>> config.settings("slow")["timeout"]
        60.0
    """
    path = default_path()
    if key == "active":
        change(path, ["active"], value)
        return
    _check_key(key)
    if not value:
        raise ConfigurationError(f"{key} cannot be empty: remove it instead")
    content = read(path)
    name = profile or os.environ.get("SKAHA_PROFILE") or content.get("active", "default")
    change(path, ["profiles", name, key], convert(key, value, f"profile {name}"))
    if "active" not in content:
        change(path, ["active"], name)


def remove(key: str, profile: str | None = None) -> None:
    """Remove an entry of a profile, or `active`, so that it is the default again.

    Args:
        key: One of `KEYS`, or `active`.
        profile: Name of the profile; by default the one in use.

    Raises:
        ConfigurationError: If the file cannot be written.

    Example:
        >>> from skaha import config
        >>> config.save("timeout", "60", profile="slow")
        >>> config.remove("timeout", profile="slow")
        >>> "timeout" in config.settings("slow")
        False
    """
    path = default_path()
    if key == "active":
        change(path, ["active"], None)
        return
    _check_key(key)
    name, _ = chosen_profile(path, read(path), profile)
    if name is not None:
        change(path, ["profiles", name, key], None)


def valid_until(certificate: Path) -> datetime:
    """Return when a proxy certificate expires.

    Raises:
        skaha.errors.CredentialsError: If the file holds no certificate.
        OSError: If it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from skaha import config
        >>> try:
        ...     print(config.valid_until(Path("~/.ssl/cadcproxy.pem").expanduser()))
        ... except FileNotFoundError:
        ...     print("there is no certificate yet")
        there is no certificate yet
    """
    from skaha._certificate import validity

    return validity(certificate, certificate.read_text(encoding="utf-8"))[1]


def _check_key(key: str) -> None:
    if key not in KEYS:
        raise ConfigurationError(f"unknown key {key!r}; it is one of {', '.join(KEYS)}, active")
