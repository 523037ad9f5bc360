"""The pinned versions of the nox sessions: `constraints.txt` fits pyproject.toml."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = (ROOT / "constraints.txt").read_text().splitlines()
GENERATE = {"openapi-python-client", "ruff"}  # `nox -s upgrade` pins them in pyproject.toml
DIRECT = [
    Requirement(text)
    for text in [
        *PYPROJECT["project"]["dependencies"],
        *chain(*PYPROJECT["project"]["optional-dependencies"].values()),
        *chain(*PYPROJECT["dependency-groups"].values()),
    ]
    if isinstance(text, str)
]
PYTHONS = ["3.11.14", "3.12.12", "3.13.9", "3.14.1"]


def pins(python):
    """Return the version of each package that a Linux machine with this Python installs."""
    system = {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    requirements = map(Requirement, LINES)
    return {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(system)
    }


def test_each_line_pins_one_version_without_an_address():
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9.-]+==[\w.]+( ; .+)?", line)] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_requirement_has_a_fitting_version(python):
    versions = pins(python)
    wrong = [
        str(requirement)
        for requirement in DIRECT
        if requirement.name not in GENERATE | {"skaha"}
        and not requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
    ]
    assert wrong == []


def test_the_generator_is_pinned_in_one_place_only():
    assert GENERATE.isdisjoint(pins(PYTHONS[0]))
