"""A parameter sweep with retries: the fraction of the sources that a survey finds.

One replica simulates one point: the brightness of the sources and a threshold, both in sigma of the
noise. If a replica fails, its point is launched again. The results become a table and a plot.

    python examples/parameter_sweep.py                     on this machine
    python examples/parameter_sweep.py --server URL ...    on a platform

The program of the replicas, `parameter_sweep_worker.py`, is sent with the launch: the platform
needs no files, and the image needs only numpy. Some replicas fail on purpose; `--unlucky` sets the
fraction of them.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import sys
import uuid
from pathlib import Path
from statistics import NormalDist
from typing import TypeAlias

import matplotlib as mpl
from matplotlib import pyplot as plt

from skaha import Session
from skaha.helpers import shell

IMAGE = "images.canfar.net/skaha/astroml:latest"
WORKER = Path(__file__).with_name("parameter_sweep_worker.py").read_text(encoding="utf-8")

Point: TypeAlias = tuple[float, float]


def attempted(
    session: Session, name: str, image: str, points: list[Point], work: dict[str, float]
) -> dict[Point, float]:
    """Launch a replica for each point; return the results of the replicas that succeeded.

    `run` logs a warning about each replica that failed, with the last line of its log.
    """
    command = shell.command("python3", "-c", WORKER, json.dumps(work | {"points": points}))
    logs = session.run(name, image, cores=1, ram=1, replicas=len(points), timeout=600, **command)
    replicas = {f"{name}-{number}": point for number, point in enumerate(points, 1)}
    return {
        point: float(json.loads(logs[replica]))
        for replica, point in replicas.items()
        if replica not in logs.failures
    }


def sweep(points: list[Point], options: argparse.Namespace) -> dict[Point, float]:
    """Launch all points, and the failed points again; return the results in order."""
    name = f"sweep-{uuid.uuid4().hex[:6]}"
    results: dict[Point, float] = {}
    with Session(server=options.server) as session:
        try:
            for attempt in range(1, options.attempts + 1):
                left = [point for point in points if point not in results]
                if not left:
                    break
                print(f"attempt {attempt}: {len(left)} points")
                work = {"attempt": attempt, "trials": options.trials, "unlucky": options.unlucky}
                results |= attempted(session, f"{name}-{attempt}", options.image, left, work)
        finally:
            session.destroy_with(name, status=None)
    return {point: results[point] for point in points if point in results}


def save(results: dict[Point, float], output: Path) -> None:
    """Write a table, and a plot of the results with the theoretical curve."""
    with output.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["signal", "threshold", "found"])
        writer.writerows((*point, fraction) for point, fraction in results.items())
    mpl.use("Agg")
    figure, axes = plt.subplots()
    for threshold in sorted({threshold for _, threshold in results}):
        signals = sorted(signal for signal, other in results if other == threshold)
        theory = [NormalDist(threshold).cdf(signal) for signal in signals]
        fractions = [results[signal, threshold] for signal in signals]
        [line] = axes.plot(signals, fractions, "o", label=f"threshold {threshold:g}")
        axes.plot(signals, theory, color=line.get_color())
    axes.set(xlabel="brightness / sigma", ylabel="fraction of the sources found")
    axes.legend()
    figure.savefig(output.with_suffix(".png"))


def main() -> None:
    """Run the sweep, and save its results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", default="local", help="URL of a platform (default: local)")
    parser.add_argument("--image", default=IMAGE, help=f"image of the replicas (default: {IMAGE})")
    parser.add_argument("--signals", type=float, nargs="+", default=[1, 2, 3, 4, 5, 6, 7])
    parser.add_argument("--thresholds", type=float, nargs="+", default=[3, 5])
    parser.add_argument("--trials", type=int, default=10_000, help="sources for each point")
    parser.add_argument("--attempts", type=int, default=5, help="most launches of each point")
    parser.add_argument("--unlucky", type=float, default=0.2, help="fraction of forced failures")
    parser.add_argument("--output", type=Path, default=Path("sweep"), help="path without suffix")
    options = parser.parse_args()
    points = list(itertools.product(options.signals, options.thresholds))
    results = sweep(points, options)
    save(results, options.output)
    print(
        f"{len(results)} of {len(points)} points: see {options.output}.csv and {options.output}.png"
    )
    sys.exit(len(results) < len(points))


if __name__ == "__main__":
    main()
