"""Reads a description in the generator's terms: operations by their ids, schemas by their names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pathlib import Path

Parts = dict[str, Any]

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def read(path: Path) -> Any:
    """Return what a file of YAML or JSON holds, read as the generator does."""
    return YAML(typ="safe", pure=True).load(path)


def resolved(document: Parts, said: Parts) -> Parts:
    """Return what a reference in a document stands for; anything else stands for itself."""
    while "$ref" in said:
        found = document
        for step in said["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        said = found
    return said


class Operation(NamedTuple):
    """One operation.

    Attributes:
        request: Its method and its path.
        parameters: The schema of each parameter, by where it travels and its name: `query type`,
            `header x-skaha-registry-auth`, `path sessionID`, `body cores`.
        rest: Whatever else is said of it.
        schemas: Names of the schemas that it needs, directly or through others.
    """

    request: str
    parameters: Parts
    rest: Parts
    schemas: set[str]

    @property
    def parts(self) -> Parts:
        """All that is said of it."""
        return {"method and path": self.request, **self.parameters, **self.rest}


class Spec:
    """What a description says.

    Attributes:
        operations: Each operation, by its id.
        schemas: The words or the members of each schema, and what else is said of it, by its name.
    """

    def __init__(self, document: Parts) -> None:
        """Take what a file holds that the generator takes for a description."""
        self._document = document
        schemas = self._document.get("components", {}).get("schemas", {})
        self.schemas = {name: _parts(schema) for name, schema in schemas.items()}
        self.operations: dict[str, Operation] = {}
        for path, shared in self._document["paths"].items():
            for method in filter(METHODS.__contains__, shared):
                request, said = f"{method.upper()} {path}", shared[method]
                operation_id = said.get("operationId", request)
                self.operations[operation_id] = self._operation(request, shared, said)

    def _operation(self, request: str, shared: Parts, said: Parts) -> Operation:
        parameters: Parts = {}
        for listed in [*shared.get("parameters", []), *said.get("parameters", [])]:
            parameter = self._real(listed)
            parameters[f"{parameter['in']} {parameter['name']}"] = {
                "required": parameter.get("required", False),
                **parameter.get("schema", {}),
            }
        body = self._real(said.get("requestBody", {}))
        for content in body.get("content", {}).values():
            members = self._real(content.get("schema", {})).get("properties", {})
            parameters |= {f"body {name}": schema for name, schema in members.items()}
        kept = said.keys() - {"operationId", "parameters", "responses", "requestBody"}
        answers = {f"answer {key}": self._real(one) for key, one in said["responses"].items()}
        rest = {name: said[name] for name in sorted(kept)} | answers
        return Operation(request, parameters, rest, self._needed([parameters, body, answers]))

    def _real(self, said: Parts) -> Parts:
        return resolved(self._document, said)

    def _needed(self, said: Any) -> set[str]:
        """Return the names of the schemas that something refers to, directly or not."""
        references: set[str] = set()
        waiting = [said]
        while waiting:
            match waiting.pop():
                case {"$ref": str(reference)}:
                    if reference not in references:
                        references.add(reference)
                        waiting.append(self._real({"$ref": reference}))
                case dict(members):
                    waiting += members.values()
                case list(items):
                    waiting += items
        return {reference.rpartition("/")[2] for reference in references}


def is_sent_by_itself(schema: Parts) -> bool:
    """Say whether a parameter has one value only, which nobody has to give."""
    return "const" in schema and schema.get("default") == schema["const"]


def changes(old: Parts, new: Parts) -> list[str]:
    """Return what was added (+), what was taken away (-) and what is said differently (~)."""
    added = [f"+ {name}" for name in new if name not in old]
    removed = [f"- {name}" for name in old if name not in new]
    both = [name for name in new if name in old]
    return added + removed + [f"~ {name}" for name in both if _text(old[name]) != _text(new[name])]


def _text(said: Any) -> str:
    return json.dumps(said, sort_keys=True)


def _parts(schema: Parts) -> Parts:
    parts: Parts = dict.fromkeys(schema.get("enum", [])) | schema.get("properties", {})
    rest = {key: value for key, value in schema.items() if key not in {"enum", "properties"}}
    return parts | {f"({key})": value for key, value in rest.items()}
