"""What is released: both distributions hold what they should, and work where nothing else is."""

import email
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from readme_renderer import markdown

import skaha

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {"skaha": ROOT / "skaha", "skaha_api": ROOT / "generated" / "skaha_api"}
EXTRAS = PROJECT["optional-dependencies"]


def built(tree, target, folder):
    """Build without any network; return the one file that comes of it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The tree that the source distribution unpacks to."""
    path = built(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))
    with tarfile.open(path) as file:
        file.extractall(path.parent, filter="data")
    return path.parent / path.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as file:
        text = file.read(f"skaha-{skaha.__version__}.dist-info/METADATA")
    return email.message_from_bytes(text)


# Contents.


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_both_packages_to_the_byte_and_nothing_else(wheel):
    about = f"skaha-{skaha.__version__}.dist-info/"
    with zipfile.ZipFile(wheel) as file:
        held = {name: file.read(name) for name in file.namelist()}
    code = {name: data for name, data in held.items() if not name.startswith(about)}
    assert code == {
        f"{package}/{name}": data
        for package, folder in PACKAGES.items()
        for name, data in files_of(folder).items()
    }
    for name in ("skaha/py.typed", "skaha_api/py.typed", f"{about}licenses/LICENSE"):
        assert name in held


def test_the_source_distribution_makes_the_same_wheel(sdist, wheel, tmp_path):
    assert built(sdist, "wheel", tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    "part", ["openapi", "scripts", "tests", "docs", "examples", "benchmarks", "skaha", "generated"]
)
def test_the_source_distribution_has_all_that_the_project_is_made_of(sdist, part):
    assert files_of(sdist / part) == files_of(ROOT / part)


def test_the_source_distribution_has_nothing_of_a_machine(sdist):
    top = {path.name for path in sdist.iterdir()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "noxfile.py"} <= top
    assert not {name for name in top if name.startswith(".")} - {
        ".ci",
        ".gitattributes",
        ".gitignore",
    }
    assert not list(sdist.rglob("__pycache__"))


# Metadata.


def test_the_version_comes_from_one_place(metadata):
    assert metadata["Version"] == skaha.__version__
    assert PROJECT["dynamic"] == ["version"]


def test_what_is_needed_is_what_the_project_says(metadata):
    assert set(metadata.get_all("Provides-Extra")) == EXTRAS.keys()
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist")]

    def needed(extra):
        return {
            one.name for one in required if one.marker and one.marker.evaluate({"extra": extra})
        }

    assert {one.name for one in required if not one.marker} == {
        Requirement(text).name for text in PROJECT["dependencies"]
    }
    assert needed("all") == set.union(*(needed(extra) for extra in EXTRAS if extra != "all"))
    assert all(one.specifier for one in required)


def test_each_version_of_python_that_is_promised_is_named(metadata):
    lowest = metadata["Requires-Python"].removeprefix(">=")
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(metadata.get_all("Classifier")))
    assert named[0] == lowest
    assert [int(one.partition(".")[2]) for one in named] == list(
        range(int(lowest.partition(".")[2]), int(lowest.partition(".")[2]) + len(named))
    )
    assert metadata["License-Expression"] == "BSD-3-Clause"


def test_the_readme_is_rendered(metadata):
    text = metadata.get_payload(decode=True).decode()
    assert metadata["Description-Content-Type"] == "text/markdown"
    rendered = markdown.render(text)
    assert rendered is not None
    assert rendered.count("<pre") == len(re.findall(r"^```\w", text, re.MULTILINE))
    assert rendered.count("<h2") == len(re.findall(r"^## ", text, re.MULTILINE))


# The changelog.

SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_changelog_begins_with_this_version_and_goes_back():
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    versions, dates = zip(*(heading.split(" - ") for heading in headings), strict=True)
    assert versions[0] == skaha.__version__
    assert all(Version(newer) > Version(older) for newer, older in pairwise(versions))
    released = [date.fromisoformat(text) for text in dates[dates[0] == "unreleased" :]]
    assert released == sorted(released, reverse=True)


def test_each_entry_of_the_changelog_says_what_kind_of_change_it_is():
    for entry in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        _, *sections = re.split(r"^### ", entry, flags=re.MULTILINE)
        assert sections
        titles = [section.splitlines()[0] for section in sections]
        assert titles == [title for title in SECTIONS if title in titles]
        for section in sections:
            items = section.partition("\n")[2].strip()
            assert re.fullmatch(r"(- .+(\n  .+)*\n?)+", items)


# Where nothing else is.


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Run Python where only the wheel is installed, with what it cannot do without."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in (
        ["venv", "--python", sys.executable, folder],
        ["pip", "install", "--python", folder, wheel],
    ):
        uv = [sys.executable, "-m", "uv", "--quiet", *command]
        subprocess.run(uv, check=True, env=bare)

    def run(program, *arguments):
        return subprocess.run(
            [folder / "bin" / program, *arguments],
            cwd=folder,
            env=bare,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


USE = """
import importlib.metadata, json, skaha, skaha_api
from skaha import *
import skaha.config, skaha.errors, skaha.models, skaha.records, skaha.results, skaha.retry
from skaha.helpers import distributed, shell
for kind in (Session, AsyncSession, Images, Context, Overview):
    kind(token="t")
from skaha_api.api.session import list_sessions
print(json.dumps([skaha.__file__, *(one.name for one in importlib.metadata.distributions())]))
"""


def test_the_wheel_works_without_any_extra(run):
    ran = run("python", "-W", "error", "-c", USE)
    assert (ran.returncode, ran.stderr) == (0, "")
    file, *installed = json.loads(ran.stdout)
    assert not Path(file).is_relative_to(ROOT)
    extras = {Requirement(text).name for extra in EXTRAS.values() for text in extra} - {"skaha"}
    assert extras & set(installed) == set()


def test_what_needs_an_extra_says_which(run):
    ran = run("skaha", "ps")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "skaha: the command line needs click: pip install 'skaha[cli]'\n"
    ran = run("python", "-c", "import skaha; skaha.Session(server='local')")
    assert "LocalPlatformError" in ran.stderr
    assert "pip install skaha[local]" in ran.stderr
