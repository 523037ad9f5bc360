"""Try a changed description: what would it change in the generated client, and for the facade?

The client is generated in a scratch folder, and nothing of the checkout is touched. The exit status
is 0 when that worked, whatever would change, and 2 when the generator does not take the
description; then its own words are on the standard error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from facade import records_of_models, uses, words_of_models
from regenerate import API, ROOT, SPEC, difference, generate_api, read_tree
from ruamel.yaml.error import YAMLError
from spec import Spec, changes, read
from usage import RAW_ONLY, complaints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regenerate import Tree

DIFF_LINES = 200


class Change(NamedTuple):
    """An operation or a schema that is described differently.

    Attributes:
        what: `operation` or `schema`, and its name; `+` before it if it is new, `-` if it is gone.
        details: What is different in it, each with such a sign.
        touches: What of the facade has to do with it.
    """

    what: str
    details: list[str]
    touches: list[str]


class Facade:
    """What of the facade has to do with what."""

    def __init__(self, old: Spec, new: Spec) -> None:
        """Take the description that the facade was written for, and the new one."""
        self._old, self._new = old, new
        self._uses = uses(ROOT)
        self._words = words_of_models(ROOT)
        self._records = records_of_models(ROOT)

    def of_operation(self, operation_id: str) -> list[str]:
        """Return the methods that send an operation."""
        return sorted(self._uses[operation_id].methods) if operation_id in self._uses else []

    def of_view(self, request: str) -> list[str]:
        """Return the words of the models that are views of the path of a request."""
        path, _, view = request.partition("#")
        requests = [operation.request for operation in self._old.operations.values()]
        views = {one.removeprefix(f"{path}#") for one in requests if one.startswith(f"{path}#")}
        return [f"models.{name}" for name, words in self._words.items() if view and words <= views]

    def of_schema(self, name: str) -> list[str]:
        """Return what of the models repeats a schema, and the methods that send or receive it."""
        listed = {word for word, said in self._old.schemas.get(name, {}).items() if said is None}
        models = [f"models.{one}" for one, words in self._words.items() if words == listed]
        models += [f"models.{one}" for one in self._records if one == f"{name}Record"]
        methods = {
            method
            for spec in (self._old, self._new)
            for operation_id, operation in spec.operations.items()
            if name in operation.schemas
            for method in self.of_operation(operation_id)
        }
        return models + sorted(methods)


def described_changes(old: Spec, new: Spec) -> Iterator[Change]:
    """Yield the operations and the schemas that are described differently."""
    facade = Facade(old, new)
    for operation_id in old.operations | new.operations:
        before, after = old.operations.get(operation_id), new.operations.get(operation_id)
        touches = facade.of_operation(operation_id)
        if before is None and after is not None:
            touches = facade.of_view(after.request)
            yield Change(f"+ operation {operation_id}", [after.request], touches)
        elif after is None and before is not None:
            touches += facade.of_view(before.request)
            yield Change(f"- operation {operation_id}", [before.request], touches)
        elif before and after and (details := changes(before.parts, after.parts)):
            yield Change(f"~ operation {operation_id}", details, touches)
    for name in old.schemas | new.schemas:
        sign = "+" if name not in old.schemas else "~" if name in new.schemas else "-"
        if details := changes(old.schemas.get(name, {}), new.schemas.get(name, {})):
            yield Change(f"{sign} schema {name}", details, facade.of_schema(name))


def differences(spec: Spec, client: Tree) -> dict[str, Any]:
    """Return how a description and its client differ from those of the checkout."""
    found, committed = list(described_changes(Spec(read(SPEC)), spec)), read_tree(API)
    return {
        "changes": [change._asdict() for change in found],
        "touched": sorted({name for change in found for name in change.touches}),
        "unsettled": list(complaints(spec, uses(ROOT), read(RAW_ONLY))),
        "files": changes(committed, client),
        # What is new, or gone, is shown whole.
        "diff": difference(
            dict.fromkeys(client, "") | committed, dict.fromkeys(committed, "") | client
        ),
    }


def generated(spec: Path) -> Tree:
    """Return the client of a description."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / API.name
        generate_api(spec, target)
        return read_tree(target)


def shown(said: dict[str, Any], most: int | None) -> Iterator[str]:
    """Yield what a person reads of it, with so many lines of the diff at most."""
    for change in said["changes"]:
        yield f"{change['what']}: {', '.join(change['details'])}"
        yield named("    touches ", change["touches"])
    yield "\n" + named("Touched in all: ", said["touched"])
    for title, lines in (("To be settled:", said["unsettled"]), ("Files:", said["files"])):
        yield from ["", title, *(lines or ["nothing"])]
    lines = said["diff"].splitlines()
    yield from ["", *lines[:most]]
    if left := lines[most:] if most else []:
        yield f"... and {len(left)} lines more: --full shows them"


def named(title: str, names: list[str]) -> str:
    """Return names as a paragraph."""
    text = title + (", ".join(names) or "nothing of the facade")
    return textwrap.fill(text, 100, subsequent_indent=" " * len(title), break_on_hyphens=False)


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spec", type=Path, required=True, metavar="FILE", help="the description")
    parser.add_argument("--full", action="store_true", help="show the whole diff")
    parser.add_argument("--json", action="store_true", help="say all of it in JSON")
    asked = parser.parse_args()
    if not asked.spec.is_file():
        parser.error(f"{asked.spec} is no file")
    try:
        document = read(asked.spec)
    except YAMLError as error:
        parser.error(f"{asked.spec} is neither YAML nor JSON: {error}")
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        parser.error(f"{asked.spec} does not describe any paths")
    try:
        new = generated(asked.spec.resolve())
    except subprocess.CalledProcessError:
        print(f"{asked.spec}: the generator does not take it", file=sys.stderr)
        return 2
    said = differences(Spec(document), new)
    if asked.json:
        print(json.dumps(said, indent=2))
    else:
        print(*shown(said, None if asked.full else DIFF_LINES), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
