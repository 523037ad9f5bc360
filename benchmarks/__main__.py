"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from attrs import asdict

from benchmarks import (
    connections,
    dask_workers,
    fan_out,
    fetch,
    imports,
    local_platform,
    memory,
    profiling,
    sizes,
    start_up,
)
from benchmarks.race import Settings

if TYPE_CHECKING:
    from benchmarks.table import Table

BENCHMARKS = {
    "fan-out": fan_out.run,
    "memory": memory.run,
    "sizes": sizes.run,
    "fetch": fetch.run,
    "connections": connections.run,
    "imports": imports.run,
    "start-up": start_up.run,
    "dask": dask_workers.run,
    "local": local_platform.run,
    "profile": profiling.run,
}
_ROUNDS = 5
_QUICK_ROUNDS = 2


def main() -> None:
    """Run the chosen benchmarks, and print each table when it is ready."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "benchmarks", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; default all"
    )
    parser.add_argument("--rounds", type=int, help=f"default {_ROUNDS}; {_QUICK_ROUNDS} if quick")
    parser.add_argument("--quick", action="store_true", help="fewer items and rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    options = parser.parse_args()
    names = options.benchmarks or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(BENCHMARKS)}")
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    settings = Settings(rounds, options.quick)
    machine = _machine()
    if not options.json:
        print(f"{machine}; medians of {rounds} rounds, ratios within each round", flush=True)
    tables: dict[str, list[Table]] = {name: [] for name in names}
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for table in BENCHMARKS[name](settings):
            tables[name].append(table)
            if not options.json:
                print(f"\n{table}", flush=True)
    if options.json:
        as_dicts = {name: [asdict(table) for table in tables[name]] for name in names}
        print(json.dumps({"machine": machine, "rounds": rounds, "tables": as_dicts}, indent=2))


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("skaha", "httpx", "httpcore"))
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


if __name__ == "__main__":
    main()
