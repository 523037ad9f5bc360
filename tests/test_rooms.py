"""Who may know whom: the rooms of the house, and no circle of imports among their files."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
FILES = {
    ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__"): path
    for base in (ROOT, ROOT / "generated")
    for package in base.glob("skaha*")
    if package.is_dir()
    for path in sorted(package.rglob("*.py"))
}


def imported(name: str) -> Iterator[str]:
    """Yield the modules of ours that a module imports when it runs, at once or later."""
    waiting: list[ast.AST] = [ast.parse(FILES[name].read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in FILES)
        elif isinstance(node, ast.ImportFrom):
            package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
            for _ in range(node.level - 1):
                package = package.rpartition(".")[0]
            module = ".".join(filter(None, [package if node.level else "", node.module]))
            for one in node.names:
                found = f"{module}.{one.name}"
                if found in FILES or module in FILES:
                    yield found if found in FILES else module
        waiting += ast.iter_child_nodes(node)


GRAPH = {name: sorted(set(imported(name)) - {name}) for name in FILES}


def is_in(name: str, *rooms: str) -> bool:
    return any(f"{name}.".startswith(f"{room}.") for room in rooms)


def is_private(name: str) -> bool:
    return any(part.startswith("_") for part in name.split(".")[1:])


def test_there_are_no_circles():
    ours = {name: found for name, found in GRAPH.items() if not is_in(name, "skaha_api")}
    assert list(TopologicalSorter(ours).static_order())


RULES = {
    "skaha_api": lambda known: is_in(known, "skaha_api"),
    "skaha.errors": lambda _: False,
    "skaha.records": lambda _: False,
    "skaha.local": lambda known: is_in(known, "skaha.local"),
    "skaha.cli": lambda known: is_in(known, "skaha.cli", "skaha._version") or not is_private(known),
    **dict.fromkeys(
        ["skaha._async", "skaha._sync"],
        lambda known: not is_in(known, "skaha.cli", "skaha.local", "skaha.config", "skaha.auth"),
    ),
}


@pytest.mark.parametrize("room", RULES)
def test_a_room_knows_only_whom_it_may(room):
    strangers = {
        (name, known)
        for name in GRAPH
        if is_in(name, room)
        for known in GRAPH[name]
        if not RULES[room](known)
    }
    assert strangers == set()
