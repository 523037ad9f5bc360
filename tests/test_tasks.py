"""`scripts/nox` and the noxfile: they need no set-up and refuse old versions of Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A program in place of Python: `-c` is the check of the version, `-m venv` copies this program.
PYTHON = """#!/bin/sh
echo "python $*" >> "$LOG"
case "$1 $2" in
"-c "*) exit "$OLD" ;;
"-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
"-m pip") exit "$FAILURE" ;;
esac
"""


@pytest.fixture
def clone(tmp_path):
    """Return a folder with `scripts/nox`; its path contains a blank."""
    (tmp_path / "a clone" / "scripts").mkdir(parents=True)
    return Path(shutil.copy(ROOT / "scripts" / "nox", tmp_path / "a clone" / "scripts")).parents[1]


@pytest.fixture
def run(clone, tmp_path):
    """Return a function that runs `scripts/nox` with the program above in place of Python."""
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    log = tmp_path / "log"

    def run_nox(*arguments, old=0, failure=0):
        """Return the finished process, its commands with `-m`, and the log of all commands."""
        log.write_text("")
        finished = subprocess.run(
            [clone / "scripts" / "nox", *arguments],
            env=os.environ
            | {"PYTHON": str(python), "LOG": str(log), "OLD": str(old), "FAILURE": str(failure)},
            capture_output=True,
            text=True,
            check=False,
        )
        commands = [line.split()[1:3] for line in log.read_text().splitlines()]
        return finished, [command for command in commands if command[0] == "-m"], log.read_text()

    return run_nox


def test_the_launcher_installs_nox_once_and_passes_its_arguments_on(run):
    finished, commands, log = run("-s", "tests", "--", "-k", "one two")
    assert finished.returncode == 0, finished.stderr
    assert commands == [["-m", "venv"], ["-m", "pip"], ["-m", "nox"]]
    assert log.endswith("python -m nox -s tests -- -k one two\n")
    assert run()[1] == [["-m", "nox"]]


def test_the_launcher_repeats_an_installation_that_failed(run):
    finished, commands, _ = run(failure=1)
    assert finished.returncode == 1
    assert commands == [["-m", "venv"], ["-m", "pip"]]
    assert run()[1] == [["-m", "venv"], ["-m", "pip"], ["-m", "nox"]]


def test_the_launcher_refuses_an_old_python_with_one_sentence(run):
    finished, commands, _ = run(old=1)
    assert (finished.returncode, finished.stdout, commands) == (1, "", [])
    assert finished.stderr.startswith("scripts/nox needs Python 3.11 or newer: ")
    assert finished.stderr.count("\n") == 1


def test_the_noxfile_refuses_an_old_python_with_one_sentence():
    program = "import runpy, sys; sys.version_info = (3, 10, 0); runpy.run_path('noxfile.py')"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr.count("\n")) == (1, 1)
    assert finished.stderr.startswith("This project needs Python 3.11 or newer: ")


def test_the_check_of_a_change_runs_the_commands_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-3:] == ["scripts/nox -s demo", "scripts/nox", "scripts/nox -s slow"]
