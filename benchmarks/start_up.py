"""Start-up time: whole commands compared with bare httpx."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from benchmarks.environments import NotInstalledError, clean_environment, last_line, python_for
from benchmarks.race import platform
from benchmarks.table import Cell, Table, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.race import Settings

MAX_RATIO = 2.5
# A table of thousands of sessions is more work than their JSON.
MAX_LIST_RATIO = 5.0
SESSIONS = (20, 1000, 10_000)
_OTHER_CLIENT = "canfar==1.5.2"
_IMPORT = "import httpx"
_REQUEST = (
    "import os, httpx; httpx.get(os.environ['SKAHA_SERVER'] + '/v1/session', "
    "headers={'Authorization': 'Bearer ' + os.environ['SKAHA_TOKEN']}).json()"
)
_SCRIPT = "import skaha; skaha.Session().fetch()"


@define
class _Command:
    """A command and its measured times."""

    name: str
    arguments: Sequence[str]
    requirement: str | None = None
    limited: bool = False  # whether our limit applies
    seconds: list[float] = field(factory=list)
    reason: str = ""

    def measure(self, environment: dict[str, str]) -> None:
        try:
            python = Path(python_for(self.requirement))
        except NotInstalledError as error:
            self.reason = str(error)
            return
        start = time.perf_counter()
        finished = subprocess.run(
            [python.with_name(self.arguments[0]), *self.arguments[1:]],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        self.seconds.append(time.perf_counter() - start)
        if finished.returncode:
            self.reason = last_line(finished.stderr)


def run(settings: Settings) -> Iterator[Table]:
    """Measure the commands in alternation."""
    without_requests = [
        _Command(f"python -c '{_IMPORT}'", ["python", "-c", _IMPORT]),
        _Command("skaha --version", ["skaha", "--version"], limited=True),
        _Command("skaha --help", ["skaha", "--help"], limited=True),
        _Command("skaha create --help", ["skaha", "create", "--help"], limited=True),
        _Command(f"canfar --help ({_OTHER_CLIENT})", ["canfar", "--help"], _OTHER_CLIENT),
    ]
    title = "commands that send no request"
    yield _measure(title, without_requests, settings.rounds, clean_environment())
    for sessions in SESSIONS[:-1] if settings.quick else SESSIONS:
        yield _list(sessions, settings.rounds)


def _list(sessions: int, rounds: int) -> Table:
    """Measure programs that list sessions."""
    commands = [
        _Command("python: the same request with httpx", ["python", "-c", _REQUEST]),
        _Command("python: skaha.Session().fetch()", ["python", "-c", _SCRIPT]),
        _Command("skaha ps", ["skaha", "ps"], limited=True),
    ]
    with platform(0, sessions=sessions) as server:
        url = f"{server.http}/skaha"
        environment = clean_environment(SKAHA_SERVER=url) | {"SKAHA_TOKEN": "none"}
        title = f"a list of {sessions} sessions, no latency"
        limit = MAX_RATIO if sessions == SESSIONS[0] else MAX_LIST_RATIO
        return _measure(title, commands, rounds, environment, limit)


def _measure(
    title: str,
    commands: Sequence[_Command],
    rounds: int,
    environment: dict[str, str],
    max_ratio: float = MAX_RATIO,
) -> Table:
    """Measure whole processes; compare each command with the first command."""
    # Python compiles modules on their first import: do not count the first run.
    for command in commands:
        command.measure(environment)
        command.seconds.clear()
    for _ in range(rounds * 3):
        for command in commands:
            if not command.reason:
                command.measure(environment)
    first = commands[0]
    table = Table(title, notes=[f"our limit: {max_ratio} x {first.name}"])
    table.rows += [_row(command, first, max_ratio) for command in commands]
    return table


def _row(command: _Command, first: _Command, max_ratio: float) -> dict[str, Cell]:
    if command.reason or first.reason:
        return {"command": command.name, "note": command.reason or first.reason}
    pairs = zip(command.seconds, first.seconds, strict=True)
    ratio = statistics.median(own / other for own, other in pairs)
    return {
        "command": command.name,
        "ms": statistics.median(command.seconds) * 1000,
        "x the first": ratio,
        "note": verdict(time=(ratio, max_ratio)) if command.limited else "",
    }
