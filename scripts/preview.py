"""Preview of a changed description: its effect on the generated client and on the facade.

The script generates the client in a temporary folder and does not change the checkout. The exit
status is 0 if the client could be generated, and 2 if the generator does not accept the
description; then the message of the generator is on the standard error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen
from facade import readers_of, records_of_models, uses, words_of_models
from regenerate import API, ROOT, SPEC, difference, generate_api, read_tree
from ruamel.yaml.error import YAMLError
from spec import Spec, UnreadableError, changes, read
from usage import RAW_ONLY, complaints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regenerate import Tree

DIFF_LINES = 200


@frozen
class Change:
    """A change of one operation or schema, or of the description itself.

    Attributes:
        what: The sign of the change, then `operation` or `schema`, then the name. The sign is `+`
            for new, `-` for removed, and `~` for changed.
        details: The changed parts, each with its sign and its changed properties.
        touches: The names in the facade that depend on it.
        readers: The files that contain a removed or changed field or word.
    """

    what: str
    details: list[str]
    touches: list[str]
    readers: list[str] = field(factory=list)


class Facade:
    """Maps changes of the description to names in the facade."""

    def __init__(self, old: Spec, new: Spec) -> None:
        """Read the facade, which was written for the old description."""
        self._old, self._new = old, new
        self._uses = uses(ROOT)
        self._words = words_of_models(ROOT)
        self._records = records_of_models(ROOT)

    def of_operation(self, operation_id: str) -> list[str]:
        """Return the methods that call an operation."""
        return sorted(self._uses[operation_id].methods) if operation_id in self._uses else []

    def of_view(self, request: str) -> list[str]:
        """Return the names in the models that list the views of a request's path."""
        path, _, view = request.partition("#")
        requests = [operation.request.partition("#") for operation in self._old.operations.values()]
        views = {other_view for other_path, _, other_view in requests if other_path == path}
        return [f"models.{name}" for name, words in self._words.items() if view and words <= views]

    def of_schema(self, name: str) -> list[str]:
        """Return the names in the models that repeat a schema, and the methods that use it."""
        listed = {
            word for word, member in self._old.schemas.get(name, {}).items() if member is None
        }
        models = [f"models.{alias}" for alias, words in self._words.items() if words == listed]
        models += [f"models.{record}" for record in self._records if record == f"{name}Record"]
        methods = {
            method
            for spec in (self._old, self._new)
            for operation_id, operation in spec.operations.items()
            if name in operation.schemas
            for method in self.of_operation(operation_id)
        }
        return models + sorted(methods)


def described_changes(old: Spec, new: Spec) -> Iterator[Change]:
    """Yield the changes of the description itself, of its operations and of its schemas."""
    facade = Facade(old, new)
    if details := changes(old.rest, new.rest):
        yield Change("~ description", details, [])
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
    renamed = {
        name: new_name
        for name in old.schemas.keys() - new.schemas
        for new_name in new.schemas.keys() - old.schemas
        if old.schemas[name] == new.schemas[new_name]
    }
    for name in old.schemas | new.schemas:
        if name in renamed:
            details = [f"renamed to {renamed[name]}"]
            yield Change(f"~ schema {name}", details, facade.of_schema(name))
        if name in renamed or name in renamed.values():
            continue
        sign = "+" if name not in old.schemas else "~" if name in new.schemas else "-"
        members, new_members = old.schemas.get(name, {}), new.schemas.get(name, {})
        if details := changes(members, new_members):
            fields = {part for part in members if not part.startswith("(")}
            changed = {part for part in fields if new_members.get(part, "") != members[part]}
            readers = readers_of(ROOT, changed)
            yield Change(f"{sign} schema {name}", details, facade.of_schema(name), readers)


def differences(spec: Spec, client: Tree) -> dict[str, Any]:
    """Return the differences between a description with its client, and those of the checkout."""
    old, committed = Spec(read(SPEC)), read_tree(API)
    changed, files = list(described_changes(old, spec)), changes(committed, client)
    return {
        "changes": [asdict(change) for change in changed],
        "touched": sorted({name for change in changed for name in change.touches}),
        "unsettled": [
            *complaints(spec, uses(ROOT), read(RAW_ONLY)),
            *version_complaints(old, spec, files),
        ],
        "files": files,
        # Compare new and removed files with empty files, to show all of their lines.
        "diff": difference(
            dict.fromkeys(client, "") | committed, dict.fromkeys(committed, "") | client
        ),
    }


def version_complaints(old: Spec, new: Spec, files: list[str]) -> Iterator[str]:
    """Yield a complaint if a change does not raise `info.version` by its rule."""
    versions = [str(spec.rest["info"]["version"]).split(".") for spec in (old, new)]
    before, after = (version[:2] for version in versions)
    if set(files) - {"~ openapi.yaml"} and before == after:
        yield "info.version: raise the second number, because the generated code changes"
    elif files and versions[0] == versions[1]:
        yield "info.version: raise the third number"


def generated(spec: Path) -> Tree:
    """Return the client of a description."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / API.name
        generate_api(spec, target)
        return read_tree(target)


def as_lines(preview: dict[str, Any], diff_lines: int | None) -> Iterator[str]:
    """Yield the lines of a preview for people, with a limited number of lines of the diff."""
    for change in preview["changes"]:
        yield f"{change['what']}: {', '.join(change['details'])}"
        yield paragraph("    touches ", change["touches"])
        if change["readers"]:
            yield paragraph("    read in ", change["readers"])
    yield "\n" + paragraph("Touched in all: ", preview["touched"])
    for title, lines in (("To be settled:", preview["unsettled"]), ("Files:", preview["files"])):
        yield from ["", title, *(lines or ["nothing"])]
    lines = preview["diff"].splitlines()
    yield from ["", *lines[:diff_lines]]
    if rest := lines[diff_lines:] if diff_lines else []:
        yield f"... and {len(rest)} more lines: --full shows them"


def paragraph(title: str, names: list[str]) -> str:
    """Return a paragraph with a title and names."""
    text = title + (", ".join(names) or "nothing of the facade")
    return textwrap.fill(text, 100, subsequent_indent=" " * len(title), break_on_hyphens=False)


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spec", type=Path, required=True, metavar="FILE", help="the description")
    parser.add_argument("--full", action="store_true", help="show the whole diff")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not options.spec.is_file():
        parser.error(f"there is no file {options.spec}")
    try:
        document = read(options.spec)
    except YAMLError as error:
        parser.error(f"{options.spec} is neither YAML nor JSON: {error}")
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        parser.error(f"{options.spec} does not describe any paths")
    try:
        client = generated(options.spec.resolve())
    except subprocess.CalledProcessError:
        print(f"{options.spec}: the generator does not accept it", file=sys.stderr)
        return 2
    except UnreadableError as error:
        print(f"{options.spec}: {error}", file=sys.stderr)
        return 2
    preview = differences(Spec(document), client)
    if options.json:
        print(json.dumps(preview, indent=2))
    else:
        print(*as_lines(preview, None if options.full else DIFF_LINES), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
