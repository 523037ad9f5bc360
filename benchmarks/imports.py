"""Time of imports, compared with the import of httpx."""

from __future__ import annotations

import statistics
import subprocess
from importlib.util import find_spec
from typing import TYPE_CHECKING

from attrs import define, field

from benchmarks.contestants import AIOHTTP
from benchmarks.environments import NotInstalledError, clean_environment, last_line, python_for
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Settings

LIMITS = {
    "import skaha": 1.25,
    "from skaha import Session": 1.25,
    "from skaha import AsyncSession": 1.3,
}
_PROGRAM = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


@define
class _Import:
    """An import statement and its measured times."""

    statement: str
    requirement: str | None = None
    seconds: list[float] = field(factory=list)
    reason: str = ""

    def measure(self) -> None:
        try:
            command = [
                python_for(self.requirement),
                "-c",
                _PROGRAM.format(statement=self.statement),
            ]
        except NotInstalledError as error:
            self.reason = str(error)
            return
        # The home directory is empty, so that no client reads the settings of the user.
        finished = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(),
            cwd=clean_environment()["HOME"],
        )
        if finished.returncode:
            self.reason = last_line(finished.stderr)
        else:
            self.seconds.append(float(last_line(finished.stdout)))


def run(settings: Settings) -> Iterator[Table]:
    """Time imports in new processes, in turns."""
    httpx = _Import("import httpx")
    imports = [
        httpx,
        # No async class can be imported faster than the libraries that it needs.
        _Import("import httpx, asyncio"),
        *map(_Import, LIMITS),
        _Import("import aiohttp", AIOHTTP.requirement),
        _Import("from skaha.session import Session", "skaha==1.7.0"),
        _Import("from canfar.sessions import Session", "canfar==1.5.2"),
    ]
    for candidate in imports:  # the first import compiles the modules
        candidate.measure()
        candidate.seconds.clear()
    for _ in range(settings.rounds * 3):
        for candidate in imports:
            if not candidate.reason:
                candidate.measure()
    limits = ", ".join(f"{limit:g} for `{statement}`" for statement, limit in LIMITS.items())
    table = Table("imports", notes=[f"our limits, x the import of httpx: {limits}"])
    if find_spec("rich") and find_spec("click"):
        table.notes.append(
            "rich and click are installed, and httpx imports them: without them, the ratios are "
            "higher"
        )
    table.rows += [_row(candidate, httpx) for candidate in imports]
    yield table


def _row(candidate: _Import, httpx: _Import) -> dict[str, Cell]:
    name = candidate.statement + (f" ({candidate.requirement})" if candidate.requirement else "")
    if candidate.reason or httpx.reason:
        return {"import": name, "note": candidate.reason or httpx.reason}
    pairs = zip(candidate.seconds, httpx.seconds, strict=True)
    times = statistics.median(own / other for own, other in pairs)
    return {
        "import": name,
        "ms": statistics.median(candidate.seconds) * 1000,
        "x httpx": times,
        "note": verdict(time=(times, limit)) if (limit := LIMITS.get(candidate.statement)) else "",
    }
