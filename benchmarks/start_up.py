"""How long a whole command takes, from the shell's point of view, against bare httpx."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import NotInstalledError, clean_environment, last_line, python_for
from benchmarks.race import platform
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.race import Settings

MOST_TIMES = 2.5
_PEER = "canfar==1.4.1"
_IMPORT = "import httpx"
_REQUEST = (
    "import os, httpx; httpx.get(os.environ['SKAHA_SERVER'] + '/v1/session', "
    "headers={'Authorization': 'Bearer ' + os.environ['SKAHA_TOKEN']}).json()"
)
_SCRIPT = "import skaha; skaha.Session().fetch()"


@dataclass
class _Command:
    name: str
    words: Sequence[str]
    requirement: str | None = None
    limited: bool = False
    seconds: list[float] = field(default_factory=list)
    reason: str = ""

    def measure(self, environment: dict[str, str]) -> None:
        try:
            python = Path(python_for(self.requirement))
        except NotInstalledError as error:
            self.reason = str(error)
            return
        begin = time.perf_counter()
        ran = subprocess.run(
            [python.with_name(self.words[0]), *self.words[1:]],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        self.seconds.append(time.perf_counter() - begin)
        if ran.returncode:
            self.reason = last_line(ran.stderr)


def run(settings: Settings) -> Iterator[Table]:
    """Time commands one after another in alternation."""
    help_ = [
        _Command(f"python -c '{_IMPORT}'", ["python", "-c", _IMPORT]),
        _Command("skaha --version", ["skaha", "--version"], limited=True),
        _Command("skaha --help", ["skaha", "--help"], limited=True),
        _Command("skaha create --help", ["skaha", "create", "--help"], limited=True),
        _Command(f"canfar --help ({_PEER})", ["canfar", "--help"], _PEER),
    ]
    yield _timed("commands that ask nobody", help_, settings.rounds, clean_environment())
    asking = [
        _Command("python: the same request with httpx", ["python", "-c", _REQUEST]),
        _Command("python: skaha.Session().fetch()", ["python", "-c", _SCRIPT]),
        _Command("skaha ps", ["skaha", "ps"], limited=True),
    ]
    with platform(0, sessions=20) as server:
        named = clean_environment(SKAHA_SERVER=f"{server.http}/skaha") | {"SKAHA_TOKEN": "none"}
        yield _timed("a list of 20 sessions, no latency", asking, settings.rounds, named)


def _timed(
    title: str, commands: Sequence[_Command], rounds: int, environment: dict[str, str]
) -> Table:
    """Time whole processes; the first of `commands` is what the others are compared with."""
    for one in commands:  # compiles what was never imported before
        one.measure(environment)
        one.seconds.clear()
    for _ in range(rounds * 3):
        for one in commands:
            if not one.reason:
                one.measure(environment)
    first = commands[0]
    table = Table(title, notes=[f"limit of ours: {MOST_TIMES} x {first.name}"])
    table.rows += [_row(one, first) for one in commands]
    return table


def _row(one: _Command, first: _Command) -> dict[str, Cell]:
    if one.reason or first.reason:
        return {"command": one.name, "note": one.reason or first.reason}
    pairs = zip(one.seconds, first.seconds, strict=True)
    times = statistics.median(own / other for own, other in pairs)
    return {
        "command": one.name,
        "ms": statistics.median(one.seconds) * 1000,
        "x the first": times,
        "note": verdict(time=(times, MOST_TIMES)) if one.limited else "",
    }
