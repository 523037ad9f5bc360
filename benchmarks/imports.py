"""How long an import takes, against that of httpx."""

from __future__ import annotations

import statistics
import subprocess
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks.contestants import AIOHTTP
from benchmarks.environments import NotInstalledError, clean_environment, last_line, python_for
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Settings

MOST_TIMES_HTTPX = 1.3
_PROGRAM = """
import time
begin = time.perf_counter()
{statement}
print(time.perf_counter() - begin)
"""


@dataclass
class _Import:
    statement: str
    requirement: str | None = None
    limited: bool = False
    seconds: list[float] = field(default_factory=list)
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
        # The home is empty, or a client would read its user's settings.
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(),
            cwd=clean_environment()["HOME"],
        )
        if ran.returncode:
            self.reason = last_line(ran.stderr)
        else:
            self.seconds.append(float(last_line(ran.stdout)))


def run(settings: Settings) -> Iterator[Table]:
    """Time imports in fresh processes, one after another in alternation."""
    httpx = _Import("import httpx")
    candidates = [
        httpx,
        _Import("import skaha", limited=True),
        _Import("from skaha import Session", limited=True),
        _Import("from skaha import AsyncSession", limited=True),
        _Import("import aiohttp", AIOHTTP.requirement),
        _Import("from skaha.session import Session", "skaha==1.7.0"),
        _Import("from canfar.sessions import Session", "canfar==1.4.1"),
    ]
    for one in candidates:  # compiles what was never imported before
        one.measure()
        one.seconds.clear()
    for _ in range(settings.rounds * 3):
        for one in candidates:
            if not one.reason:
                one.measure()
    table = Table("imports", notes=[f"limit of ours: {MOST_TIMES_HTTPX} x the import of httpx"])
    if find_spec("rich") and find_spec("click"):
        table.notes.append(
            "rich and click are installed here, and httpx imports them: that makes the ratios look "
            "better than where they are not"
        )
    table.rows += [_row(one, httpx) for one in candidates]
    yield table


def _row(one: _Import, httpx: _Import) -> dict[str, Cell]:
    name = one.statement + (f" ({one.requirement})" if one.requirement else "")
    if one.reason or httpx.reason:
        return {"import": name, "note": one.reason or httpx.reason}
    pairs = zip(one.seconds, httpx.seconds, strict=True)
    times = statistics.median(own / other for own, other in pairs)
    return {
        "import": name,
        "ms": statistics.median(one.seconds) * 1000,
        "x httpx": times,
        "note": verdict(time=(times, MOST_TIMES_HTTPX)) if one.limited else "",
    }
