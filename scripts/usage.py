"""Check that the facade uses every operation and parameter of the description.

`openapi/raw-only.yaml` lists the exceptions with their reasons: parts that only raw calls use. The
output lists the public methods that call each operation. The exit status is 1 if a part is neither
used nor listed, or if a listed part needs no exception.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from facade import Use, uses
from regenerate import ROOT, SPEC
from spec import Spec, has_fixed_value, read

if TYPE_CHECKING:
    from collections.abc import Iterator

RAW_ONLY = ROOT / "openapi" / "raw-only.yaml"


def parts_in_use(spec: Spec, used: dict[str, Use]) -> dict[str, bool]:
    """Return whether each operation is used, and each parameter of the used operations."""
    parts = {operation_id: operation_id in used for operation_id in spec.operations}
    for operation_id in used.keys() & parts.keys():
        for name, schema in spec.operations[operation_id].parameters.items():
            is_used = has_fixed_value(schema) or used[operation_id].has(name)
            parts[f"{operation_id} {name}"] = is_used
    return parts


def complaints(spec: Spec, used: dict[str, Use], reasons: dict[str, str]) -> Iterator[str]:
    """Yield each part that is neither used nor listed, and each needless part of the list."""
    parts = parts_in_use(spec, used)
    for part, is_used in parts.items():
        if not is_used and part not in reasons:
            yield f"{part}: use it in the facade, or list it in {RAW_ONLY.name} with the reason"
    for part, reason in reasons.items():
        if part not in parts:
            yield f"{part}: {RAW_ONLY.name} lists it, but the description does not need that"
        elif parts[part]:
            yield f"{part}: {RAW_ONLY.name} lists it, but the facade uses it"
        elif not str(reason or "").strip():
            yield f"{part}: {RAW_ONLY.name} lists it without a reason"
    for operation_id in used.keys() - spec.operations.keys():
        methods = ", ".join(sorted(used[operation_id].methods))
        yield f"{operation_id}: {methods} calls it, but the description does not contain it"


def main() -> int:
    """Run the command line; return its exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    spec, used, reasons = Spec(read(SPEC)), uses(ROOT), read(RAW_ONLY)
    for operation_id in spec.operations:
        methods = sorted(used[operation_id].methods) if operation_id in used else ["raw only"]
        print(f"{operation_id}: {', '.join(methods)}")
    problems = list(complaints(spec, used, reasons))
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
