"""Reads a description of an API, Swagger 2.0 or OpenAPI 3.x, as what a client sees on the wire.

Descriptions of one API differ in how they are written: references, a base path or a version in it,
`formData` or a request body, several views of one path. None of it is left in what `read` returns.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
WORDING = ("summary", "description", "tags", "operationId", "deprecated", "example", "examples")
# What HTTP itself settles is no parameter of an operation.
HEADERS_OF_HTTP = {"accept", "authorization", "content-type"}

Words = frozenset[str]


class UnreadableError(Exception):
    """What was given does not say what it must; the message tells what is wrong."""


@dataclass(frozen=True)
class Shape:
    """What may stand in one place: types of JSON, listed values, and the members it must have."""

    types: Words = frozenset()
    values: Words = frozenset()
    required: Words = frozenset()

    def __or__(self, other: Self) -> Shape:
        """Return what may stand where either may."""
        both = (self.types | other.types, self.values | other.values)
        return Shape(*both, self.required | other.required)


@dataclass(frozen=True)
class Parameter:
    """What is sent under one name, and whether as query, header, cookie, form or body."""

    places: Words = frozenset()
    shape: Shape = Shape()
    required: bool = False

    def __or__(self, other: Self) -> Parameter:
        """Return what may be sent where either may."""
        shape = self.shape | other.shape
        return Parameter(self.places | other.places, shape, self.required and other.required)


@dataclass(frozen=True)
class Answer:
    """What is answered with one status: media types, and each field of JSON by its path."""

    media_types: Words = frozenset()
    fields: dict[str, Shape] = field(default_factory=dict)

    def __or__(self, other: Self) -> Answer:
        """Return what may be answered where either may."""
        fields = dict(self.fields)
        for path, shape in other.fields.items():
            fields[path] = fields.get(path, Shape()) | shape
        return Answer(self.media_types | other.media_types, fields)


@dataclass(frozen=True)
class Operation:
    """One method of one path; `path` begins with its version if it has one."""

    method: str
    path: str
    operation_id: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    wording: dict[str, Words] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How it is called in a report."""
        return f"{self.method} {self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """What it is on the wire: the names of a path's parameters never travel."""
        return self.method, re.sub(r"{[^}]*}", "{}", self.path)

    def __or__(self, other: Self) -> Operation:
        """Return the operation of which both are views; what one of them lacks is optional."""
        parameters = {
            name: self.parameters.get(name, Parameter()) | other.parameters.get(name, Parameter())
            for name in self.parameters | other.parameters
        }
        answers = {
            status: self.answers.get(status, Answer()) | other.answers.get(status, Answer())
            for status in self.answers | other.answers
        }
        wording = {
            name: self.wording.get(name, frozenset()) | other.wording.get(name, frozenset())
            for name in self.wording | other.wording
        }
        return dataclasses.replace(self, parameters=parameters, answers=answers, wording=wording)


@dataclass(frozen=True)
class Description:
    """What a description says; `operations` holds the views of one path and method together."""

    format: str
    wording: dict[str, Words]
    operations: dict[tuple[str, str], list[Operation]]


def read(document: Any) -> Description:
    """Return what `document` describes.

    Raises:
        UnreadableError: It is neither Swagger 2.0 nor OpenAPI 3.x, or not sound in some part.
    """
    if not isinstance(document, dict):
        raise UnreadableError("no description: the whole is not a mapping")
    if str(document.get("swagger")) == "2.0":
        return _Reader(document, "swagger").read()
    if str(document.get("openapi", "")).startswith("3."):
        return _Reader(document, "openapi").read()
    raise UnreadableError("no description: it has neither `swagger: 2.0` nor `openapi: 3.x`")


class _Reader:
    def __init__(self, document: dict[str, Any], kind: str) -> None:
        resource: Resource[Any] = Resource.opaque(document)
        self._resolver = Registry[Any]().with_resource("", resource).resolver()
        self._document = document
        self._kind = kind

    def read(self) -> Description:
        operations: dict[tuple[str, str], list[Operation]] = {}
        for operation in self._operations():
            operations.setdefault(operation.key, []).append(operation)
        info = _mapping(self._document.get("info", {}), "info")
        return Description(self._kind, _wording(info, info), operations)

    def _operations(self) -> Iterator[Operation]:
        base = self._base()
        for path, given in _mapping(self._document.get("paths"), "paths").items():
            item = self._follow(given, path)
            # A fragment tells views of one path apart, and never travels.
            wire_path = _versioned(base, str(path).partition("#")[0])
            for method in METHODS:
                if method in item:
                    where = f"{method.upper()} {path}"
                    operation = _mapping(item[method], where)
                    shared = _list(item.get("parameters"), where)
                    yield self._operation(operation, shared, method.upper(), wire_path)

    def _base(self) -> str:
        if self._kind == "swagger":
            return str(self._document.get("basePath") or "")
        servers = _list(self._document.get("servers"), "servers")
        server = _mapping(servers[0], "servers") if servers else {}
        url = str(server.get("url", ""))
        for name, variable in _mapping(server.get("variables", {}), "servers").items():
            url = url.replace(f"{{{name}}}", str(_mapping(variable, name).get("default", "")))
        return urlsplit(url).path

    def _operation(
        self, described: dict[str, Any], shared: list[Any], method: str, path: str
    ) -> Operation:
        where = f"{method} {path}"
        parameters: dict[str, Parameter] = {}
        wording = _wording(described)
        for name, parameter, text in self._sent(described, shared, where):
            parameters[name] = parameters[name] | parameter if name in parameters else parameter
            wording |= {f"{key} of {name}": words for key, words in text.items()}
        return Operation(
            method,
            path,
            str(described.get("operationId", "")),
            parameters,
            dict(self._answers(described, where)),
            wording,
        )

    def _sent(
        self, operation: dict[str, Any], shared: list[Any], where: str
    ) -> Iterator[tuple[str, Parameter, dict[str, Words]]]:
        """Yield each parameter of a path's and of an operation's own; the operation's come last."""
        given: dict[tuple[str, str], dict[str, Any]] = {}
        for one in [*shared, *_list(operation.get("parameters"), where)]:
            parameter = self._follow(one, where)
            given[str(parameter.get("name")), str(parameter.get("in"))] = parameter
        for (name, place), parameter in given.items():
            if place == "body":
                yield from self._body(parameter.get("schema"), "body")
            elif place == "header" and name.lower() not in HEADERS_OF_HTTP:
                yield name.lower(), *self._parameter(parameter, place, where)
            elif place in {"query", "cookie", "formData"}:
                yield name, *self._parameter(parameter, place, where)
        body = self._follow(operation.get("requestBody", {}), where)
        for media_type, content in _mapping(body.get("content", {}), where).items():
            place = "form" if _media_type(media_type) in FORMS else "body"
            yield from self._body(_mapping(content, where).get("schema"), place)

    def _parameter(
        self, parameter: dict[str, Any], place: str, where: str
    ) -> tuple[Parameter, dict[str, Words]]:
        content = _mapping(parameter.get("content", {}), where)
        [inner] = list(content.values())[:1] or [parameter]
        # Swagger spells the schema of a parameter out in the parameter itself.
        schema = inner.get("schema", parameter)
        shapes = self._shapes(schema)
        text = _wording(schema if isinstance(schema, dict) else {}) | _wording(parameter)
        place = "form" if place == "formData" else place
        required = parameter.get("required") is True
        return Parameter(frozenset([place]), _content(shapes, ""), required), text

    def _body(self, schema: Any, place: str) -> Iterator[tuple[str, Parameter, dict[str, Words]]]:
        """Yield each member of a body as a parameter, or a body without members as one."""
        shapes = self._shapes(schema)
        names = [path for path in shapes if path and not re.search(r"[.\[]", path)]
        required = shapes[""].required if "" in shapes else frozenset()
        for name in names:
            parameter = Parameter(frozenset([place]), _content(shapes, name), name in required)
            yield name, parameter, {}
        if not names:
            yield "(body)", Parameter(frozenset([place]), _content(shapes, "")), {}

    def _answers(self, operation: dict[str, Any], where: str) -> Iterator[tuple[str, Answer]]:
        produced = operation.get("produces", self._document.get("produces"))
        for status, given in _mapping(operation.get("responses", {}), where).items():
            if str(status).startswith("x-"):
                continue
            answer = self._follow(given, f"{where}, {status}")
            content = _mapping(answer.get("content", {}), where)
            if self._kind == "swagger" and "schema" in answer:
                content = dict.fromkeys(_list(produced, where) or ["*/*"], answer)
            said = Answer()
            for media_type, described in content.items():
                name = _media_type(media_type)
                schema = _mapping(described, where).get("schema")
                # Other bodies have no fields that a client would look into.
                shapes = self._shapes(schema) if name.endswith(("json", "*/*")) else {}
                fields = {path or "(body)": shape for path, shape in shapes.items()}
                said |= Answer(frozenset([name]) - {"*/*"}, fields)
            yield str(status), said

    def _shapes(self, schema: Any) -> dict[str, Shape]:
        """Return the shape of a value and of all in it, by path: ``a.b`` and ``a[]``."""
        shapes: dict[str, Shape] = {}
        for path, shape in self._walk(schema, "", ()):
            shapes[path] = shapes.get(path, Shape()) | shape
        return shapes

    def _walk(self, schema: Any, at: str, seen: tuple[str, ...]) -> Iterator[tuple[str, Shape]]:
        if not isinstance(schema, dict):  # `true`: anything
            return
        if "$ref" in schema:
            reference = str(schema["$ref"])
            if reference in seen:  # what is in it has been told, further up
                yield at, Shape()
                return
            yield from self._walk(self._lookup(reference), at, (*seen, reference))
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            yield from self._walk(beside, at, seen)
            return
        yield at, _shape(schema)
        for part in ("allOf", "anyOf", "oneOf"):
            for choice in _list(schema.get(part), part):
                yield from self._walk(choice, at, seen)
        for name, member in _mapping(schema.get("properties", {}), "properties").items():
            yield from self._walk(member, f"{at}.{name}".lstrip("."), seen)
        yield from self._walk(schema.get("items"), f"{at}[]", seen)

    def _follow(self, node: Any, where: str) -> dict[str, Any]:
        found, seen = _mapping(node, where), set[str]()
        while "$ref" in found:
            reference = str(found["$ref"])
            if reference in seen:
                raise UnreadableError(f"{where}: {reference} refers to itself")
            seen.add(reference)
            found = _mapping(self._lookup(reference), reference)
        return found

    def _lookup(self, reference: str) -> Any:
        try:
            return self._resolver.lookup(reference).contents
        except Unresolvable as missing:
            raise UnreadableError(f"{reference} refers to nothing in the description") from missing


def _versioned(base: str, path: str) -> str:
    """Return a path from its version on, wherever that stands; without one, as it is."""
    whole = f"{base.rstrip('/')}{path}"
    version = re.search(r"/v\d+(?=/|$)", whole)
    return whole[version.start() :] if version else path


def _content(shapes: dict[str, Shape], name: str) -> Shape:
    """Return the shape of a parameter; the listed values of an array are those of its items."""
    shape, items = shapes.get(name, Shape()), shapes.get(f"{name}[]", Shape())
    return dataclasses.replace(shape, values=shape.values | items.values)


def _shape(schema: dict[str, Any]) -> Shape:
    listed = _list(schema.get("enum"), "enum")
    listed += [schema["const"]] if "const" in schema else []
    given = schema.get("type", [])
    types = {str(one) for one in (given if isinstance(given, list) else [given])}
    if not types:
        types = {_type(value) for value in listed}
    if "properties" in schema:
        types.add("object")
    required = schema.get("required")
    members = frozenset(map(str, required)) if isinstance(required, list) else frozenset()
    return Shape(frozenset(types), frozenset(map(_text, listed)), members)


def _type(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "string" if value is not None else "null")


def _media_type(full: object) -> str:
    return str(full).partition(";")[0].strip().lower()


def _wording(described: dict[str, Any], names: Iterable[str] = WORDING) -> dict[str, Words]:
    return {name: frozenset([_text(described[name])]) for name in names if name in described}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, default=str)


def _mapping(value: Any, where: str) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    raise UnreadableError(f"{where}: expected a mapping, not {json.dumps(value, default=str)[:80]}")


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        return list(value)
    raise UnreadableError(f"{where}: expected a list, not {json.dumps(value, default=str)[:80]}")


def merged(views: Iterable[Operation]) -> Operation:
    """Return the one operation on the wire of which all are views."""
    first, *others = views
    for other in others:
        first |= other
    return first
