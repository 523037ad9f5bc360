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
        """Yield each place in which a value breaks its schema, and the reason."""
        validator = Draft202012Validator(schema | {"components": self._components})
        for error in validator.iter_errors(value):
            causes = leaves(error)
            # The alternative that the platform meant fails inside; the others fail at the top.
            inside = [cause for cause in causes if place(cause) != place(error)]
            by_place: dict[str, list[ValidationError]] = {}
            for cause in inside or causes:
                by_place.setdefault(place(cause), []).append(cause)
            yield from ((where, complaint(found)) for where, found in by_place.items())

    def news(self, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, str]]:
        """Yield each place with a field or a word that the schema allows and does not know."""
        validator = Draft202012Validator(closed(schema) | {"components": self._closed_components})
        for error in validator.iter_errors(value):
            for cause in leaves(error):
                if cause.validator == "additionalProperties":
                    record: Any = cause.instance
                    described: Any = cause.schema
                    for name in record.keys() - described["properties"].keys():
                        yield f"{place(cause)}.{printable(name, 40)}", "unknown field"
                elif cause.validator == "enum" and isinstance(cause.instance, str):
                    yield place(cause), f"unknown word {printable(cause.instance, 40)!r}"


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


def leaves(error: ValidationError) -> list[ValidationError]:
    """Return the errors of all alternatives of `anyOf`, or the error itself."""
    inner = [leaf for alternative in error.context or () for leaf in leaves(alternative)]
    return inner or [error]


def complaint(causes: list[ValidationError]) -> str:
    """Return what is wrong, without the value: the value may be a secret."""
    types: list[str] = []
    for cause in causes:
        if cause.validator == "type":
            allowed: Any = cause.validator_value
            types += [allowed] if isinstance(allowed, str) else allowed
    first = causes[0]
    if types:
        is_null = first.instance is None
        found = "null" if is_null else JSON_TYPES.get(type(first.instance), "object")
        return f"{found}, not {' or '.join(dict.fromkeys(types))}"
    return f"breaks {first.validator} {json.dumps(first.validator_value)}"
