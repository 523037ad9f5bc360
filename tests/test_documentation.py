"""All examples of the documentation run and print the output that the page shows."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pages
import pytest
import yaml

import skaha
from skaha.cli._app import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# The embedded platform and the command line have tests of their own.
MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(skaha.__path__, "skaha.")
    if not module.name.startswith(("skaha.cli", "skaha.local"))
]
PUBLIC = [skaha, *(module for module in MODULES if "._" not in module.__name__)]

EXAMPLES = {
    test.name: test
    for module in MODULES
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, globs=vars(module))
    if test.examples
}
PAGES = {str(page.relative_to(pages.ROOT)): page for page in pages.PAGES}
PAGES_FOR_A_CLONE = ["README.md", "docs/examples.md"]
IGNORED_BY_GIT = {line.strip("/") for line in (pages.ROOT / ".gitignore").read_text().splitlines()}
REFERENCE = "".join(page.read_text() for name, page in PAGES.items() if "reference" in name)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make the home of a new user; the embedded platform in it stops after these tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("SKAHA_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("SKAHA_LOCAL_STATE", str(home / "platform"))
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.setenv("TERM", "dumb")
        # This program opens no window.
        patch.setenv("BROWSER", "true")
        # The keyring of this machine may wait for a password.
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        # A new user has only our plugin of pytest.
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTEST_PLUGINS", "skaha.local.pytest_plugin")
        # Several examples run at the same time. For a used port, Dask warns and leaves a socket.
        defaults = skaha.dask.SkahaCluster.__init__.__kwdefaults__
        patch.setitem(defaults, "dashboard_address", "127.0.0.1:0")
        yield home
        stop = [sys.executable, "-m", "skaha.local", "stop"]
        subprocess.run(stop, check=True, capture_output=True)


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every page and every docstring without a configuration file."""
    monkeypatch.setenv("SKAHA_CONFIG", str(tmp_path / "config.toml"))


@pytest.fixture(autouse=True)
def _dask_settings() -> Iterator[None]:
    """Remove the settings of Dask that a page changes, for the other tests of this process."""
    yield
    if dask := sys.modules.get("dask"):
        dask.config.refresh()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as new_runner:
        yield new_runner


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name.startswith("skaha.dask") else [])
        for name in EXAMPLES
    ],
)
def test_the_examples_of_a_docstring_print_the_shown_output(
    name: str, runner: asyncio.Runner
) -> None:
    names = dict(EXAMPLES[name].globs)
    for example in EXAMPLES[name].examples:
        pages.check(example, pages.run(example, names, runner))
    pages.close(pages.clients(names), runner)


@pytest.mark.parametrize("name", PAGES)
def test_each_block_of_a_page_has_an_allowed_form(name: str) -> None:
    problems = {block.place: pages.problem(block) for block in pages.blocks(PAGES[name])}
    assert not {place: problem for place, problem in problems.items() if problem}


@pytest.mark.parametrize(
    "text",
    [
        "```\nprint()\n```",
        "```cobol\nDISPLAY 1.\n```",
        "A paragraph.\n\n    print()",
        "```console\necho\n```",
        "<!-- not run: not today -->\n```sh\necho\n```",
        "| Python |\n| --- |\n| `print()` <!-- not run: not today --> |",
        "| task | command line |\n| --- | --- |\n| print | in Python only |",
    ],
)
def test_a_block_without_an_allowed_form_is_found(text: str) -> None:
    (block,) = pages.blocks(pages.PAGES[0], text)
    assert pages.problem(block)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "1 / 0"),
        ("python", "import asyncio\nawait asyncio.sleep(0)\nassert False"),
        ("pycon", ">>> 1 + 1\n3\n"),
        ("pycon", ">>> 1 / 0\n"),
        ("sh", "false\ntrue"),
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ echo one\n"),
        ("toml", '[profiles.one]\ncolour = "blue"'),
        ("json", "{,}"),
        ("yaml", "a: b: c"),
    ],
)
def test_a_block_that_fails_or_shows_other_output_is_found(
    language: str, text: str, runner: asyncio.Runner
) -> None:
    (block,) = pages.blocks(pages.PAGES[0], f"```{language}\n{text}\n```")
    with pytest.raises(Exception, match=r"in the block at README\.md:1"):
        pages.Reader(runner).follow(block)


def test_the_code_in_a_table_runs_column_by_column(runner: asyncio.Runner) -> None:
    first_row = "| one | `x = 1` | `export X=1` |"
    second_row = "| two | `x += 1` <!-- not run: needs a network --> | `test $X = 2` |"
    table = f"| task | Python | command line |\n| --- | --- | --- |\n{first_row}\n{second_row}"
    *others, last = pages.blocks(pages.PAGES[0], table)
    assert [block.text for block in others] == ["x = 1", "x += 1", "export X=1"]
    reader = pages.Reader(runner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("X", "0")
        for block in others:
            reader.follow(block)
        assert reader.names["x"] == 1
        with pytest.raises(subprocess.CalledProcessError) as caught:
            reader.follow(last)
    assert caught.value.__notes__ == ["in the block at README.md:4"]


CELLS_NOT_RUN = [
    block for block in pages.blocks(PAGES["docs/cheat-sheet.md"]) if block.instruction == "not run"
]


@pytest.mark.parametrize("block", CELLS_NOT_RUN, ids=lambda block: block.text)
def test_a_line_of_the_cheat_sheet_that_is_not_run_has_known_arguments(block: pages.Block) -> None:
    if block.language == "sh":
        subprocess.run([*shlex.split(block.text), "--help"], check=True, capture_output=True)
        return
    call = ast.parse(block.text.strip(), mode="eval").body
    assert isinstance(call, ast.Call)
    function = eval(ast.unparse(call.func), {"skaha": skaha})
    keywords = {word.arg: word.value for word in call.keywords}
    inspect.signature(function).bind(*call.args, **keywords)


FAST_PAGES = ["README.md", "docs/index.md", "docs/tutorial.md", "docs/reference/session.md"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in FAST_PAGES else [pytest.mark.slow]) for name in PAGES],
)
def test_a_page_can_be_followed(
    name: str, home: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = home / Path(name).with_suffix("")
    directory.mkdir(parents=True)
    (directory / "examples").symlink_to(pages.ROOT / "examples")
    monkeypatch.chdir(directory)
    environment = dict(os.environ)
    if name == "docs/reference/cli.md":  # its text tells the reader to set this
        os.environ["SKAHA_SERVER"] = "local"
    reader = pages.Reader(runner)
    try:
        for block in pages.blocks(PAGES[name]):
            reader.follow(block)
    finally:
        pages.close(reader.opened, runner)
        os.environ.clear()
        os.environ.update(environment)
        clean_up()
    if name in PAGES_FOR_A_CLONE:
        written = {path.name for path in directory.iterdir()} - {"examples"}
        assert written <= IGNORED_BY_GIT


def test_the_start_pages_show_the_same_installation() -> None:
    texts = [PAGES[name].read_text() for name in ("README.md", "docs/index.md", "docs/tutorial.md")]
    [installation] = {
        re.search(r"(?s)```sh\npython3 --version.*?\n\n.*?\n\n", text)[0] for text in texts
    }
    for part in ("3.11", "sudo apt install python3-venv", "pip install '.[all]'", "1.7.0", ">=2"):
        assert part in installation


def test_the_readme_is_plain_markdown() -> None:
    assert not re.search(r"\{[\w:]+\}`|^```\{", PAGES["README.md"].read_text(), re.MULTILINE)


def test_the_citation_states_this_version_and_licence() -> None:
    project = tomllib.loads((pages.ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((pages.ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (skaha.__version__, project["license"])
    assert citation["title"] in PAGES["docs/citing.md"].read_text()
    assert f"version = {{{skaha.__version__}}}" in PAGES["docs/citing.md"].read_text()
    assert f"Release {skaha.__version__}" in PAGES["docs/contributing/releasing.md"].read_text()


def clean_up() -> None:
    """Delete all sessions, so that the next page starts without sessions."""
    with skaha.Session(server="local") as session:
        session.destroy_all()


def public_objects() -> Iterator[tuple[str, object]]:
    """Yield the name and the object of each public class, function and method."""
    for module in PUBLIC:
        for name in getattr(module, "__all__", ()):
            member = getattr(module, name)
            if inspect.isclass(member) or inspect.isfunction(member):
                yield f"{module.__name__}.{name}", member
    for client_class in (skaha.Session, skaha.Images, skaha.Context, skaha.Overview):
        for name, member in inspect.getmembers(client_class, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{client_class.__name__}.{name}", member


PUBLIC_OBJECTS = dict(public_objects())


@pytest.mark.parametrize("name", PUBLIC_OBJECTS)
def test_every_public_name_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(PUBLIC_OBJECTS[name])


def is_exception(public_object: object) -> bool:
    return inspect.isclass(public_object) and issubclass(public_object, BaseException)


@pytest.mark.parametrize(
    "name", [name for name in PUBLIC_OBJECTS if not is_exception(PUBLIC_OBJECTS[name])]
)
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(PUBLIC_OBJECTS[name]) or "")


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module: ModuleType) -> None:
    documented = [other for other in PUBLIC if f".. automodule:: {other.__name__}\n" in REFERENCE]
    for name in getattr(module, "__all__", ()):
        documented_objects = [getattr(other, name, None) for other in documented]
        assert (
            getattr(module, name) in documented_objects
            or f".. autoclass:: skaha.{name}\n" in REFERENCE
            or name == "__version__"
        ), name


@pytest.mark.parametrize("name", [name for name in dir(skaha.Session) if not name.startswith("_")])
def test_every_method_is_in_the_table_of_the_reference(name: str) -> None:
    assert f"`~skaha.Session.{name}`" in (pages.ROOT / "docs/reference/session.md").read_text()


@pytest.mark.parametrize("name", app.list_commands(click.Context(app)))
def test_every_command_is_in_the_table_of_the_page(name: str) -> None:
    page = (pages.ROOT / "docs/reference/cli.md").read_text()
    assert re.search(rf"(?m)^\|[^|]*`{name}\b", page)
