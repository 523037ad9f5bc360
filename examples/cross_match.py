"""A cross-match of many catalogues with one reference, on a Dask cluster.

Each worker is a session. A task reads one catalogue and finds the nearest star of the reference
for each of its sources. The program prints the mean offset of each catalogue as soon as it is
known, and writes one table with all pairs.

    python examples/cross_match.py                     simulated catalogues, on this machine
    python examples/cross_match.py --server URL --reference /arc/.../stars.fits FILE...

The tables need the columns `ra` and `dec`, in degrees. On a platform, run the program in a session,
such as a notebook. The tables must be on storage that the sessions can read, such as `/arc`. The
image must contain distributed and astropy in the versions of this session; the tasks are sent.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import angular_separation
from astropy.table import Table, vstack
from dask.distributed import Client, as_completed

from skaha.dask import SkahaCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "images.canfar.net/skaha/astroml:latest"
ARCSECONDS = 3600.0


def simulate(folder: Path, catalogues: int = 12, stars: int = 20_000) -> tuple[str, list[str]]:
    """Write a reference and catalogues of parts of it, each with noise and an offset of its own."""
    random = np.random.default_rng(20260706)
    ra, dec = 150 + random.random(stars), 2 + random.random(stars)
    reference = folder / "reference.fits"
    Table({"ra": ra, "dec": dec}).write(reference)
    files = []
    for number in range(catalogues):
        chosen = random.choice(stars, stars // 4, replace=False)
        noise = random.normal(0, 0.1 / ARCSECONDS, (2, len(chosen)))
        offset = random.uniform(-0.5 / ARCSECONDS, 0.5 / ARCSECONDS, (2, 1))
        east, north = noise + offset
        found = dec[chosen] + north
        files.append(os.fspath(folder / f"field-{number:02}.fits"))
        Table({"ra": ra[chosen] + east / np.cos(np.radians(found)), "dec": found}).write(files[-1])
    return os.fspath(reference), files


def positions(file: str) -> tuple[Any, Any]:
    """Read the right ascensions and the declinations of a catalogue, in degrees."""
    table = Table.read(file)
    return np.asarray(table["ra"], float), np.asarray(table["dec"], float)


def match(file: str, stars: tuple[Any, Any], radius: float) -> Table:
    """Find the nearest star within a radius for each source of a catalogue.

    Args:
        file: The catalogue.
        stars: Right ascensions and declinations of the reference, in the order of declination.
        radius: Largest distance, in arcseconds.

    Returns:
        One row for each pair: the source, the star, and the offset of the source in arcseconds.
    """
    star_ra, star_dec = stars
    ra, dec = positions(file)
    limit = radius / ARCSECONDS
    # All pairs with close declinations; the stars of one source are neighbours.
    first, last = np.searchsorted(star_dec, dec - limit), np.searchsorted(star_dec, dec + limit)
    counts = last - first
    source = np.repeat(np.arange(len(ra)), counts)
    star = np.arange(len(source)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    angles = [np.radians(a) for a in (ra[source], dec[source], star_ra[star], star_dec[star])]
    distance = np.degrees(angular_separation(*angles)) * ARCSECONDS
    order = np.lexsort((distance, source))
    order = order[distance[order] <= radius]
    _, nearest = np.unique(source[order], return_index=True)
    pairs = order[nearest]
    source, star = source[pairs], star[pairs]
    east = (ra[source] - star_ra[star] + 180) % 360 - 180
    return Table(
        {
            "file": [Path(file).name] * len(source),
            "source": source,
            "star": star,
            "east": east * np.cos(np.radians(dec[source])) * ARCSECONDS,
            "north": (dec[source] - star_dec[star]) * ARCSECONDS,
        },
        units={"east": "arcsec", "north": "arcsec"},
    )


def match_all(
    client: Client, reference: str, files: list[str], radius: float
) -> Iterator[tuple[str, Table | Exception]]:
    """Yield the pairs of each catalogue, or its error, as soon as they are known."""
    ra, dec = positions(reference)
    order = np.argsort(dec)
    # The reference is sent to each worker once, not with each task.
    stars = client.scatter((ra[order], dec[order]), broadcast=True)
    futures = {client.submit(match, file, stars, radius, pure=False): file for file in files}
    for future in as_completed(futures):
        error = future.exception()
        yield futures[future], future.result() if error is None else error


def main() -> None:
    """Match the catalogues, and write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: simulated catalogues")
    parser.add_argument("--reference", help="catalogue of the stars; needed for own files")
    parser.add_argument("--server", default="local", help="URL of a platform (default: local)")
    parser.add_argument(
        "--image", default=IMAGE, help="image of the workers (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--radius", type=float, default=2, help="arcseconds (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("pairs.ecsv"))
    options = parser.parse_args()
    if bool(options.files) != bool(options.reference):
        parser.error("give files and --reference, or neither of them")
    tables: dict[str, Table] = {}
    failed: list[str] = []
    with contextlib.ExitStack() as stack:
        if options.files:
            reference, files = options.reference, options.files
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            reference, files = simulate(Path(folder))
        files = [os.fspath(Path(file).absolute()) for file in files]
        cluster = SkahaCluster(
            options.image, cores=1, ram=1, n_workers=options.workers, server=options.server
        )
        with cluster, Client(cluster) as client:
            client.wait_for_workers(1, timeout=600)
            for file, pairs in match_all(client, reference, files, options.radius):
                if isinstance(pairs, Exception):
                    failed.append(file)
                    print(f"{file}: {str(pairs).splitlines()[0]}", flush=True)
                else:
                    tables[file] = pairs
                    east, north = np.median(pairs["east"]), np.median(pairs["north"])
                    offset = f"{east:+.3f} {north:+.3f} arcsec"
                    print(f"{Path(file).name}: {len(pairs)} pairs, offset {offset}", flush=True)
    if tables:
        merged = vstack([tables[file] for file in files if file in tables])
        merged.write(options.output, overwrite=True)
        print(f"{len(merged)} pairs in {options.output}")
    if failed:
        sys.exit("some catalogues were not matched: see above")


if __name__ == "__main__":
    main()
