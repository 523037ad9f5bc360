"""Make all that is generated, or check that what is committed is what would be made.

- `generated/skaha_api`, from `openapi/skaha.yaml` by openapi-python-client;
- `skaha/_sync` and `skaha/_transport/_sync`, from the `_async` folder beside each by `unasync`.

The check compares bytes: whoever edits generated code, or forgets to regenerate, is told so by
`nox -s drift`.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from spec import METHODS, read
from templates import template_options
from unasync import to_sync, unused_rules

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "openapi" / "skaha.yaml"
CONFIG = ROOT / "openapi" / "generator.yaml"
API = ROOT / "generated" / "skaha_api"
# Each of these folders has a sync variant beside it.
ASYNC_FOLDERS = (ROOT / "skaha" / "_async", ROOT / "skaha" / "_transport" / "_async")
# Written by hand in both variants: they hold what differs between them.
TWINS = ("concurrency.py", "backend.py")

# The tools are this environment's, not whatever else is on PATH.
BIN = sysconfig.get_path("scripts")
ENVIRONMENT = os.environ | {"PATH": os.pathsep.join([BIN, os.environ.get("PATH", "")])}

Tree = dict[str, str]


def run(*command: str | Path) -> None:
    """Run a tool of this environment; raise if it complains."""
    subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)


def keep_successes(document: dict[str, Any]) -> dict[str, Any]:
    """Remove the responses that report a failure, and return the description.

    The generator adds the type of each response to the result of an endpoint. Clients raise errors
    for failures, so only the responses with a status 2xx are results.
    """
    for item in document["paths"].values():
        for method in METHODS & item.keys():
            responses = item[method]["responses"]
            item[method]["responses"] = {
                status: response
                for status, response in responses.items()
                if str(status).startswith("2")
            }
    return document


def generate_api(spec: Path, target: Path) -> None:
    """Generate the client of the description `spec` into the new folder `target`."""
    with tempfile.TemporaryDirectory() as scratch:
        # The generator gets a changed copy: the description itself stays complete.
        description = Path(scratch) / "description.json"
        description.write_text(json.dumps(keep_successes(read(spec)), default=str))
        command = ["openapi-python-client", "generate", "--path", str(description)]
        command += ["--config", str(CONFIG), "--meta", "none", "--output-path", str(target)]
        run(*command, *template_options(), "--fail-on-warning")
    (target / "py.typed").touch()


def sync_folder(source: Path) -> Path:
    """Return the folder of the sync variant of `source`."""
    return source.with_name("_sync")


def async_modules(source: Path) -> dict[str, str]:
    """Return the text of each module in `source` that is converted, by its name."""
    return {path.name: path.read_text() for path in source.glob("*.py") if path.name not in TWINS}


def generate_sync(source: Path, target: Path) -> None:
    """Write the sync variant of the modules in `source` into the new folder `target`."""
    target.mkdir(parents=True)
    for name, text in async_modules(source).items():
        origin = (source / name).relative_to(ROOT)
        header = f"# Made from {origin} by scripts/regenerate.py: edit that one.\n"
        (target / name).write_text(header + to_sync(text))
    style = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    run("ruff", "check", *style, "--select", "I", "--fix", target)
    run("ruff", "format", *style, target)
    for path in sync_folder(source).glob("*.py"):
        if path.name in TWINS:
            (target / path.name).write_bytes(path.read_bytes())


def read_tree(folder: Path) -> Tree:
    """Return the text of every file below `folder`, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def write_tree(folder: Path, files: Tree) -> None:
    """Make `folder` hold exactly `files`."""
    for stale in read_tree(folder).keys() - files.keys():
        (folder / stale).unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def difference(old: Tree, new: Tree) -> str:
    """Return what differs between two trees as a unified diff; empty when nothing does."""
    lines = [f"only committed: {name}\n" for name in sorted(old.keys() - new.keys())]
    lines += [f"only generated: {name}\n" for name in sorted(new.keys() - old.keys())]
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name].splitlines(keepends=True), new[name].splitlines(keepends=True)
        lines += difflib.unified_diff(before, after, f"committed/{name}", f"generated/{name}")
    return "".join(lines)


def fresh_trees() -> dict[Path, Tree]:
    """Generate everything in a scratch folder; return it by where it belongs."""
    sources = [text for folder in ASYNC_FOLDERS for text in async_modules(folder).values()]
    if unused := unused_rules(sources):
        raise SystemExit(f"rules of unasync that nothing needs: {unused}")
    with tempfile.TemporaryDirectory() as scratch:
        api = Path(scratch) / API.name
        generate_api(SPEC, api)
        trees = {API: read_tree(api)}
        for source in ASYNC_FOLDERS:
            target = Path(scratch) / sync_folder(source).relative_to(ROOT)
            generate_sync(source, target)
            trees[sync_folder(source)] = read_tree(target)
        return trees


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on a difference")
    check = parser.parse_args().check
    drifted = False
    for folder, files in fresh_trees().items():
        if not check:
            write_tree(folder, files)
        elif found := difference(read_tree(folder), files):
            drifted = True
            print(found, f"{folder.relative_to(ROOT)} has drifted: run `nox -s generate`", sep="\n")
    return int(drifted)


if __name__ == "__main__":
    sys.exit(main())
