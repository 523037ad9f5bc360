"""Copies of the checkout, for tests of the scripts that change files in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The scripts read and write these files.
_PARTS = ["openapi", "generated", "skaha", "scripts", "pyproject.toml"]


def copied(target: Path) -> Path:
    """Copy the files that the scripts need into `target`, and return it."""
    for name in _PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target


def run_script(root: Path, name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script of a checkout; the caller checks its exit status."""
    command = [sys.executable, root / "scripts" / name, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[Path, bytes]:
    """Return the content of every file in `folder` by its path."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
