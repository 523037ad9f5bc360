"""The programs in `examples/` give the right results and leave no session behind."""

import contextlib
import csv
import math
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

import pytest

from skaha import Session

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def start(platform, tmp_path):
    """Return a function that starts an example on the embedded platform, in an empty directory."""

    def start_process(program, *arguments):
        return subprocess.Popen(
            [sys.executable, EXAMPLES / program, "--server", platform.url, *arguments],
            cwd=tmp_path,
            env=os.environ | {"SKAHA_TOKEN": platform.token},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    with contextlib.ExitStack() as stack:

        def start_until_the_end_of_the_test(*command):
            process = stack.enter_context(start_process(*command))
            stack.callback(process.kill)
            return process

        yield start_until_the_end_of_the_test
    with Session(server=platform.url, token=platform.token) as session:
        assert session.fetch() == []


@pytest.fixture
def run(start):
    """Return a function that runs an example and returns its exit code and its output."""

    def run_to_its_end(*command):
        process = start(*command)
        printed, _ = process.communicate(timeout=60)
        return process.returncode, printed

    return run_to_its_end


def wait_for_output(process, text):
    """Read the output of a program until a line contains `text`."""
    for line in process.stdout:
        if text in line:
            return
    pytest.fail(f"the program ended without printing {text!r}")


# A reduction.


def test_the_replicas_find_the_same_sources_as_a_single_program(run, tmp_path):
    code, printed = run("fits_reduction.py", "--replicas", "2")
    assert code == 0, printed
    assert [path.name for path in tmp_path.iterdir()] == ["sources.ecsv"]
    program = runpy.run_path(os.fspath(EXAMPLES / "fits_reduction.py"))
    from astropy.table import Table, vstack  # its import takes half a second

    expected = vstack([program["sources"](file, 5) for file in program["own_images"]()])
    expected.sort(["file", "y", "x"])
    merged = Table.read(tmp_path / "sources.ecsv")
    assert (merged == expected).all()
    files = {name: merged[merged["file"] == name] for name in set(merged["file"])}
    assert min(map(len, files.values())) > 100
    # Compression without a loss changes nothing.
    for name in ("m13_gzip.fits", "m13_plio.fits", "m13_rice.fits"):
        assert list(files[name]["snr"]) == list(files["m13.fits"]["snr"])


def test_a_broken_file_does_not_affect_the_other_files(run, tmp_path):
    (tmp_path / "broken.fits").write_text("not a FITS file")
    program = runpy.run_path(os.fspath(EXAMPLES / "fits_reduction.py"))
    good = program["own_images"]()[0]
    code, printed = run("fits_reduction.py", "--replicas", "1", "broken.fits", good)
    assert code == 1
    assert "broken.fits: No SIMPLE card found" in printed
    from astropy.table import Table

    assert set(Table.read(tmp_path / "sources.ecsv")["file"]) == {"m13.fits"}


# A sweep.

SWEEP = ("--signals", "3", "4", "6", "--thresholds", "4", "--trials", "2000", "--unlucky", "0.5")


def detected_shares(folder):
    with (folder / "sweep.csv").open() as file:
        return {float(row["signal"]): float(row["found"]) for row in csv.DictReader(file)}


def test_a_sweep_launches_failed_points_again_and_collects_in_order(run, tmp_path):
    code, printed = run("parameter_sweep.py", *SWEEP, "--attempts", "1")
    assert (code, printed.count("out of luck")) == (1, 2)
    first_shares = detected_shares(tmp_path)
    assert len(first_shares) == 1

    code, printed = run("parameter_sweep.py", *SWEEP, "--attempts", "9")
    assert code == 0, printed
    assert "attempt 2: 2 points" in printed
    shares = detected_shares(tmp_path)
    assert list(shares) == [3, 4, 6]
    assert first_shares.items() <= shares.items()
    for signal_strength, share in shares.items():
        expected = NormalDist(4).cdf(signal_strength)
        assert share == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / 2000))
    from matplotlib import image

    plot = image.imread(tmp_path / "sweep.png")
    assert plot.shape[2] == 4
    assert plot.std() > 0.05


# A service.


def paths_in(folder):
    return sorted(os.fspath(path.relative_to(folder)) for path in folder.rglob("*.*"))


def test_the_service_runs_every_script_and_moves_it_beside_its_log(run, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"good {number}.sh").write_text(f'echo "$((40 + {number}))" "it\'s  done"')
    (tmp_path / "bad.sh").write_text("echo oh dear; exit 3")
    (tmp_path / "no-text.sh").write_bytes(b"\xff")
    code, printed = run("job_service.py", tmp_path, "--drain", "--at-most", "2")
    assert code == 1, printed
    assert (tmp_path / "done" / "good 2.log").read_text() == "42 it's  done\n"
    assert (tmp_path / "failed" / "bad.log").read_text() == "oh dear\n"
    assert "invalid start byte" in (tmp_path / "failed" / "no-text.log").read_text()
    assert len(paths_in(tmp_path / "done")) == 6
    assert len(paths_in(tmp_path / "failed")) == 4
    assert paths_in(tmp_path / "running") == []


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_service_and_its_sessions(start, tmp_path, signal_number):
    for name in ("first.sh", "second.sh"):
        (tmp_path / name).write_text("sleep 600")
    service = start("job_service.py", tmp_path, "--at-most", "1")
    wait_for_output(service, "is Running")
    service.send_signal(signal_number)
    printed, _ = service.communicate(timeout=30)
    assert service.returncode == 0, printed
    assert "first.sh: put back" in printed
    assert paths_in(tmp_path) == ["first.sh", "second.sh"]


def test_the_next_service_finishes_the_scripts_of_a_killed_service(start, run, tmp_path):
    go = tmp_path / "go"
    (tmp_path / "job.sh").write_text(f"test -e {go} || sleep 600")
    service = start("job_service.py", tmp_path)
    wait_for_output(service, "is Running")
    service.kill()
    service.wait(timeout=30)
    assert paths_in(tmp_path) == ["running/job.sh"]
    go.touch()
    code, printed = run("job_service.py", tmp_path, "--drain")
    assert code == 0, printed
    assert paths_in(tmp_path) == ["done/job.log", "done/job.sh"]


# A cross-match.


def cross_match():
    return runpy.run_path(os.fspath(EXAMPLES / "cross_match.py"))


def test_the_cluster_finds_the_same_matches_as_a_single_program(run, tmp_path):
    import numpy as np  # its import and the others take half a second
    from astropy.coordinates import angular_separation
    from astropy.table import Table

    program = cross_match()
    reference, files = program["simulate"](tmp_path, catalogues=5, stars=2000)
    code, printed = run("cross_match.py", "--reference", reference, *files)
    assert code == 0, printed
    pairs = Table.read(tmp_path / "pairs.ecsv")
    star_ra, star_dec = program["positions"](reference)
    order = np.argsort(star_dec)
    assert len(pairs) == 5 * 500
    for file in files:
        ra, dec = program["positions"](file)
        # Compute all distances; the example computes only those to stars of similar declination.
        angles = np.radians([*np.broadcast_arrays(ra[:, None], dec[:, None], star_ra, star_dec)])
        nearest = np.argmin(angular_separation(*angles), axis=1)
        own_pairs = pairs[pairs["file"] == Path(file).name]
        assert (order[own_pairs["star"]] == nearest).all()
        east = (ra - star_ra[nearest]) * np.cos(np.radians(dec)) * 3600
        np.testing.assert_allclose(own_pairs["east"], east, atol=1e-6)
        assert f"{Path(file).name}: 500 pairs, offset {np.median(east):+.3f}" in printed


def test_an_unreadable_catalogue_does_not_affect_the_others(run, tmp_path):
    from astropy.table import Table

    reference, files = cross_match()["simulate"](tmp_path, catalogues=1, stars=1000)
    (tmp_path / "broken.fits").write_text("not a catalogue")
    code, printed = run("cross_match.py", "--reference", reference, "broken.fits", *files)
    assert code == 1
    assert "broken.fits: Format could not be identified" in printed
    assert set(Table.read(tmp_path / "pairs.ecsv")["file"]) == {"field-00.fits"}


def test_ctrl_c_ends_the_workers_of_a_cross_match(start, tmp_path):
    os.mkfifo(tmp_path / "never.fits")
    reference, files = cross_match()["simulate"](tmp_path, catalogues=1, stars=1000)
    command = ("--reference", reference, *files, "never.fits")
    process = start("cross_match.py", *command)
    wait_for_output(process, "field-00.fits: 250 pairs")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode


# All programs with replicas.


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        ("count_lines.py", ["launched"]),
        ("count_lines.py", ["AsyncSession at", "launched"]),
        ("fits_reduction.py", ["-1: "]),
        ("parameter_sweep.py", ["attempt 1"]),
    ],
)
def test_ctrl_c_leaves_no_session(start, program, lines):
    process = start(program)
    for line in lines:
        wait_for_output(process, line)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode
