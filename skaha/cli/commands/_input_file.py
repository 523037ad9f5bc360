"""Text of a file that an option names."""

from __future__ import annotations

import sys
from pathlib import Path

import click


def read_input_file(option: str, path: str) -> str:
    """Return the text of a file; `-` is standard input.

    Raises:
        click.UsageError: If the file cannot be read. The message names the option.
    """
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.UsageError(f"{option}: {path} cannot be read: {reason}") from None
