"""What the description says of answers: which are right, and what in them it does not know."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError
from regenerate import SPEC
from spec import read, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN_WORD = "nosuchword"  # for a filter; no platform has it

JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}


def printable(text: str, longest: int = 160) -> str:
    """Return a platform's text as one short line that no terminal obeys."""
    line = "".join(
        letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split())
    )
    return line if len(line) <= longest else f"{line[:longest]} …"


@dataclass(frozen=True)
class Operation:
    """One operation of the description, without references but in schemas."""

    name: str
    method: str
    path: str
    ids: frozenset[str]
    view: dict[str, str]
    filters: dict[str, list[str]]
    responses: dict[str, dict[str, Any]]
    anonymous: bool

    def queries(self) -> Iterator[dict[str, str]]:
        """Give every query worth asking: one filter at a time, with every word for it."""
        yield self.view
        for name, words in self.filters.items():
            for word in words:
                yield self.view | {name: word}

    def content(self, status: int) -> dict[str, Any]:
        """Return what is described for this status, by media type."""
        response = self.responses.get(str(status), self.responses["default"])
        content: dict[str, Any] = response["content"]
        return content


class Description:
    """The description: its operations, and what it says of a value."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take it as it was read."""
        self._document = document
        self._components = document["components"]
        self._closed_components = closed(self._components)
        self.operations = {
            operation["operationId"]: self._operation(path, method, shared, operation)
            for path, shared in document["paths"].items()
            for method, operation in shared.items()
            if method != "parameters"
        }

    def _operation(
        self, path: str, method: str, shared: dict[str, Any], operation: dict[str, Any]
    ) -> Operation:
        named = [*shared.get("parameters", []), *operation.get("parameters", [])]
        parameters = [resolved(self._document, parameter) for parameter in named]
        asked = [one for one in parameters if one["in"] == "query"]
        return Operation(
            name=operation["operationId"],
            method=method.upper(),
            path=path.partition("#")[0],
            ids=frozenset(one["name"] for one in parameters if one["in"] == "path"),
            view={one["name"]: one["schema"]["const"] for one in asked if one.get("required")},
            filters={
                one["name"]: list(self._words(one["schema"]))
                for one in asked
                if not one.get("required")
            },
            responses={
                status: resolved(self._document, response)
                for status, response in operation["responses"].items()
            },
            anonymous=operation.get("security") == [],
        )

    def _words(self, schema: dict[str, Any]) -> Iterator[str]:
        """Give the words that a schema knows, and one that it does not if it is open."""
        schema = resolved(self._document, schema)
        if "const" in schema:
            yield schema["const"]
        yield from schema.get("enum", ())
        for one in schema.get("anyOf", ()):
            yield from [UNKNOWN_WORD] if one == {"type": "string"} else self._words(one)

    def differences(self, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, str]]:
        """Give where a value breaks its schema, and how."""
        validator = Draft202012Validator(schema | {"components": self._components})
        for error in validator.iter_errors(value):
            yield place(error), complaint(error)

    def news(self, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, str]]:
        """Give where a value has what its schema does not know, and allows."""
        validator = Draft202012Validator(closed(schema) | {"components": self._closed_components})
        for error in validator.iter_errors(value):
            for leaf in error.context or [error]:
                if leaf.validator == "additionalProperties":
                    for name in leaf.instance.keys() - leaf.schema["properties"].keys():
                        yield f"{place(leaf)}.{printable(name, 40)}", "unknown field"
                elif leaf.validator == "enum" and isinstance(leaf.instance, str):
                    yield place(leaf), f"unknown word {printable(leaf.instance, 40)!r}"


@functools.cache
def description() -> Description:
    """Return the description of this checkout."""
    return Description(read(SPEC))


def closed(schema: Any) -> Any:
    """Return a schema that allows the described fields and words only."""
    if isinstance(schema, list):
        return [closed(one) for one in schema if one != {"type": "string"}]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(one) for name, one in schema.items()}
    return result | {"additionalProperties": False} if "properties" in result else result


def place(error: ValidationError) -> str:
    """Return where an error is, the same for every item of a list."""
    steps = ("[*]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "$" + "".join(steps)


def complaint(error: ValidationError) -> str:
    """Return what is wrong, without the value: it may be somebody's secret."""
    if error.validator == "required":
        return error.message  # it names the field
    types: list[str] = []
    for leaf in error.context or [error]:
        if leaf.validator == "type":
            allowed: Any = leaf.validator_value
            types += [allowed] if isinstance(allowed, str) else allowed
    if types:
        found = "null" if error.instance is None else JSON_TYPES.get(type(error.instance), "object")
        return f"{found}, not {' or '.join(dict.fromkeys(types))}"
    return f"breaks {error.validator} {json.dumps(error.validator_value)}"
