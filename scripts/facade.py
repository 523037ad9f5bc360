"""Reads the source of the facade: which of its methods send which operations, and with what."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Use(NamedTuple):
    """How the facade uses one operation.

    Attributes:
        methods: The public methods that send it, as `Session.create`.
        given: What its request is made of, spelled plainly; members of a body after `body`.
    """

    methods: set[str]
    given: set[str]

    def gives(self, parameter: str) -> bool:
        """Say whether a parameter, as `query type`, is among what the request is made of."""
        where, name = parameter.split(" ", 1)
        # What is in a path has no default: there is no request without it.
        return where == "path" or _spelled(name, in_body=where == "body") in self.given


def uses(root: Path) -> dict[str, Use]:
    """Return how the facade of a checkout uses each operation that it uses."""
    senders = _senders(root / "skaha" / "_async")
    found: dict[str, Use] = {}
    for builder in _functions(_parsed(root / "skaha" / "_requests.py")):
        if methods := senders.get(builder.name):
            for operation, given in _requests_of(builder):
                use = found.setdefault(operation, Use(set(), set()))
                use.methods.update(methods)
                use.given.update(given)
    return found


def words_of_models(root: Path) -> dict[str, set[str]]:
    """Return the words of each `Literal` of the models."""
    return {
        target.id: {str(word.value) for word in ast.walk(literal) if isinstance(word, ast.Constant)}
        for node in _parsed(root / "skaha" / "models.py").body
        if isinstance(node, ast.AnnAssign)
        and isinstance(target := node.target, ast.Name)
        and isinstance(literal := node.value, ast.Subscript)
        and ast.unparse(literal.value) == "Literal"
    }


def records_of_models(root: Path) -> set[str]:
    """Return the names of the typed dictionaries of the models that are named after schemas."""
    return {
        node.name
        for node in _parsed(root / "skaha" / "models.py").body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Record")
    }


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), path)


def _functions(owner: ast.Module | ast.ClassDef) -> list[Function]:
    return [node for node in owner.body if isinstance(node, Function)]


def _spelled(name: str, *, in_body: bool) -> str:
    """Return a name as neither HTTP nor Python spells it: `x-a`, `x_a` and `xA` are all `xa`."""
    return "body " * in_body + re.sub(r"[^a-z0-9]", "", name.lower())


def _requests_of(builder: Function) -> Iterator[tuple[str, set[str]]]:
    """Yield each operation that a function of `_requests` builds, and what it is given there."""
    imported = {
        alias.name: str(node.module)
        for node in ast.walk(builder)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    calls = [node for node in ast.walk(builder) if isinstance(node, ast.Call)]
    in_body = {
        _spelled(name, in_body=True)
        for call in calls
        if imported.get(ast.unparse(call.func)) == "skaha_api.models"
        for name in _keywords(call)
    }
    for call in calls:
        operation, _, called = ast.unparse(call.func).partition(".")
        if called == "_get_kwargs":
            yield operation, in_body | {_spelled(name, in_body=False) for name in _keywords(call)}


def _keywords(call: ast.Call) -> list[str]:
    """Return the names of what is given by name; each must be spelled out, to be seen here."""
    names = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    if len(names) < len(call.keywords):
        raise SystemExit(f"spell each argument out: {ast.unparse(call)}")
    return names


def _senders(folder: Path) -> dict[str, set[str]]:
    """Return by function of `_requests` the public methods that call it, directly or not."""
    modules = {path: _parsed(path) for path in sorted(folder.glob("*.py"))}
    classes = {
        node.name: node
        for module in modules.values()
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }
    senders: dict[str, set[str]] = {}
    for path, module in modules.items():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not path.name.startswith("_"):
                methods = _methods(node, classes)
                for name in methods:
                    for builder in _called(name, methods) if not name.startswith("_") else ():
                        public = f"{node.name.removeprefix('Async')}.{name}"
                        senders.setdefault(builder, set()).add(public)
    return senders


def _methods(owner: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, Function]:
    """Return the methods of a class by name, those of its bases included."""
    methods: dict[str, Function] = {}
    for base in reversed(owner.bases):
        if known := classes.get(ast.unparse(base)):
            methods |= _methods(known, classes)
    # Of a method with overloads, the last one has the body.
    return methods | {method.name: method for method in _functions(owner)}


def _called(name: str, methods: dict[str, Function]) -> set[str]:
    """Return the functions of `_requests` that a method calls, directly or not."""
    builders: set[str] = set()
    seen, waiting = {name}, [name]
    while waiting:
        for node in ast.walk(methods[waiting.pop()]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "_requests":
                    builders.add(node.attr)
                elif node.value.id == "self" and node.attr in methods.keys() - seen:
                    seen.add(node.attr)
                    waiting.append(node.attr)
    return builders
