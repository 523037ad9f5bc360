"""The place of the configuration file."""

from __future__ import annotations

import os
from pathlib import Path


def default_path() -> Path:
    """Return the path of the configuration file, which may not exist yet.

    Example:
        >>> from skaha import config
        >>> config.default_path().name
        'config.toml'
    """
    if path := os.environ.get("SKAHA_CONFIG"):
        return Path(path).absolute()
    import platformdirs

    return platformdirs.user_config_path("skaha") / "config.toml"
