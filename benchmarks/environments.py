"""Environments: each published client has its own, so it is never a dependency of this project."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".bench"


class NotInstalledError(Exception):
    """An environment could not be made. The message names the reason."""


@functools.cache
def python_for(requirement: str | None) -> str:
    """Return the interpreter of an environment with a package; make the environment if needed.

    Raises:
        NotInstalledError: If it cannot be installed.
    """
    if requirement is None:
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = CACHE / f"{requirement.replace('==', '-')}-python{version}"
    python = home / "bin" / "python"
    is_complete = home / "complete"
    if not is_complete.exists():
        print(f"making an environment for {requirement} ...", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        for command in _commands(home, python, requirement):
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
            if finished.returncode:
                raise NotInstalledError(f"cannot be installed: {last_line(finished.stderr)}")
        is_complete.touch()
    return str(python)


def _commands(home: Path, python: Path, requirement: str) -> list[list[str]]:
    if uv := shutil.which("uv"):
        return [
            [uv, "venv", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "--python", str(python), requirement],
        ]
    return [
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", requirement],
    ]


def clean_environment(**more: str) -> dict[str, str]:
    """Return environment variables without the settings of the user."""
    home = CACHE / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    return kept | {"HOME": str(home)} | more


def last_line(text: str) -> str:
    """Return the last line of the output of a program."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no output"
