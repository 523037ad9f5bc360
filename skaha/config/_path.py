"""The place and the text of the configuration file."""

from __future__ import annotations

import os
from pathlib import Path

from skaha import _atomic_file
from skaha.errors import ConfigurationError
from skaha.models import SecretText


def default_path() -> Path:
    """Return the path of the configuration file, which may not exist yet.

    The path is relative if there is no home directory.

    Example:
        >>> from skaha import config
        >>> config.default_path().name
        'config.toml'
    """
    if path := os.environ.get("SKAHA_CONFIG"):
        return Path(path).absolute()
    import platformdirs

    try:
        return platformdirs.user_config_path("skaha") / "config.toml"
    except RuntimeError:  # an older platformdirs returns a relative path
        return Path("skaha", "config.toml")


def read_text(path: Path) -> SecretText:
    """Return the text of a file, which may be missing.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    try:
        # The path is relative if there is no home directory.
        return SecretText(_atomic_file.read_text(path) if path.is_absolute() else "")
    except (FileNotFoundError, NotADirectoryError):
        return SecretText()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
