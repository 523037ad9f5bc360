"""The examples of the README and of the raw client pass strict type checks."""

import subprocess
import sys

import pages
import pytest

pytestmark = pytest.mark.slow

README = pages.ROOT / "README.md"
RAW = pages.ROOT / "docs" / "reference" / "generated.md"


def python(page):
    return [block.text for block in pages.blocks(page) if block.language == "python"]


def test_examples_pass_strict_type_checks(tmp_path):
    for number, text in enumerate(python(README)):
        (tmp_path / f"readme_{number}.py").write_text(text)
    # The blocks of this page share their names.
    (tmp_path / "raw.py").write_text("".join(python(RAW)))
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    files = sorted(tmp_path.glob("*.py"))
    assert len(files) > 3
    command = [sys.executable, "-m", "mypy", *files]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.stdout == f"Success: no issues found in {len(files)} source files\n"


def test_a_misspelled_name_is_an_error_of_types(tmp_path):
    """The names are imported when they are first used, by a `__getattr__` of the module."""
    wrong = ["skaha.Sesion", "skaha.session.Sesion", "skaha.helpers.shel", "skaha.auth.logn"]
    right = ["skaha.Session", "skaha.session.AsyncSession", "skaha.helpers.shell", "skaha.records"]
    lines = ["import skaha", *wrong, *right]
    (tmp_path / "names.py").write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--strict", "names.py"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line for line in finished.stdout.splitlines() if "attr-defined" in line]
    assert [error.split('"')[1] for error in errors] == ["Sesion", "Sesion", "shel", "logn"]
