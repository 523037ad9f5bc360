"""Every example in the documentation runs, and prints what it says."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import skaha
from skaha import SkahaClient

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PUBLIC = {
    name: importlib.import_module(name)
    for name in (
        "skaha.client",
        "skaha.config",
        "skaha.errors",
        "skaha.helpers.distributed",
        "skaha.helpers.shell",
        "skaha.models",
        "skaha.records",
        "skaha.results",
        "skaha.retry",
    )
}
for colour in ("_async", "_sync"):
    package = importlib.import_module(f"skaha.{colour}")
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        PUBLIC[found.name] = importlib.import_module(found.name)

EXAMPLES = {
    test.name: test
    for module in PUBLIC.values()
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, globs=vars(module))
    if test.examples
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {
    f"{page.relative_to(ROOT)}:{number}": block
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    )
}


@pytest.fixture(scope="module", autouse=True)
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`server="local"` of the examples is a platform that ends with these tests."""
    with pytest.MonkeyPatch.context() as patch:
        state = tmp_path_factory.mktemp("local")
        patch.setenv("SKAHA_LOCAL_STATE", str(state))
        yield
        stop = [sys.executable, "-m", "skaha.local", "stop", "--state", str(state)]
        subprocess.run(stop, check=True, capture_output=True)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


def run(example: doctest.Example, names: dict[str, object], runner: asyncio.Runner) -> str:
    """Run one example, which may await; return what it prints."""
    code = compile(example.source, "<example>", "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = eval(code, names)
        if inspect.iscoroutine(result):
            runner.run(result)
    return printed.getvalue()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_docstring_shows_what_happens(name: str, runner: asyncio.Runner) -> None:
    names = dict(EXAMPLES[name].globs)
    for example in EXAMPLES[name].examples:
        printed = run(example, names, runner)
        assert doctest.OutputChecker().check_output(example.want, printed, 0), (
            f"{example.source}printed {printed!r}, not {example.want!r}"
        )
    close(names, runner)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_of_a_page_runs(name: str, runner: asyncio.Runner) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(BLOCKS[name], name, "exec"), names)
    close(names, runner)


def close(names: dict[str, object], runner: asyncio.Runner) -> None:
    """Close what an example has left open, to keep it short."""
    for value in names.values():
        if isinstance(value, SkahaClient):
            value.api.close()
            runner.run(value.api.aclose())


def public_things() -> Iterator[tuple[str, object]]:
    """The name and the thing itself of all that is public."""
    for module in (skaha, *(one for name, one in PUBLIC.items() if "._" not in name)):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing
    for kind in (skaha.Session, skaha.Images, skaha.Context, skaha.Overview):
        for name, member in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{kind.__name__}.{name}", member


THINGS = dict(public_things())


@pytest.mark.parametrize("name", THINGS)
def test_every_public_name_is_explained(name: str) -> None:
    assert inspect.getdoc(THINGS[name])


@pytest.mark.parametrize("name", [name for name in THINGS if "config" not in name])
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(THINGS[name]) or "")
