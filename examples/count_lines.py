"""A job in replicas: count the lines, classes and functions of Python's standard library.

Each replica parses its chunk of the library's source files and prints its counts. This program adds
up the counts of the replicas, and compares the sum with its own count of all files. It does so
twice: once with `Session`, once with `AsyncSession`.

    python examples/count_lines.py                     on this machine
    python examples/count_lines.py --server URL ...    on a platform, with the token or certificate
                                                       of your configuration

On a platform, the containers must be able to read this file, and the image must contain skaha.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import os
import sysconfig
import time
import uuid
from collections import Counter
from pathlib import Path

from skaha import AsyncSession, Session
from skaha.helpers import shell
from skaha.helpers.distributed import chunk

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
COMMAND = shell.command("python3", os.fspath(Path(__file__).resolve()), "--replica")


def source_files() -> list[Path]:
    """List the files of the library, in the same order on every machine."""
    library = Path(sysconfig.get_path("stdlib"))
    packages = "asyncio collections concurrent email html http importlib json logging unittest xml"
    patterns = ["*.py", *(f"{package}/**/*.py" for package in packages.split())]
    return sorted(file for pattern in patterns for file in library.glob(pattern))


def count(files: list[Path]) -> Counter[str]:
    """Count lines, functions, classes and documented functions."""
    counts = Counter[str](files=len(files))
    for file in files:
        text = file.read_text(encoding="utf-8")
        counts["lines"] += text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                counts["classes"] += 1
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                counts["functions"] += 1
                counts["documented"] += ast.get_docstring(node) is not None
    return counts


def replica() -> None:
    """Count the files of one replica; this runs inside the session."""
    print(json.dumps(count(list(chunk(source_files())))))


def show(statuses: dict[str, str]) -> None:
    """Print how many replicas have each status."""
    counts = Counter(statuses.values())
    print("   ", ", ".join(f"{number} {status}" for status, number in sorted(counts.items())))


def combined(logs: dict[str, str]) -> Counter[str]:
    """Add up the counts that the replicas printed."""
    return sum((Counter(json.loads(text)) for text in logs.values()), Counter[str]())


def with_session(server: str, replicas: int, name: str) -> Counter[str]:
    """Launch the replicas, wait, read the logs and clean up."""
    with Session(server=server) as session:
        try:
            ids = session.create(name, IMAGE, 1, 1, replicas=replicas, **COMMAND)
            ids.raise_for_failures()
            print(f"launched {len(ids)} replicas: {', '.join(ids.names)}")
            session.wait(ids, timeout=300, progress=show)
            return combined(session.logs(ids))
        finally:
            print(f"destroyed {len(session.destroy_with(name, status=None))} sessions")


async def with_async_session(server: str, replicas: int, name: str) -> Counter[str]:
    """Do the same with asyncio."""
    async with AsyncSession(server=server) as session:
        try:
            ids = await session.create(name, IMAGE, 1, 1, replicas=replicas, **COMMAND)
            ids.raise_for_failures()
            print(f"launched {len(ids)} replicas: {', '.join(ids.names)}")
            await session.wait(ids, timeout=300, progress=show)
            return combined(await session.logs(ids))
        finally:
            print(f"destroyed {len(await session.destroy_with(name, status=None))} sessions")


def main() -> None:
    """Run the job with both variants and compare the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", default="local", help="URL of a platform (default: local)")
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--replica", action="store_true", help="count one replica's files and exit")
    options = parser.parse_args()
    if options.replica:
        replica()
        return
    tag = uuid.uuid4().hex[:6]
    expected = count(source_files())
    for variant in ("Session", "AsyncSession"):
        print(f"\n{variant} at {options.server}")
        start = time.monotonic()
        name = f"count-{tag}-{variant.lower()}"
        if variant == "Session":
            total = with_session(options.server, options.replicas, name)
        else:
            total = asyncio.run(with_async_session(options.server, options.replicas, name))
        print(f"counted in {time.monotonic() - start:.1f} s:", dict(total))
        if total != expected:
            raise SystemExit(f"a count without replicas gives another result: {dict(expected)}")
    print("\na count without replicas gives the same result")


if __name__ == "__main__":
    main()
