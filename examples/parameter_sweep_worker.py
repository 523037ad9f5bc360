"""One point of `parameter_sweep.py`; this file is sent with the launch, and runs in the session."""

from __future__ import annotations

import json
import os
import sys

import numpy as np


def fraction_found(signal: float, threshold: float, trials: int, rng: np.random.Generator) -> float:
    """Hide sources of this brightness in noise; return the fraction that a matched filter finds."""
    y, x = np.mgrid[-4:5, -4:5]
    star = np.exp(-(x**2 + y**2) / 2)
    star /= np.sqrt((star**2).sum())
    images = signal * star + rng.standard_normal((trials, *star.shape))
    return float(((images * star).sum(axis=(1, 2)) > threshold).mean())


def main() -> None:
    """Simulate the point of this replica, and print the result as JSON."""
    work = json.loads(sys.argv[1])
    signal, threshold = work["points"][int(os.environ["REPLICA_ID"]) - 1]
    seed = [round(1000 * signal), round(1000 * threshold)]
    if np.random.default_rng([*seed, work["attempt"]]).random() < work["unlucky"]:
        sys.exit("out of luck")
    rng = np.random.default_rng(seed)
    print(json.dumps(fraction_found(signal, threshold, work["trials"], rng)))


if __name__ == "__main__":
    main()
