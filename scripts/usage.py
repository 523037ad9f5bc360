"""Hold the facade against the description: all of it is used, or is raw only for a reason.

The reasons stand in `openapi/raw-only.yaml`. Shows who sends each operation. The exit status is 1
when something is neither used nor has a reason, or has a reason and needs none.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from facade import Use, uses
from regenerate import ROOT, SPEC
from spec import Spec, is_sent_by_itself, read

if TYPE_CHECKING:
    from collections.abc import Iterator

RAW_ONLY = ROOT / "openapi" / "raw-only.yaml"


def used_or_not(spec: Spec, used: dict[str, Use]) -> dict[str, bool]:
    """Say of each operation, and of each parameter of those that are used, whether it is used."""
    things = {operation_id: operation_id in used for operation_id in spec.operations}
    for operation_id in used.keys() & things.keys():
        for name, schema in spec.operations[operation_id].parameters.items():
            given = is_sent_by_itself(schema) or used[operation_id].has(name)
            things[f"{operation_id} {name}"] = given
    return things


def complaints(spec: Spec, used: dict[str, Use], reasons: dict[str, str]) -> Iterator[str]:
    """Yield what is neither used nor has a reason, and what has a reason in vain."""
    things = used_or_not(spec, used)
    for thing, is_used in things.items():
        if not is_used and thing not in reasons:
            yield f"{thing}: use it in the facade, or say in {RAW_ONLY.name} why it is raw only"
    for thing, reason in reasons.items():
        if thing not in things:
            yield f"{thing}: {RAW_ONLY.name} lists it, and nothing is described that needs it"
        elif things[thing]:
            yield f"{thing}: {RAW_ONLY.name} lists it, and the facade uses it"
        elif not str(reason or "").strip():
            yield f"{thing}: {RAW_ONLY.name} lists it without a reason"
    for operation_id in used.keys() - spec.operations.keys():
        senders = ", ".join(sorted(used[operation_id].methods))
        yield f"{operation_id}: {senders} would send it, and it is not described"


def main() -> int:
    """Run the command line; return its exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    spec, used, reasons = Spec(read(SPEC)), uses(ROOT), read(RAW_ONLY)
    for operation_id in spec.operations:
        by = ", ".join(sorted(used[operation_id].methods)) if operation_id in used else "raw only"
        print(f"{operation_id}: {by}")
    found = list(complaints(spec, used, reasons))
    for complaint in found:
        print(complaint, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
