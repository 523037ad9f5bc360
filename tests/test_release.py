"""The release: content and metadata of both distributions, and the wheel without extras."""

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


def build(tree, target, folder):
    """Build a distribution without a network; return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel; return its path."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Build and unpack the source distribution; return its folder."""
    path = build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))
    with tarfile.open(path) as file:
        file.extractall(path.parent, filter="data")
    return path.parent / path.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def metadata(wheel):
    """Return the metadata in the wheel."""
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


def test_the_wheel_contains_all_files_of_both_packages_and_no_others(wheel):
    metadata_folder = f"skaha-{skaha.__version__}.dist-info/"
    with zipfile.ZipFile(wheel) as file:
        content = {name: file.read(name) for name in file.namelist()}
    code = {name: data for name, data in content.items() if not name.startswith(metadata_folder)}
    assert code == {
        f"{package}/{name}": data
        for package, folder in PACKAGES.items()
        for name, data in files_of(folder).items()
    }
    for name in ("skaha/py.typed", "skaha_api/py.typed", f"{metadata_folder}licenses/LICENSE"):
        assert name in content
    assert content["skaha_api/openapi.yaml"] == (ROOT / "openapi" / "skaha.yaml").read_bytes()


def test_the_wheel_of_the_source_distribution_is_the_same(sdist, wheel, tmp_path):
    assert build(sdist, "wheel", tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    "part", ["openapi", "scripts", "tests", "docs", "examples", "benchmarks", "skaha", "generated"]
)
def test_the_source_distribution_contains_each_part_of_the_project(sdist, part):
    assert files_of(sdist / part) == files_of(ROOT / part)


def test_the_source_distribution_contains_no_local_files(sdist):
    top = {path.name for path in sdist.iterdir()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "noxfile.py"} <= top
    assert not {name for name in top if name.startswith(".")} - {
        ".ci",
        ".gitattributes",
        ".gitignore",
    }
    assert not list(sdist.rglob("__pycache__"))


# Metadata.


def test_the_version_has_one_source(metadata):
    assert metadata["Version"] == skaha.__version__
    assert PROJECT["dynamic"] == ["version"]


def test_the_requirements_are_those_of_the_project(metadata):
    assert set(metadata.get_all("Provides-Extra")) == EXTRAS.keys()
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist")]

    def names_in(extra):
        return {
            requirement.name
            for requirement in requirements
            if requirement.marker and requirement.marker.evaluate({"extra": extra})
        }

    assert {requirement.name for requirement in requirements if not requirement.marker} == {
        Requirement(text).name for text in PROJECT["dependencies"]
    }
    assert names_in("all") == set.union(*(names_in(extra) for extra in EXTRAS if extra != "all"))
    assert all(requirement.specifier for requirement in requirements)


def test_the_classifiers_name_each_supported_version_of_python(metadata):
    lowest = metadata["Requires-Python"].removeprefix(">=")
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(metadata.get_all("Classifier")))
    first = int(lowest.partition(".")[2])
    assert versions == [f"3.{minor}" for minor in range(first, first + len(versions))]
    assert metadata["License-Expression"] == "BSD-3-Clause"


def test_the_readme_can_be_rendered(metadata):
    text = metadata.get_payload(decode=True).decode()
    assert metadata["Description-Content-Type"] == "text/markdown"
    rendered = markdown.render(text)
    assert rendered is not None
    assert rendered.count("<pre") == len(re.findall(r"^```\w", text, re.MULTILINE))
    assert rendered.count("<h2") == len(re.findall(r"^## ", text, re.MULTILINE))


# The changelog.

SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_changelog_lists_this_version_first_and_older_versions_after_it():
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    versions, dates = zip(*(heading.split(" - ") for heading in headings), strict=True)
    assert versions[0] == skaha.__version__
    assert all(Version(newer) > Version(older) for newer, older in pairwise(versions))
    released = [date.fromisoformat(text) for text in dates[dates[0] == "unreleased" :]]
    assert released == sorted(released, reverse=True)


def test_each_entry_of_the_changelog_has_a_kind_of_change():
    for entry in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        _, *sections = re.split(r"^### ", entry, flags=re.MULTILINE)
        assert sections
        titles = [section.splitlines()[0] for section in sections]
        assert titles == [title for title in SECTIONS if title in titles]
        for section in sections:
            items = section.partition("\n")[2].strip()
            assert re.fullmatch(r"(- .+(\n  .+)*\n?)+", items)


# The wheel without extras.


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Return a function that runs a program; only the wheel and its requirements are installed."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in (
        ["venv", "--python", sys.executable, folder],
        ["pip", "install", "--python", folder, wheel],
    ):
        uv = [sys.executable, "-m", "uv", "--quiet", *command]
        subprocess.run(uv, check=True, env=environment)

    def run_program(program, *arguments):
        return subprocess.run(
            [folder / "bin" / program, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run_program


USE = """
import importlib.metadata, json, skaha, skaha_api
from skaha import *
import skaha.config, skaha.errors, skaha.models, skaha.records, skaha.results, skaha.retry
from skaha.helpers import distributed, shell
for public_class in (Session, AsyncSession, Images, Context, Overview):
    public_class(token="t")
from skaha_api.api.session import list_sessions
names = [distribution.name for distribution in importlib.metadata.distributions()]
print(json.dumps([skaha.__file__, *names]))
"""


def test_the_wheel_works_without_any_extra(run):
    finished = run("python", "-W", "error", "-c", USE)
    assert (finished.returncode, finished.stderr) == (0, "")
    file, *installed = json.loads(finished.stdout)
    assert not Path(file).is_relative_to(ROOT)
    extras = {Requirement(text).name for extra in EXTRAS.values() for text in extra} - {"skaha"}
    assert extras & set(installed) == set()


def test_an_old_python_is_refused_in_one_sentence(sdist):
    """An old pip would search for other versions of the requirements for minutes."""
    program = "import runpy, sys; sys.version_info = (3, 10); runpy.run_path('skaha/_version.py')"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, cwd=sdist, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (1, "skaha needs Python 3.11 or newer.\n")
    build_settings = tomllib.loads((sdist / "pyproject.toml").read_text())["tool"]["hatch"]
    assert build_settings["version"] == {"source": "code", "path": "skaha/_version.py"}


def test_a_missing_extra_is_named(run):
    finished = run("skaha", "ps")
    assert (finished.returncode, finished.stdout) == (1, "")
    packages = "click, filelock, pyyaml, tomlkit, tqdm"
    hint = f"skaha: the command line needs {packages}: pip install 'skaha[cli]>=2'\n"
    assert finished.stderr == hint
    finished = run("python", "-c", "import skaha; skaha.Session(server='local')")
    assert "LocalPlatformError" in finished.stderr
    assert "pip install 'skaha[local]>=2'" in finished.stderr
