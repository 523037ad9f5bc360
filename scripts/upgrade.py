"""Pin the installed versions of the generator and of ruff, generate all code, and show the diff.

`nox -s upgrade` installs the versions and runs this script. The script stops if the files have
changes that are not committed. It changes no file if the generator fails.
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

# Generated code depends on the version of both.
TOOLS = (GENERATOR, "ruff")

NEXT = """
Now read the diff, because the generator does not promise any form of its code. Then run `nox`: the
type checkers find renamed parts, the tests find different behaviour. Commit all files together.
To go back instead: git restore {paths} && git clean -fd {folders}"""


def bumped(text: str, tool: str, new: str) -> tuple[str, str]:
    """Return the version of a tool that a pyproject.toml pins, and its text with a new version."""
    pins = re.findall(rf'"{tool}==([^"]+)"', text)
    if len(pins) != 1:
        raise SystemExit(f"{PYPROJECT.name} must pin {tool} exactly once, not {len(pins)} times")
    return pins[0], text.replace(f'"{tool}=={pins[0]}"', f'"{tool}=={new}"')


def refuse_changes() -> None:
    """Stop if the files have changes that are not committed."""
    status = ["git", "status", "--porcelain", "--"]
    status += map(
        str, [PYPROJECT, CONFIG.parent, API, *ASYNC_FOLDERS, *map(sync_folder, ASYNC_FOLDERS)]
    )
    changed = subprocess.run(status, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if changed:
        raise SystemExit(f"commit these changes first, to keep them out of the diff:\n{changed}")


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only show the diff")
    dry_run = parser.parse_args().dry_run
    if not dry_run:
        refuse_changes()
    text = PYPROJECT.read_text()
    steps = []
    for tool in TOOLS:
        new = version(tool)
        old, text = bumped(text, tool, new)
        steps.append(f"{tool}: from {old} to {new}")
    generated = fresh_trees()
    for folder, files in generated.items():
        print(difference(read_tree(folder), files), end="")
        if not dry_run:
            write_tree(folder, files)
    print(*steps, sep="\n")
    if not dry_run:
        PYPROJECT.write_text(text)
        folders = " ".join(str(folder.relative_to(ROOT)) for folder in generated)
        print(NEXT.format(paths=f"{PYPROJECT.name} {folders}", folders=folders))
    return 0


if __name__ == "__main__":
    sys.exit(main())
