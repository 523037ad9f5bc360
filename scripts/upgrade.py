"""Make the installed version of the generator the pinned one: generate again, and show the diff.

`nox -s upgrade` installs the version and runs this. It is refused while the files in question have
changes of their own, and changes none of them if the generator fails.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib.metadata import version

from regenerate import (
    API,
    ASYNC_FOLDERS,
    CONFIG,
    ROOT,
    difference,
    fresh_trees,
    read_tree,
    sync_folder,
    write_tree,
)
from templates import GENERATOR

PYPROJECT = ROOT / "pyproject.toml"

NEXT = """
Now read the diff, as the generator promises nothing about the code that it writes, and run `nox`:
types tell what was renamed, tests what behaves differently. Commit all of it together."""


def bumped(text: str, new: str) -> tuple[str, str]:
    """Return the version that the text of a pyproject.toml pins, and the text with a new one."""
    found = re.findall(rf'"{GENERATOR}==([^"]+)"', text)
    if len(found) != 1:
        raise SystemExit(
            f"{PYPROJECT.name} must pin {GENERATOR} exactly once, not {len(found)} times"
        )
    return found[0], text.replace(f'"{GENERATOR}=={found[0]}"', f'"{GENERATOR}=={new}"')


def refuse_changes() -> None:
    """Refuse to go on while there are changes which the diff would mix with."""
    status = ["git", "status", "--porcelain", "--"]
    status += map(
        str, [PYPROJECT, CONFIG.parent, API, *ASYNC_FOLDERS, *map(sync_folder, ASYNC_FOLDERS)]
    )
    found = subprocess.run(status, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if found:
        raise SystemExit(f"commit these first, or the diff would mix with them:\n{found}")


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="show the diff, change nothing")
    dry_run = parser.parse_args().dry_run
    if not dry_run:
        refuse_changes()
    new = version(GENERATOR)
    old, text = bumped(PYPROJECT.read_text(), new)
    for folder, files in fresh_trees().items():
        print(difference(read_tree(folder), files), end="")
        if not dry_run:
            write_tree(folder, files)
    print(f"{GENERATOR}: from {old} to {new}")
    if not dry_run:
        PYPROJECT.write_text(text)
        print(NEXT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
