"""A FITS reduction in replicas: find the sources in a list of images.

Each replica processes its part of the list. It subtracts the sky from every image, finds the
sources above the noise, measures them and writes one table. At the end, the program merges the
tables.

    python examples/fits_reduction.py                  images of astropy, on this machine
    python examples/fits_reduction.py --server URL --output /arc/home/you/sources.ecsv FILE...

On a platform, this file, the images and the output must be on storage that the containers and this
program can use, such as `/arc`. The image must contain skaha and astropy.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clipped_stats
from astropy.table import Table, vstack
from astropy.utils.data import get_pkg_data_filename
from astropy.wcs import WCS

from skaha import Session
from skaha.helpers import shell
from skaha.helpers.distributed import stripe
from skaha.records import SUCCESS

IMAGE = "images.canfar.net/skaha/astroml:latest"
OWN_IMAGES = {
    "astropy.io.fits.hdu.compressed.tests": ["m13", "m13_gzip", "m13_plio", "m13_rice"],
    "astropy.io.fits.tests": ["comp"],
}
BOX = 5  # side of the square in which one source is measured, in pixels


def own_images() -> list[str]:
    """Return the images of M 13 and NGC 1316 that come with astropy."""
    return [
        get_pkg_data_filename(f"data/{name}.fits", package)
        for package, names in OWN_IMAGES.items()
        for name in names
    ]


def sources(file: str, threshold: float) -> Table:
    """Find the pixels that are brighter than their neighbours and the noise, and measure them."""
    with fits.open(file) as hdus:
        image = next(hdu for hdu in hdus if hdu.is_image and np.ndim(hdu.data) == 2)  # noqa: PLR2004
        pixels, positions = image.data.astype(float), WCS(image.header)
    _, sky, noise = sigma_clipped_stats(pixels)
    boxes = np.lib.stride_tricks.sliding_window_view(pixels - sky, (BOX, BOX))
    centre, peak = boxes[..., BOX // 2, BOX // 2], boxes.max(axis=(2, 3))
    snr = boxes.sum(axis=(2, 3)) / (BOX * noise)  # of the box; a hot pixel has a small one
    rows, columns = np.nonzero((centre == peak) & (np.minimum(peak / noise, snr) > threshold))
    x, y = columns + BOX // 2, rows + BOX // 2
    ra, dec = positions.all_pix2world(x, y, 0)
    table = Table(
        {
            "x": x,
            "y": y,
            "ra": ra,
            "dec": dec,
            "peak": peak[rows, columns],
            "snr": snr[rows, columns],
        },
        units={"x": "pix", "y": "pix", "ra": "deg", "dec": "deg", "peak": "adu"},
    )
    table.add_column([Path(file).name] * len(table), name="file", index=0)
    return table


def replica(folder: Path, threshold: float) -> bool:
    """Process the images of one replica, inside the session; return whether all succeeded."""
    tables, succeeded = [], True
    for file in stripe((folder / "files.txt").read_text().splitlines()):
        try:
            tables.append(sources(file, threshold))
        except (OSError, StopIteration, TypeError, ValueError) as error:
            succeeded = False
            print(f"{file}: {str(error) or 'the file contains no image'}", flush=True)
        else:
            print(f"{Path(file).name}: {len(tables[-1])} sources", flush=True)
    if tables:
        vstack(tables).write(folder / f"{os.environ['REPLICA_ID']}.ecsv")
    return succeeded


def launch(options: argparse.Namespace, folder: Path) -> bool:
    """Launch the replicas, print their logs and clean up; return whether all succeeded."""
    name = f"reduce-{uuid.uuid4().hex[:6]}"
    script = os.fspath(Path(__file__).resolve())
    command = shell.command(
        "python3", script, "--replica", os.fspath(folder), "--threshold", str(options.threshold)
    )
    with Session(server=options.server) as session:
        try:
            ids = session.create(name, options.image, 1, 1, replicas=options.replicas, **command)
            ids.raise_for_failures()
            replicas = {session_id: replica for replica, session_id in ids.names.items()}
            for session_id, line in session.follow(ids):
                print(f"{replicas[session_id]}: {line}")
            return set(session.wait(ids, timeout=60).values()) <= SUCCESS
        finally:
            session.destroy_with(name, status=None)


def main() -> None:
    """Reduce the images and merge the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: images of astropy")
    parser.add_argument("--server", default="local", help="URL of a platform (default: local)")
    parser.add_argument(
        "--image", default=IMAGE, help="image of the replicas (default: %(default)s)"
    )
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--threshold", type=float, default=5, help="smallest peak, in sigma")
    parser.add_argument("--output", type=Path, default=Path("sources.ecsv"))
    parser.add_argument("--replica", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replica:
        sys.exit(not replica(options.replica, options.threshold))
    output = options.output.resolve()
    with tempfile.TemporaryDirectory(prefix=f"{output.stem}-", dir=output.parent) as work:
        folder = Path(work)
        files = [os.fspath(Path(file).absolute()) for file in options.files or own_images()]
        (folder / "files.txt").write_text("\n".join(files))
        succeeded = launch(options, folder)
        parts = sorted(folder.glob("*.ecsv"))
        if parts:
            merged = vstack([Table.read(part) for part in parts])
            merged.sort(["file", "y", "x"])
            merged.write(output, overwrite=True)
            print(f"{len(merged)} sources in {output}")
    if not succeeded:
        sys.exit("some images were not reduced: see above")


if __name__ == "__main__":
    main()
