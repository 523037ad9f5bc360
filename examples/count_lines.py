"""A real job in replicas: how is Python's standard library written?

Each replica takes its chunk of the library's source files, parses them, and prints what it counted.
The parts are combined and compared with the same count made here, without any replica. It is done
twice: with `Session`, and with `AsyncSession`.

    python examples/count_lines.py                     on this machine
    python examples/count_lines.py --server URL ...    on a platform; it finds its token or
                                                       certificate as every script does

On a platform, this file must lie where its containers see it, and the image must have skaha.
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
    """List the library's own modules, in the same order everywhere."""
    library = Path(sysconfig.get_path("stdlib"))
    packages = "asyncio collections concurrent email html http importlib json logging unittest xml"
    patterns = ["*.py", *(f"{package}/**/*.py" for package in packages.split())]
    return sorted(file for pattern in patterns for file in library.glob(pattern))


def count(files: list[Path]) -> Counter[str]:
    """Count lines, functions, classes and documented functions."""
    found = Counter[str](files=len(files))
    for file in files:
        text = file.read_text(encoding="utf-8")
        found["lines"] += text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found["classes"] += 1
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found["functions"] += 1
                found["documented"] += ast.get_docstring(node) is not None
    return found


def replica() -> None:
    """Do one replica's part: this runs inside the session."""
    print(json.dumps(count(list(chunk(source_files())))))


def show(statuses: dict[str, str]) -> None:
    """Print one line on how far the replicas are."""
    counts = Counter(statuses.values())
    print("   ", ", ".join(f"{number} {status}" for status, number in sorted(counts.items())))


def combined(logs: dict[str, str]) -> Counter[str]:
    """Add up what the replicas printed."""
    return sum((Counter(json.loads(text)) for text in logs.values()), Counter[str]())


def with_session(server: str, replicas: int, name: str) -> Counter[str]:
    """Launch, wait, read and clean up, one call after the other."""
    with Session(server=server) as session:
        ids = session.create(name, IMAGE, 1, 1, replicas=replicas, **COMMAND)
        ids.raise_for_failures()
        print(f"launched {len(ids)} replicas: {', '.join(ids.names)}")
        session.wait(ids, timeout=300, progress=show)
        total = combined(session.logs(ids))
        print(f"destroyed {len(session.destroy_with(name))} sessions")
    return total


async def with_async_session(server: str, replicas: int, name: str) -> Counter[str]:
    """Do the same, with every call awaited."""
    async with AsyncSession(server=server) as session:
        ids = await session.create(name, IMAGE, 1, 1, replicas=replicas, **COMMAND)
        ids.raise_for_failures()
        print(f"launched {len(ids)} replicas: {', '.join(ids.names)}")
        await session.wait(ids, timeout=300, progress=show)
        total = combined(await session.logs(ids))
        print(f"destroyed {len(await session.destroy_with(name))} sessions")
    return total


def main() -> None:
    """Run the job in both colours and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", default="local", help="URL of a platform (default: local)")
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--replica", action="store_true", help="do one replica's part and exit")
    options = parser.parse_args()
    if options.replica:
        replica()
        return
    tag = uuid.uuid4().hex[:6]
    expected = count(source_files())
    for colour in ("Session", "AsyncSession"):
        print(f"\n{colour} at {options.server}")
        begun = time.monotonic()
        name = f"count-{tag}-{colour.lower()}"
        if colour == "Session":
            total = with_session(options.server, options.replicas, name)
        else:
            total = asyncio.run(with_async_session(options.server, options.replicas, name))
        print(f"counted in {time.monotonic() - begun:.1f} s:", dict(total))
        if total != expected:
            raise SystemExit(
                f"the replicas disagree with one count of everything: {dict(expected)}"
            )
    print("\nthe same as one count of everything, without replicas")


if __name__ == "__main__":
    main()
