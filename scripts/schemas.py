"""Checks of responses against the description: wrong values, and values that it does not know."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from attrs import frozen
from regenerate import SPEC
from spec import read, resolved, split_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

UNKNOWN_WORD = "nosuchword"  # a value of a filter that no platform knows

JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}


def printable(text: str, longest: int = 160) -> str:
    """Return a platform's text as one short line without control characters."""
    line = "".join(
        letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split())
    )
    return line if len(line) <= longest else f"{line[:longest]} …"


@frozen
class Operation:
    """One operation of the description. Only its schemas still contain references.

    Attributes:
        name: Its id.
        method: Its method.
        path: Its path without the fragment.
        ids: Names of the parameters in the path.
        view: The fixed parameters of the query.
        filters: The words for each other parameter of the query.
        responses: The responses by status.
        is_anonymous: Whether it needs no credentials.
    """

    name: str
    method: str
    path: str
    ids: frozenset[str]
    view: dict[str, str]
    filters: dict[str, list[str]]
    responses: dict[str, dict[str, Any]]
    is_anonymous: bool

    def queries(self) -> Iterator[dict[str, str]]:
        """Yield each query to try: without a filter, then one filter at a time with each word."""
        yield self.view
        for name, words in self.filters.items():
            for word in words:
                yield self.view | {name: word}

    def content(self, status: int) -> dict[str, Any]:
        """Return the described bodies of a response by media type; empty for an empty body."""
        response = self.responses.get(str(status), self.responses["default"])
        content: dict[str, Any] = response.get("content", {})
        return content


class Description:
    """The operations of the description, and its schemas."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read the operations of a parsed description."""
        self._document = split_views(document)
        self._components = document["components"]
        self._closed_components = closed(self._components)
        self.operations = {
            operation["operationId"]: self._operation(path, method, shared, operation)
            for path, shared in self._document["paths"].items()
            for method, operation in shared.items()
            if method != "parameters"
        }

    def _operation(
        self, path: str, method: str, shared: dict[str, Any], operation: dict[str, Any]
    ) -> Operation:
        listed = [*shared.get("parameters", []), *operation.get("parameters", [])]
        parameters = [resolved(self._document, parameter) for parameter in listed]
        in_query = [parameter for parameter in parameters if parameter["in"] == "query"]
        in_path = [parameter for parameter in parameters if parameter["in"] == "path"]
        return Operation(
            name=operation["operationId"],
            method=method.upper(),
            path=path.partition("#")[0],
            ids=frozenset(parameter["name"] for parameter in in_path),
            view={
                parameter["name"]: parameter["schema"]["const"]
                for parameter in in_query
                if parameter.get("required")
            },
            filters={
                parameter["name"]: list(self._words(parameter["schema"]))
                for parameter in in_query
                if not parameter.get("required")
            },
            responses={
                status: resolved(self._document, response)
                for status, response in operation["responses"].items()
            },
            is_anonymous=operation.get("security") == [],
        )

    def _words(self, schema: dict[str, Any]) -> Iterator[str]:
        """Yield the words of a schema, and an unknown word if the schema allows other words."""
        schema = resolved(self._document, schema)
        if "const" in schema:
            yield schema["const"]
        yield from schema.get("enum", ())
        for choice in schema.get("anyOf", ()):
            yield from [UNKNOWN_WORD] if choice == {"type": "string"} else self._words(choice)

    def differences(self, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, str]]:
        """Yield each place in which a value breaks its schema, and the reason."""
        for error in errors_of(value, schema, self._components):
            causes = leaves(error)
            # The alternative that the platform meant fails inside; the others fail at the top.
            inside = [cause for cause in causes if place(cause) != place(error)]
            by_place: dict[str, list[ValidationError]] = {}
            for cause in inside or causes:
                by_place.setdefault(place(cause), []).append(cause)
            yield from ((where, complaint(errors)) for where, errors in by_place.items())

    def news(self, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, str]]:
        """Yield each place with a field or a word that the schema allows but does not list."""
        for error in errors_of(value, closed(schema), self._closed_components):
            for cause in leaves(error):
                if cause.validator == "additionalProperties":
                    record: Any = cause.instance
                    described: Any = cause.schema
                    for name in record.keys() - described["properties"].keys():
                        yield f"{place(cause)}.{printable(name, 40)}", "unknown field"
                elif cause.validator == "enum" and isinstance(cause.instance, str):
                    yield place(cause), f"unknown word {printable(cause.instance, 40)!r}"

    def members(self, schema: dict[str, Any], value: Any) -> Iterator[tuple[str, set[str]]]:
        """Yield the name of the schema of each record in a value, and the members of the record."""
        if "$ref" in schema:
            target = resolved(self._document, schema)
            if isinstance(value, dict) and "properties" in target:
                yield schema["$ref"].rpartition("/")[2], set(value)
            yield from self.members(target, value)
        for choice in schema.get("anyOf", ()):
            yield from self.members(choice, value)
        for item in value if isinstance(value, list) else ():
            yield from self.members(schema.get("items", {}), item)
        for name in schema.get("properties", {}) if isinstance(value, dict) else ():
            if name in value:
                yield from self.members(schema["properties"][name], value[name])

    def unseen(self, seen: dict[str, set[str]]) -> dict[str, list[str]]:
        """Return the described members that no record had, by the names of the schemas."""
        schemas = self._components["schemas"]
        missing = {
            name: [member for member in schemas[name]["properties"] if member not in members]
            for name, members in seen.items()
        }
        return {name: members for name, members in missing.items() if members}


@functools.cache
def description() -> Description:
    """Return the description of this checkout."""
    return Description(read(SPEC))


def closed(schema: Any) -> Any:
    """Return a schema that allows only the described fields and the listed words."""
    if isinstance(schema, list):
        return [closed(item) for item in schema if item != {"type": "string"}]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(member) for name, member in schema.items()}
    return result | {"additionalProperties": False} if "properties" in result else result


def errors_of(
    value: Any, schema: dict[str, Any], components: dict[str, Any]
) -> Iterator[ValidationError]:
    """Yield the errors of a value."""
    from jsonschema import Draft202012Validator  # its import takes more than a second

    yield from Draft202012Validator(schema | {"components": components}).iter_errors(value)


def place(error: ValidationError) -> str:
    """Return the place of an error; all items of a list are the same place."""
    steps = ("[*]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "$" + "".join(steps)


def leaves(error: ValidationError) -> list[ValidationError]:
    """Return the errors of all alternatives of `anyOf`, or the error itself."""
    inner = [leaf for alternative in error.context or () for leaf in leaves(alternative)]
    return inner or [error]


def complaint(errors: list[ValidationError]) -> str:
    """Return the reason of the errors in one place, without the value: it may be a secret."""
    first = errors[0]
    types: list[str] = []
    for error in errors:
        if error.validator == "type":
            allowed: Any = error.validator_value
            types += [allowed] if isinstance(allowed, str) else allowed
    if types:
        is_null = first.instance is None
        actual = "null" if is_null else JSON_TYPES.get(type(first.instance), "object")
        return f"{actual}, not {' or '.join(dict.fromkeys(types))}"
    return f"breaks {first.validator} {json.dumps(first.validator_value)}"
