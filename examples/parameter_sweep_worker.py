"""One point of `parameter_sweep.py`: this text is sent along with the launch, and runs there."""

from __future__ import annotations

import json
import os
import sys

import numpy as np


def share_found(signal: float, threshold: float, trials: int, rng: np.random.Generator) -> float:
    """Hide sources of this brightness in noise; return the share that a matched filter finds."""
    y, x = np.mgrid[-4:5, -4:5]
    star = np.exp(-(x**2 + y**2) / 2)
    star /= np.sqrt((star**2).sum())
    images = signal * star + rng.standard_normal((trials, *star.shape))
    return float(((images * star).sum(axis=(1, 2)) > threshold).mean())


def main() -> None:
    """Take the point of this replica, and print what becomes of it as JSON."""
    work = json.loads(sys.argv[1])
    signal, threshold = work["points"][int(os.environ["REPLICA_ID"]) - 1]
    seed = [round(1000 * signal), round(1000 * threshold)]
    if np.random.default_rng([*seed, work["attempt"]]).random() < work["unlucky"]:
        sys.exit("out of luck")
    print(json.dumps(share_found(signal, threshold, work["trials"], np.random.default_rng(seed))))


if __name__ == "__main__":
    main()
