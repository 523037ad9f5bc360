"""Imports between the files and folders of the project: one direction and no cycles.

`faults` reads the source of a checkout. It counts imports at the start of a file, inside functions
and under `TYPE_CHECKING`, and modules that are imported by their names.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent

# Each folder, and each file in the root of the package, may import those of lower levels.
LEVELS = [
    ["__main__"],
    ["cli", "dask"],
    ["__init__"],
    ["session", "images", "context", "overview"],
    ["_async", "_sync"],
    ["client", "auth"],
    ["config", "helpers"],
    ["_credentials"],
    ["_transport"],
    ["_sansio"],
    ["errors", "models", "records", "results", "retry"],
    ["_lazy", "_version", "_atomic_file"],
]
# The files of these levels may import each other.
GROUPS = LEVELS[-2:]
LEVEL_OF = {name: number for number, names in enumerate(LEVELS) for name in names}
# These packages import nothing of ours; only the named folders import them.
SEPARATE = {"skaha_api": {"_async", "_sync", "_transport", "_sansio"}, "local": {"client", "cli"}}
MAX_PRIVATE_FILES = 3
# These functions import modules by their names.
LAZY = {"import_module", "importing"}


@frozen
class Module:
    """One source file: its module name, its path below the checkout, and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def place(self) -> str:
        """The folder or the file in the root of the package that contains the module."""
        package, *parts = self.name.split(".")
        return package if package != "skaha" else parts[0] if parts else "__init__"


Graph = dict[str, set[str]]


def read_modules(root: Path) -> dict[str, Module]:
    """Return the modules of both packages in a checkout by their names."""
    modules = {}
    for base, package in ((root, "skaha"), (root / "generated", "skaha_api")):
        for path in sorted((base / package).rglob("*.py")):
            name = ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
            modules[name] = Module(name, path.relative_to(root), ast.parse(path.read_text()))
    return modules


def imports_of(module: Module, modules: dict[str, Module]) -> set[str]:
    """Return the names of our modules that a module imports at any time."""
    return {name for name in _imports(module, modules) if name in modules} - {module.name}


def _imports(module: Module, modules: dict[str, Module]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(_, names, level):
                package = module.name.split(".")
                if module.path.name != "__init__.py":
                    package.pop()
                base = package[: len(package) - level + 1] if level else []
                source = ".".join([*base, *filter(None, [node.module])])
                for alias in names:
                    full_name = f"{source}.{alias.name}"
                    yield full_name if full_name in modules else source
            case ast.Call(ast.Name(function) | ast.Attribute(_, function)) if function in LAZY:
                texts = {text.value for text in ast.walk(node) if isinstance(text, ast.Constant)}
                # An f-string with the name of a package means all modules in the package.
                yield from texts
                yield from (name for name in modules if f"{name.rpartition('.')[0]}." in texts)


def faults(root: Path) -> list[str]:
    """Return a sentence for each fault in the layout of a checkout."""
    modules = read_modules(root)
    ours = {name: module for name, module in modules.items() if module.place != "skaha_api"}
    graph = {name: imports_of(module, modules) for name, module in modules.items()}
    between_places: Graph = {module.place: set() for module in ours.values()}
    for name, module in ours.items():
        imported = {modules[other].place for other in graph[name]}
        between_places[module.place] |= imported - {module.place}
    return [
        *cycles("files", {name: graph[name] for name in ours}),
        *cycles("folders", between_places),
        *wrong_imports(graph, modules),
        *private_names_in_the_cli(graph, modules),
        *wrong_places(graph, ours),
    ]


def cycles(kind: str, graph: Graph) -> Iterator[str]:
    """Yield each group whose members reach each other, directly or through others."""
    reachable = {name: reached_from(name, graph) for name in graph}
    groups = {
        frozenset(other for other in reachable[name] if name in reachable.get(other, ()))
        for name in graph
        if name in reachable[name]
    }
    yield from sorted(f"import cycle of {kind}: {', '.join(sorted(group))}" for group in groups)


def reached_from(start: str, graph: Graph) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        new_names = graph.get(waiting.pop(), set()) - reached
        reached |= new_names
        waiting += new_names
    return reached


def wrong_imports(graph: Graph, modules: dict[str, Module]) -> Iterator[str]:
    """Yield each import that the order of the levels forbids."""
    for name in graph:
        for other in sorted(graph[name]):
            place, target = modules[name].place, modules[other].place
            if place != target and (reason := forbidden(place, target, other)):
                yield f"{name} imports {other}: {reason}"


def forbidden(place: str, target: str, module: str) -> str:
    """Return the reason why a place must not import a module of another place, or nothing."""
    if place in SEPARATE:
        return f"{place} imports nothing of ours"
    if target in SEPARATE:
        if place not in SEPARATE[target]:
            return f"only {', '.join(sorted(SEPARATE[target]))} may"
        is_plain = module.startswith(("skaha_api.models", "skaha_api.types"))
        return "" if place != "_sansio" or is_plain else "only models and types are allowed"
    if place not in LEVEL_OF or target not in LEVEL_OF:
        return ""
    is_downwards = LEVEL_OF[place] < LEVEL_OF[target]
    is_grouped = LEVEL_OF[place] == LEVEL_OF[target] and LEVELS[LEVEL_OF[place]] in GROUPS
    return "" if is_downwards or is_grouped else "not downwards"


def private_names_in_the_cli(graph: Graph, modules: dict[str, Module]) -> Iterator[str]:
    """Yield each private name of other places that the command line uses."""
    for name in (name for name, module in modules.items() if module.place == "cli"):
        others = {other for other in graph[name] if modules[other].place != "cli"}
        private = {other for other in others if any(map(is_private, other.split(".")))}
        private.update(_private_names(modules[name], modules))
        yield from (f"{name} uses the private name {used}" for used in sorted(private))


def _private_names(module: Module, modules: dict[str, Module]) -> Iterator[str]:
    """Yield the private attributes of other objects, and the private names from other places."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(ast.Name("self" | "cls")):
                pass
            case ast.Attribute(_, attribute) if is_private(attribute):
                yield ast.unparse(node)
            case ast.ImportFrom(str(source), names, 0) if (
                modules.get(source, module).place != "cli"
            ):
                yield from (f"{source}.{alias.name}" for alias in names if is_private(alias.name))


def is_private(name: str) -> bool:
    """Return whether a name begins with one underscore."""
    return name.startswith("_") and not name.startswith("__")


def wrong_places(graph: Graph, ours: dict[str, Module]) -> Iterator[str]:
    """Yield each file that has no place in the layout, or not the right place."""
    places = {module.place for module in ours.values()} - {"local"}
    yield from (f"{place} has no level" for place in sorted(places - LEVEL_OF.keys()))
    in_root = [module for module in ours.values() if module.path.parent == Path("skaha")]
    private = sorted(module.path.name for module in in_root if is_private(module.path.name))
    if len(private) > MAX_PRIVATE_FILES:
        yield f"{len(private)} private files in the root: {', '.join(private)}"
    for name, module in ours.items():
        users = [other for other in ours if name in graph[other]]
        if is_private(module.path.name) and len(users) == 1:
            [user] = users
            if ours[user].path.parent != module.path.parent:
                yield f"{name} is used by {user} only, and does not lie beside it"


def test_the_project_has_no_fault():
    assert faults(ROOT) == []


# Tests of `faults`: small checkouts, each with one fault.

GOOD = {
    "__init__": "if TYPE_CHECKING:\n    from skaha.session import Session",
    "_version": "",
    "errors": "from skaha._version import __version__",
    "models": "from skaha.errors import SkahaError",
    "_sansio/__init__": "",
    "_sansio/checks": "from skaha.models import KINDS\nfrom skaha_api.models import Session",
    "_transport/__init__": "",
    "_transport/pool": "from skaha._sansio import checks\nimport skaha_api.client",
    "client": "def start():\n    from skaha import local\n    from skaha._transport import pool",
    "_async/__init__": "",
    "_async/session": "from skaha.client import Client\nfrom skaha_api.api.session import fetch",
    "session": "importing(__name__, {'AsyncSession': 'skaha._async.session'})",
    "local/__init__": "from skaha.local._store import Store",
    "local/_store": "",
    "cli/__init__": "from skaha import Session, __version__, local\nfrom skaha.cli._app import app",
    "cli/_app": "import_module(f'skaha.cli.commands.{name}')",
    "cli/commands/__init__": "",
    "cli/commands/ps": "from skaha.models import KINDS\nself._kinds = KINDS",
    "__main__": "from skaha.cli import main",
}

GENERATED = ["__init__", "client", "models/__init__", "models/session", "api/__init__"]
GENERATED += ["api/session/__init__", "api/session/fetch"]


def write(root, **changes):
    """Write a small checkout, with the text of some files changed; a text is appended to `GOOD`."""
    texts = {f"skaha/{name}": text for name, text in GOOD.items()}
    texts |= {f"generated/skaha_api/{name}": "" for name in GENERATED}
    for name, text in changes.items():
        place = name if name.startswith("generated/") else f"skaha/{name}"
        texts[place] = f"{texts.get(place, '')}\n{text}"
    for name, text in texts.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


ONLY_THESE = "only _async, _sansio, _sync, _transport may"
ONLY_RECORDS = "only models and types are allowed"


def test_a_good_checkout_has_no_fault(tmp_path):
    assert faults(write(tmp_path)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"_transport/a": "from . import b", "_transport/b": "def f():\n    from .a import x"},
            ["import cycle of files: skaha._transport.a, skaha._transport.b"],
        ),
        (
            {
                "models": "if TYPE_CHECKING:\n    from skaha.records import Record",
                "records": "def f():\n    import skaha.retry",
                "retry": "importlib.import_module('skaha.models')",
            },
            [
                "import cycle of files: skaha.models, skaha.records, skaha.retry",
                "import cycle of folders: models, records, retry",
            ],
        ),
        (
            {"_transport/a": "from skaha.client import Client"},
            [
                "import cycle of folders: _transport, client",
                "skaha._transport.a imports skaha.client: not downwards",
            ],
        ),
        (
            {"cli/commands/ps": "from skaha.cli._app import app"},
            ["import cycle of files: skaha.cli._app, skaha.cli.commands.ps"],
        ),
        (
            {"_sync/__init__": "", "_sync/session": "from skaha._async import session"},
            ["skaha._sync.session imports skaha._async.session: not downwards"],
        ),
        (
            {"cli/commands/ps": "from skaha._sansio import checks"},
            ["skaha.cli.commands.ps uses the private name skaha._sansio.checks"],
        ),
        (
            {"cli/commands/ps": "from skaha.models import _hidden\nsession._retry"},
            [
                "skaha.cli.commands.ps uses the private name session._retry",
                "skaha.cli.commands.ps uses the private name skaha.models._hidden",
            ],
        ),
        (
            {"local/_store": "def f():\n    from skaha.errors import SkahaError"},
            ["skaha.local._store imports skaha.errors: local imports nothing of ours"],
        ),
        (
            {"generated/skaha_api/client": "import skaha.models"},
            ["skaha_api.client imports skaha.models: skaha_api imports nothing of ours"],
        ),
        (
            {"session": "from skaha import local"},
            ["skaha.session imports skaha.local: only cli, client may"],
        ),
        (
            {"models": "from skaha_api.models.session import Session"},
            ["skaha.models imports skaha_api.models.session: " + ONLY_THESE],
        ),
        (
            {"_sansio/checks": "if TYPE_CHECKING:\n    from skaha_api.api.session import fetch"},
            ["skaha._sansio.checks imports skaha_api.api.session.fetch: " + ONLY_RECORDS],
        ),
        (
            {"_lazy": "", "_atomic_file": "", "_html": ""},
            [
                "_html has no level",
                "4 private files in the root: _atomic_file.py, _html.py, _lazy.py, _version.py",
            ],
        ),
        (
            {"_transport/_proxies": "", "client": "from skaha._transport import _proxies"},
            ["skaha._transport._proxies is used by skaha.client only, and does not lie beside it"],
        ),
    ],
)
def test_each_fault_is_found(tmp_path, changes, expected):
    assert faults(write(tmp_path, **changes)) == expected
