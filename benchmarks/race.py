"""Runs contestants one after another in alternation, each lap in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.environments import NotInstalledError, clean_environment, last_line, python_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.contestants import Contestant

PROGRAMS = Path(__file__).parent / "stand-alone"
_LONGEST_LAP = 600
_LONGEST_REASON = 120

Task: TypeAlias = dict[str, Any]  # most fields of stand-alone/lap.py's Task


@dataclass(frozen=True)
class Settings:
    """What the command line asks for."""

    rounds: int
    quick: bool


@dataclass(frozen=True)
class Platform:
    """Where the server listens."""

    http: str
    https: str | None = None

    def task(self, operation: str, items: int, concurrency: int, calls: int = 1) -> Task:
        """Return a task against this server, over TLS if it has it."""
        return {
            "url": f"{self.https or self.http}/skaha",
            "counts_url": f"{self.http}/counts",
            "operation": operation,
            "items": items,
            "concurrency": concurrency,
            "calls": calls,
        }


@contextmanager
def platform(
    latency: float, *, sessions: int = 0, certificate: Path | None = None
) -> Iterator[Platform]:
    """Run the server, in a process of its own."""
    command = [sys.executable, str(PROGRAMS / "server.py")]
    command += ["--latency", str(latency), "--sessions", str(sessions)]
    if certificate is not None:
        command += ["--certificate", str(certificate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        # It ends when this block does, which closes its standard input.
        assert server.stdout is not None  # noqa: S101  (for the type checker)
        ports = json.loads(server.stdout.readline())
        yield Platform(**{scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()})


class LapError(Exception):
    """A contestant did not finish; the message says why."""


def lap(contestant: Contestant, task: Task, **environment: str) -> dict[str, Any]:
    """Return what the contestant's driver reports of one run.

    Raises:
        LapError: If it does not finish.
        NotInstalledError: If its environment cannot be made.
    """
    told = json.dumps(task | {"variant": contestant.variant, "module": contestant.module})
    command = [python_for(contestant.requirement), str(PROGRAMS / contestant.driver), told]
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(**environment),
            timeout=_LONGEST_LAP,
        )
    except subprocess.TimeoutExpired:
        raise LapError(f"not done in {_LONGEST_LAP} s") from None
    try:
        found: dict[str, Any] = json.loads(last_line(ran.stdout))
    except ValueError:
        raise LapError(last_line(ran.stderr or ran.stdout)) from None
    if "failed" in found:
        raise LapError(_shortened(found["failed"]))
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]} ..."


@dataclass
class Outcome:
    """All laps of one contestant, or why there are none."""

    contestant: Contestant
    laps: list[dict[str, Any]]
    reason: str = ""

    def figures(self, name: str) -> list[float]:
        """Return one figure of every lap: the median of its calls."""
        return [statistics.median(call[name] for call in lap["calls"]) for lap in self.laps]

    def median(self, name: str) -> float:
        """Return the median of one figure."""
        return statistics.median(self.figures(name))

    def ratio(self, other: Outcome, name: str) -> float:
        """Return the median of the ratios to what another needed in the same round."""
        pairs = zip(self.figures(name), other.figures(name), strict=True)
        return statistics.median(own / others for own, others in pairs)


def race(
    contestants: Iterable[Contestant], tasks: Sequence[Task], rounds: int, **environment: str
) -> dict[str, Outcome]:
    """Return what every contestant needed, by name; `tasks` are theirs, in the same order."""
    outcomes = {one.name: Outcome(one, []) for one in contestants}
    for _ in range(rounds):
        for outcome, task in zip(outcomes.values(), tasks, strict=True):
            if outcome.reason:
                continue
            try:
                outcome.laps.append(lap(outcome.contestant, task, **environment))
            except (LapError, NotInstalledError) as error:
                outcome.reason = str(error)
                outcome.laps.clear()
    return outcomes
