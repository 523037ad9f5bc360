"""The operations that each public method of the facade calls, read from the source of the facade.

The calls of a public method include the calls of the methods, helper functions and helper classes
of `skaha/_async` that it uses, directly or not. Functions are told apart by their names only, so a
method can have a call too many, but it never has a call too few.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Names of the client in the functions and classes that receive it.
CLIENTS = {"client", "session", "self._client"}
# The only function that builds a request without an endpoint.
SENDS_ITSELF = {"_log_request": "get_session_logs"}


@frozen
class Use:
    """The calls of one operation in the facade.

    Attributes:
        methods: Public methods that call the operation, for example `Session.create`.
        arguments: Names of the arguments in plain letters, with `body ` before members of a body.
    """

    methods: set[str] = field(factory=set)
    arguments: set[str] = field(factory=set)

    def has(self, parameter: str) -> bool:
        """Return whether a parameter, for example `query type`, is an argument of a call."""
        place, name = parameter.split(" ", 1)
        # Each call has the parameters of its path.
        return place == "path" or _plain(name, in_body=place == "body") in self.arguments


@cache
def uses(root: Path) -> dict[str, Use]:
    """Return the use of each operation that the facade in a checkout calls."""
    facade = _Facade(root / "skaha" / "_async")
    found = defaultdict[str, Use](Use)
    for method, function in facade.reachable_functions():
        for operation, arguments in facade.calls(function):
            found[operation].methods.add(method)
            found[operation].arguments.update(arguments)
    return dict(found)


def words_of_models(root: Path) -> dict[str, set[str]]:
    """Return the words of each `Literal` in the models of the facade."""
    return {
        target.id: {str(word.value) for word in ast.walk(literal) if isinstance(word, ast.Constant)}
        for node in _body(root / "skaha" / "models.py")
        if isinstance(node, ast.AnnAssign)
        and isinstance(target := node.target, ast.Name)
        and isinstance(literal := node.value, ast.Subscript)
        and ast.unparse(literal.value) == "Literal"
    }


def records_of_models(root: Path) -> set[str]:
    """Return the names of the typed dictionaries in the models of the facade."""
    body = _body(root / "skaha" / "models.py")
    names = {node.name for node in body if isinstance(node, ast.ClassDef)}
    return {name for name in names if name.endswith("Record")}


def readers_of(root: Path, words: set[str]) -> list[str]:
    """Return the files that contain one of these words: code, samples of the tests, and pages.

    Code contains a word as a whole text or as the name of a member.
    """
    code = [*(root / "skaha").rglob("*.py"), root / "tests" / "samples.py"]
    texts = [*(root / "docs").rglob("*.md"), *(root / "tests" / "recorded").glob("*.toml")]
    found = {path for path in code if "_sync" not in path.parts and words & _words_of_code(path)}
    for path in (*texts, root / "README.md"):
        found |= {path} if words & set(re.findall(r"[\w-]+", path.read_text())) else set()
    return sorted(str(path.relative_to(root)) for path in found)


@cache
def _words_of_code(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    members = {ast.unparse(node.target) for node in nodes if isinstance(node, ast.AnnAssign)}
    return members | {str(node.value) for node in nodes if isinstance(node, ast.Constant)}


class _Facade:
    """The functions and classes in the async source of the facade."""

    def __init__(self, folder: Path) -> None:
        self._classes: dict[str, ast.ClassDef] = {}
        self._public: list[ast.ClassDef] = []
        # Functions, and methods of classes in private modules, by their names.
        self._helpers = defaultdict[str, list[Function]](list)
        for path in sorted(folder.glob("*.py")):
            for node in _body(path):
                if isinstance(node, Function):
                    self._helpers[node.name].append(node)
                elif isinstance(node, ast.ClassDef):
                    self._classes[node.name] = node
                    if not path.name.startswith("_"):
                        self._public.append(node)
                    for method in _methods(node) if path.name.startswith("_") else ():
                        # Python calls special methods, so the name of the class stands for them.
                        is_special = method.name.startswith("__")
                        self._helpers[node.name if is_special else method.name].append(method)

    def reachable_functions(self) -> Iterator[tuple[str, Function]]:
        """Yield each public method, for example `Session.create`, with each function it uses."""
        for owner in self._public:
            methods = self._all_methods(owner)
            for name in methods:
                if not name.startswith("_"):
                    public_name = f"{owner.name.removeprefix('Async')}.{name}"
                    for function in self._reachable(name, methods):
                        yield public_name, function

    def _all_methods(self, owner: ast.ClassDef) -> dict[str, Function]:
        """Return the methods of a class and of its bases by name."""
        methods: dict[str, Function] = {}
        for base in reversed(owner.bases):
            if known := self._classes.get(ast.unparse(base)):
                methods |= self._all_methods(known)
        # The last overload of a method has the body.
        return methods | {method.name: method for method in _methods(owner)}

    def _reachable(self, name: str, methods: dict[str, Function]) -> list[Function]:
        reachable = [methods[name]]
        for function in reachable:  # the list grows during the loop
            clients = CLIENTS | {"self"} if function in methods.values() else CLIENTS
            for node in ast.walk(function):
                match node:
                    case ast.Attribute(receiver, name) if ast.unparse(receiver) in clients:
                        callees = [methods[name]] if name in methods else []
                    case ast.Attribute(_, name) | ast.Name(name):
                        callees = self._helpers.get(name, [])
                    case _:
                        callees = []
                reachable += [callee for callee in callees if callee not in reachable]
        return reachable

    def calls(self, function: Function) -> Iterator[tuple[str, set[str]]]:
        """Yield each operation that a function itself calls, with the names of the arguments."""
        if function.name in SENDS_ITSELF:
            yield SENDS_ITSELF[function.name], set()
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        called = [ast.unparse(call.func) for call in calls]
        helpers = [helper for name in called for helper in self._helpers.get(name, ())]
        in_body = {
            _plain(name, in_body=True) for part in (function, *helpers) for name in _members(part)
        }
        for call in calls:
            match call.func:
                case ast.Attribute(ast.Name(operation), "asyncio" | "asyncio_detailed"):
                    names = _keywords(call)
                    yield operation, in_body | {_plain(name, in_body=False) for name in names}


def _body(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text()).body


def _methods(owner: ast.ClassDef) -> list[Function]:
    return [node for node in owner.body if isinstance(node, Function)]


def _members(function: Function) -> Iterator[str]:
    """Yield the members of the request models that a function makes."""
    models = {
        alias.name
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.module == "skaha_api.models"
        for alias in node.names
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in models:
            yield from _keywords(node)


def _keywords(call: ast.Call) -> list[str]:
    """Return the names of the keyword arguments. A dictionary of arguments would hide them."""
    names = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    if len(names) < len(call.keywords):
        raise SystemExit(f"name each argument: {ast.unparse(call)}")
    return names


def _plain(name: str, *, in_body: bool) -> str:
    """Return a name in plain letters: `x-a` in HTTP, `x_a` and `xA` in Python are all `xa`."""
    return "body " * in_body + re.sub(r"[^a-z0-9]", "", name.lower())
