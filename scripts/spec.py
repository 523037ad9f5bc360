"""The description, with an operation for each view: operations by their ids, schemas by names."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pathlib import Path

Parts = dict[str, Any]

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
VIEWS = "x-skaha-views"
OF_A_VIEW = ("operationId", "summary", "description")


class UnreadableError(Exception):
    """A source cannot be read, or has an unexpected form. The message names the reason."""


def read(path: Path) -> Any:
    """Return the content of a file in YAML or JSON, read with the generator's own library."""
    return YAML(typ="safe", pure=True).load(path)


def resolved(document: Parts, node: Parts) -> Parts:
    """Return the target of a reference in a document; return any other node itself."""
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def version_of(document: Parts) -> str:
    """Return the version in the paths of a description, for example `v1`.

    Raises:
        UnreadableError: If the paths have no version, or different versions. The facade replaces
            the version of all paths by the version of the platform.
    """
    found = [re.match(r"/(v\d+)/", path) for path in document["paths"]]
    versions = sorted({version[1] for version in found if version})
    if len(versions) != 1:
        listed = ", ".join(versions) or "no version"
        raise UnreadableError(f"all paths must have the same version, but they have {listed}")
    return versions[0]


def check_words(document: Parts) -> None:
    """Check that no two words of an enumeration have the same name in the generated code.

    Raises:
        UnreadableError: If two words differ only by case. The message of the generator is long.
    """
    nodes: list[Any] = [document]
    while nodes:
        node = nodes.pop()
        nodes += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        words = node.get("enum") if isinstance(node, dict) else None
        known: dict[str, str] = {}
        for word in words if isinstance(words, list) else []:
            other = known.setdefault(str(word).upper(), word)
            if other != word:
                raise UnreadableError(
                    f"the words {other} and {word} of an enumeration differ only by case, so the "
                    "generated code would have one name for both: remove one of them"
                )


def split_views(document: Parts) -> Parts:
    """Return a description in which each view is an operation of its own.

    The fragment in the new paths (`/v1/session#all`) names the view. It is never sent.

    Raises:
        UnreadableError: If the views of an operation and its parameters do not agree.
    """
    document, paths = copy.deepcopy(document), Parts()
    for path, item in document["paths"].items():
        paths[path] = item
        for method in [method for method in item if method in METHODS and VIEWS in item[method]]:
            views = views_of(document, item[method], f"{method.upper()} {path}")
            for name, operation in views.items():
                shared = {key: item[key] for key in item.keys() - METHODS}
                target = paths.setdefault(f"{path}#{name}", shared) if name else item
                target[method] = operation
    return document | {"paths": paths}


def views_of(document: Parts, described: Parts, where: str) -> dict[str, Parts]:
    """Return the operation of each view; the empty name stands for a request without `view`.

    Raises:
        UnreadableError: If the views of the operation and its parameters do not agree.
    """
    views, rest = described[VIEWS], {key: described[key] for key in described if key != VIEWS}
    nodes = [resolved(document, node) for node in described.get("parameters", [])]
    parameters = {node["name"]: node for node in nodes}
    listed = parameters.pop("view", {}).get("schema", {}).get("enum", [])
    if set(views) != {"", *listed}:
        raise UnreadableError(f"{where}: {VIEWS} must have an empty name and the values of `view`")
    operations: dict[str, Parts] = {}
    for name, view in views.items():
        # A view reads all parameters unless it lists some.
        read_parameters = view.get("parameters", list(parameters))
        if unknown := [key for key in read_parameters if key not in parameters]:
            raise UnreadableError(f"{where}: the view {name!r} has unknown parameters: {unknown}")
        schema = {"description": "Selects this view.", "const": name, "default": name}
        fixed = {"name": "view", "in": "query", "required": True, "schema": schema}
        operations[name] = rest | {key: view[key] for key in OF_A_VIEW if key in view}
        operations[name] |= {
            "parameters": [parameters[key] for key in read_parameters] + [fixed] * bool(name),
            "responses": described["responses"] | {"200": view["response"]},
        }
    return operations


@frozen
class Operation:
    """One operation.

    Attributes:
        request: Its method and its path.
        parameters: The schema and the other properties of each parameter by its place and name:
            `query type`, `header x-skaha-registry-auth`, `path sessionID`, `body cores`.
        rest: All other parts of the operation.
        schemas: Names of the schemas that it uses, directly or through other schemas.
    """

    request: str
    parameters: Parts
    rest: Parts
    schemas: set[str]

    @property
    def parts(self) -> Parts:
        """All parts of the operation."""
        return {"method and path": self.request, **self.parameters, **self.rest}


class Spec:
    """The operations and the schemas of a description.

    Attributes:
        operations: Each operation by its id.
        schemas: The words, the members and the other parts of each schema by its name.
        rest: All other parts of the description.
    """

    def __init__(self, document: Parts) -> None:
        """Read a parsed description that the generator accepts."""
        self._document = split_views(document)
        components = self._document.get("components", {})
        schemas, schemes = components.get("schemas", {}), components.get("securitySchemes", {})
        self.schemas = {name: _parts(schema) for name, schema in schemas.items()}
        self.rest = {
            name: part for name, part in document.items() if name not in {"paths", "components"}
        } | {f"security scheme {name}": scheme for name, scheme in schemes.items()}
        self.operations: dict[str, Operation] = {}
        for path, item in self._document["paths"].items():
            for method in filter(METHODS.__contains__, item):
                request, described = f"{method.upper()} {path}", item[method]
                operation_id = described.get("operationId", request)
                self.operations[operation_id] = self._operation(request, item, described)

    def _operation(self, request: str, item: Parts, described: Parts) -> Operation:
        parameters: Parts = {}
        for listed in [*item.get("parameters", []), *described.get("parameters", [])]:
            parameter = resolved(self._document, listed)
            place_and_name = f"{parameter['in']} {parameter['name']}"
            parameters[place_and_name] = {"required": False} | _flat(parameter, "schema")
        body = resolved(self._document, described.get("requestBody", {}))
        for content in body.get("content", {}).values():
            schema = resolved(self._document, content.get("schema", {}))
            needed, members = schema.get("required", []), schema.get("properties", {})
            parameters |= {
                f"body {name}": {"required": name in needed, **member}
                for name, member in members.items()
            }
        other_names = described.keys() - {"operationId", "parameters", "responses", "requestBody"}
        responses = {
            f"response {status}": _flat(resolved(self._document, response), "content")
            for status, response in described["responses"].items()
        }
        rest = {name: described[name] for name in sorted(other_names)} | responses
        rest |= {"body": {"required": False} | _flat(body, "content")} if body else {}
        schemas = self._schemas_in([parameters, body, responses])
        return Operation(request, parameters, rest, schemas)

    def _schemas_in(self, nodes: Any) -> set[str]:
        """Return the names of the schemas to which the nodes refer, directly or not."""
        references: set[str] = set()
        waiting = [nodes]
        while waiting:
            match waiting.pop():
                case {"$ref": str(reference)}:
                    if reference not in references:
                        references.add(reference)
                        waiting.append(resolved(self._document, {"$ref": reference}))
                case dict(members):
                    waiting += members.values()
                case list(items):
                    waiting += items
        return {reference.rpartition("/")[2] for reference in references}


def has_fixed_value(schema: Parts) -> bool:
    """Return whether a parameter has only one value, which the generated code sends by default."""
    return "const" in schema and schema.get("default") == schema["const"]


def changes(old: Parts, new: Parts) -> list[str]:
    """Return the new (+), removed (-) and changed (~) parts, these with the changed properties."""
    added = [f"+ {name}" for name in new if name not in old]
    removed = [f"- {name}" for name in old if name not in new]
    changed = [name for name in new if name in old and _text(old[name]) != _text(new[name])]
    return added + removed + [f"~ {name}{_properties(old[name], new[name])}" for name in changed]


def _properties(old: Any, new: Any) -> str:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return ""
    names = [name for name in old | new if _text(old.get(name)) != _text(new.get(name))]
    return f" ({', '.join(names)})"


def _flat(node: Parts, name: str) -> Parts:
    """Return the properties of a node, with those of one property in its place."""
    return {key: value for key, value in node.items() if key != name} | dict(node.get(name, {}))


def _text(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def _parts(schema: Parts) -> Parts:
    parts: Parts = dict.fromkeys(schema.get("enum", [])) | schema.get("properties", {})
    rest = {key: value for key, value in schema.items() if key not in {"enum", "properties"}}
    return parts | {f"({key})": value for key, value in rest.items()}
