"""A race: the contestants run in turns, and each lap runs in its own process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field, frozen

from benchmarks.environments import NotInstalledError, clean_environment, last_line, python_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.contestants import Contestant

PROGRAMS = Path(__file__).parent / "stand-alone"
_LONGEST_LAP = 600
_LONGEST_REASON = 120

Task: TypeAlias = dict[str, Any]  # fields of the class Task in stand-alone/lap.py


@frozen
class Settings:
    """Options of the command line."""

    rounds: int
    quick: bool


@frozen
class Platform:
    """The URLs of the server."""

    http: str
    https: str | None = None

    def task(self, operation: str, items: int, concurrency: int, calls: int = 1) -> Task:
        """Return a task for this server, over TLS if the server offers it."""
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
    latency: float,
    *,
    sessions: int = 0,
    status: str = "Running",
    certificate: Path | None = None,
) -> Iterator[Platform]:
    """Run the server in its own process."""
    command = [sys.executable, str(PROGRAMS / "server.py")]
    command += ["--latency", str(latency), "--sessions", str(sessions), "--status", status]
    if certificate is not None:
        command += ["--certificate", str(certificate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        # The end of this block closes the standard input of the server, which ends it.
        assert server.stdout is not None  # noqa: S101  (for the type checker)
        ports = json.loads(server.stdout.readline())
        yield Platform(**{scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()})


class LapError(Exception):
    """A contestant did not finish. The message names the reason."""


def lap(contestant: Contestant, task: Task, **environment: str) -> dict[str, Any]:
    """Run the driver of a contestant once, and return its report.

    Raises:
        LapError: If the driver does not finish.
        NotInstalledError: If the environment of the contestant cannot be made.
    """
    argument = json.dumps(task | {"variant": contestant.variant, "module": contestant.module})
    command = [python_for(contestant.requirement), str(PROGRAMS / contestant.driver), argument]
    try:
        finished = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(**environment),
            timeout=_LONGEST_LAP,
        )
    except subprocess.TimeoutExpired:
        raise LapError(f"not finished after {_LONGEST_LAP} s") from None
    try:
        report: dict[str, Any] = json.loads(last_line(finished.stdout))
    except ValueError:
        raise LapError(last_line(finished.stderr or finished.stdout)) from None
    if "failed" in report:
        raise LapError(_shortened(report["failed"]))
    return report


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]} ..."


@define
class Outcome:
    """All laps of one contestant, or the reason why there are none."""

    contestant: Contestant
    laps: list[dict[str, Any]] = field(factory=list)
    reason: str = ""

    def figures(self, name: str) -> list[float]:
        """Return one figure for each lap: the median of its calls."""
        return [statistics.median(call[name] for call in lap["calls"]) for lap in self.laps]

    def median(self, name: str) -> float:
        """Return the median of one figure."""
        return statistics.median(self.figures(name))

    def ratio(self, other: Outcome, name: str) -> float:
        """Return the median of the ratios to another contestant, round by round."""
        pairs = zip(self.figures(name), other.figures(name), strict=True)
        return statistics.median(own / other_figure for own, other_figure in pairs)


def race(
    contestants: Iterable[Contestant], tasks: Sequence[Task], rounds: int, **environment: str
) -> dict[str, Outcome]:
    """Return the outcome of each contestant by its name; `tasks` has one task for each of them."""
    outcomes = {contestant.name: Outcome(contestant) for contestant in contestants}
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
