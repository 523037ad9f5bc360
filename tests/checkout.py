"""Copies of the checkout, for tests of the scripts that change it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What the scripts read and write.
_PARTS = ["openapi", "generated", "skaha", "scripts", "pyproject.toml"]


def copied(target: Path) -> Path:
    """Copy what the scripts need into `target`; return that."""
    for name in _PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target


def run_script(root: Path, name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script of a checkout; its exit status is the caller's to look at."""
    command = [sys.executable, root / "scripts" / name, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[Path, bytes]:
    """The bytes of every file below `folder`."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
