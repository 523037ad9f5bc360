"""Description of an API, read from Swagger 2.0 or OpenAPI 3.x into one comparable form.

Descriptions of the same API are written in many ways: with or without references, with the version
in the base path or in each path, with `formData` or with a request body. `read` removes these
differences.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from attrs import evolve, field, frozen
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from spec import VIEWS, UnreadableError, views_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
WORDING = (
    *("summary", "description", "tags", "operationId", "deprecated", "example", "examples"),
    *("style", "explode"),
)
ADDRESSES = ("servers", "host", "basePath", "externalDocs")
# HTTP itself defines these headers, so they are not parameters of an operation.
HEADERS_OF_HTTP = {"accept", "authorization", "content-type"}

Words = frozenset[str]


@frozen
class Shape:
    """The values that are allowed in one place.

    Attributes:
        types: Types of JSON.
        values: Listed values; empty if all values are allowed.
        required: Members that an object must have.
    """

    types: Words = frozenset()
    values: Words = frozenset()
    required: Words = frozenset()

    def __or__(self, other: Self) -> Shape:
        """Return the shape that allows the values of both shapes."""
        return Shape(
            self.types | other.types, self.values | other.values, self.required | other.required
        )


@frozen
class Parameter:
    """A named value in a request.

    Attributes:
        places: The parts of the request that can contain it: query, header, cookie, form or body.
        shape: The allowed values.
        required: Whether each request must contain it.
    """

    places: Words = frozenset()
    shape: Shape = Shape()
    required: bool = False

    def __or__(self, other: Self) -> Parameter:
        """Return the parameter that allows the values and places of both parameters."""
        shape = self.shape | other.shape
        return Parameter(self.places | other.places, shape, self.required and other.required)


@frozen
class Response:
    """The response with one status: its media types, and the shape of each JSON field by path."""

    media_types: Words = frozenset()
    fields: dict[str, Shape] = field(factory=dict)

    def __or__(self, other: Self) -> Response:
        """Return the response that can have the fields and media types of both responses."""
        fields = dict(self.fields)
        for path, shape in other.fields.items():
            fields[path] = fields.get(path, Shape()) | shape
        return Response(self.media_types | other.media_types, fields)


@frozen
class Operation:
    """One method of one path; the path begins with its version, if it has a version.

    `body` has the media types of a body. `security` has the accepted kinds of credentials; it is
    empty if the description does not state them. `views` has the operation of each view, if the
    description tells them apart.
    """

    method: str
    path: str
    operation_id: str = ""
    parameters: dict[str, Parameter] = field(factory=dict)
    responses: dict[str, Response] = field(factory=dict)
    wording: dict[str, Words] = field(factory=dict)
    body: Words = frozenset()
    security: Words = frozenset()
    views: dict[str, Operation] = field(factory=dict)

    @property
    def title(self) -> str:
        """The name of the operation in a report."""
        return f"{self.method} {self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """The method and the path without the names of its parameters, which are never sent."""
        return self.method, re.sub(r"{[^}]*}", "{}", self.path)


@frozen
class Description:
    """The content of a description; `operations` has each operation by its key."""

    format: str
    wording: dict[str, Words]
    operations: dict[tuple[str, str], Operation]


def read(document: Any) -> Description:
    """Return the content of a parsed description.

    Raises:
        UnreadableError: If the document is not Swagger 2.0 or OpenAPI 3.x, or a part is malformed.
    """
    if not isinstance(document, dict):
        raise UnreadableError("not a description: the document is not a mapping")
    if str(document.get("swagger")) == "2.0":
        return _Reader(document, "swagger").read()
    if str(document.get("openapi", "")).startswith("3."):
        return _Reader(document, "openapi").read()
    raise UnreadableError("not a description: it has neither `swagger: 2.0` nor `openapi: 3.x`")


class _Reader:
    def __init__(self, document: dict[str, Any], kind: str) -> None:
        resource: Resource[Any] = Resource.opaque(document)
        self._resolver = Registry[Any]().with_resource("", resource).resolver()
        self._document = document
        self._kind = kind

    def read(self) -> Description:
        operations = {operation.key: operation for operation in self._operations()}
        info = _mapping(self._document.get("info", {}), "info")
        wording = _wording(info, info) | _wording(self._document, ADDRESSES)
        return Description(self._kind, wording, operations)

    def _operations(self) -> Iterator[Operation]:
        base = self._base()
        for path, node in _mapping(self._document.get("paths"), "paths").items():
            item = self._follow(node, path)
            full_path = _versioned(base, str(path))
            for method in METHODS:
                if method in item:
                    where = f"{method.upper()} {path}"
                    described = _mapping(item[method], where)
                    shared = _list(item.get("parameters"), where)
                    operation = self._operation(described, shared, method.upper(), full_path)
                    if VIEWS in described:
                        views = {
                            name: self._operation(view, shared, method.upper(), full_path)
                            for name, view in views_of(self._document, described, where).items()
                        }
                        operation = evolve(operation, views=views)
                    yield operation

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
        for name, parameter, text in self._parameters(described, shared, where):
            parameters[name] = parameters[name] | parameter if name in parameters else parameter
            wording |= {f"{key} of {name}": words for key, words in text.items()}
        return Operation(
            method,
            path,
            str(described.get("operationId", "")),
            parameters,
            dict(self._responses(described, where)),
            wording,
            self._body_types(described, where),
            self._security(described, where),
        )

    def _body_types(self, operation: dict[str, Any], where: str) -> Words:
        body = self._follow(operation.get("requestBody", {}), where)
        listed = list(_mapping(body.get("content", {}), where))
        parameters = [
            self._follow(node, where) for node in _list(operation.get("parameters"), where)
        ]
        if any(parameter.get("in") in {"body", "formData"} for parameter in parameters):
            listed = _list(operation.get("consumes", self._document.get("consumes")), where)
        return frozenset(map(_media_type, listed))

    def _security(self, operation: dict[str, Any], where: str) -> Words:
        node = operation.get("security", self._document.get("security"))
        components = _mapping(self._document.get("components", {}), "components")
        schemes = components.get("securitySchemes", self._document.get("securityDefinitions", {}))
        alternatives = [_mapping(choice, where) for choice in _list(node, where)] or [{}]
        if node is None:
            return frozenset()
        return frozenset(
            " and ".join(
                sorted(_credentials(self._follow(schemes.get(name, {}), where)) for name in choice)
            )
            or "none"
            for choice in alternatives
        )

    def _parameters(
        self, operation: dict[str, Any], shared: list[Any], where: str
    ) -> Iterator[tuple[str, Parameter, dict[str, Words]]]:
        """Yield each parameter with its name and its wording.

        A parameter of the operation replaces a shared parameter of the path.
        """
        described: dict[tuple[str, str], dict[str, Any]] = {}
        for node in [*shared, *_list(operation.get("parameters"), where)]:
            parameter = self._follow(node, where)
            described[str(parameter.get("name")), str(parameter.get("in"))] = parameter
        for (name, place), parameter in described.items():
            if place == "body":
                needed = parameter.get("required") is True
                yield from self._body(parameter.get("schema"), "body", needed=needed)
            elif place == "header" and name.lower() not in HEADERS_OF_HTTP:
                yield name.lower(), *self._parameter(parameter, place, where)
            elif place in {"query", "cookie", "formData"}:
                yield name, *self._parameter(parameter, place, where)
        body = self._follow(operation.get("requestBody", {}), where)
        for media_type, content in _mapping(body.get("content", {}), where).items():
            place = "form" if _media_type(media_type) in FORMS else "body"
            needed = body.get("required") is True
            yield from self._body(_mapping(content, where).get("schema"), place, needed=needed)

    def _parameter(
        self, parameter: dict[str, Any], place: str, where: str
    ) -> tuple[Parameter, dict[str, Words]]:
        content = _mapping(parameter.get("content", {}), where)
        [inner] = list(content.values())[:1] or [parameter]
        # In Swagger, the parameter itself contains its schema.
        schema = inner.get("schema", parameter)
        shapes = self._shapes(schema)
        text = _wording(schema if isinstance(schema, dict) else {}) | _wording(parameter)
        place = "form" if place == "formData" else place
        required = parameter.get("required") is True
        return Parameter(frozenset([place]), _content(shapes, ""), required), text

    def _body(
        self, schema: Any, place: str, *, needed: bool
    ) -> Iterator[tuple[str, Parameter, dict[str, Words]]]:
        """Yield each member of a body as a parameter, or the whole body if it has no members."""
        shapes = self._shapes(schema)
        names = [path for path in shapes if path and not re.search(r"[.\[]", path)]
        required = shapes[""].required if "" in shapes and needed else frozenset()
        for name in names:
            parameter = Parameter(frozenset([place]), _content(shapes, name), name in required)
            yield name, parameter, {}
        if not names:
            yield "(body)", Parameter(frozenset([place]), _content(shapes, ""), needed), {}

    def _responses(self, operation: dict[str, Any], where: str) -> Iterator[tuple[str, Response]]:
        produced = operation.get("produces", self._document.get("produces"))
        for status, node in _mapping(operation.get("responses", {}), where).items():
            if str(status).startswith("x-"):
                continue
            described = self._follow(node, f"{where}, {status}")
            content = _mapping(described.get("content", {}), where)
            if self._kind == "swagger" and "schema" in described:
                content = dict.fromkeys(_list(produced, where) or ["*/*"], described)
            response = Response()
            for media_type, body in content.items():
                name = _media_type(media_type)
                schema = _mapping(body, where).get("schema")
                # A client reads fields of JSON only.
                shapes = self._shapes(schema) if name.endswith(("json", "*/*")) else {}
                fields = {path or "(body)": shape for path, shape in shapes.items()}
                response |= Response(frozenset([name]) - {"*/*"}, fields)
            yield str(status), response

    def _shapes(self, schema: Any) -> dict[str, Shape]:
        """Return the shapes of a value and of its members by path, for example `a.b` and `a[]`."""
        shapes: dict[str, Shape] = {}
        for path, shape in self._walk(schema, "", ()):
            shapes[path] = shapes.get(path, Shape()) | shape
        return shapes

    def _walk(self, schema: Any, at: str, seen: tuple[str, ...]) -> Iterator[tuple[str, Shape]]:
        if not isinstance(schema, dict):  # the schema `true` allows all values
            return
        if "$ref" in schema:
            reference = str(schema["$ref"])
            if reference in seen:  # the schema contains itself
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
        target, seen = _mapping(node, where), set[str]()
        while "$ref" in target:
            reference = str(target["$ref"])
            if reference in seen:
                raise UnreadableError(f"{where}: {reference} refers to itself")
            seen.add(reference)
            target = _mapping(self._lookup(reference), reference)
        return target

    def _lookup(self, reference: str) -> Any:
        try:
            return self._resolver.lookup(reference).contents
        except Unresolvable as error:
            raise UnreadableError(f"{reference} refers to nothing in the description") from error


def _credentials(scheme: dict[str, Any]) -> str:
    """Return the kind of credentials in a security scheme, for example `bearer`."""
    kind = str(scheme.get("type", "unknown"))
    if kind == "apiKey":
        return f"{scheme.get('in')} {scheme.get('name')}"
    return str(scheme.get("scheme", kind)).lower()


def _versioned(base: str, path: str) -> str:
    """Return the path from its version on; the version can be in the base. Else return the path."""
    full_path = f"{base.rstrip('/')}{path}"
    version = re.search(r"/v\d+(?=/|$)", full_path)
    return full_path[version.start() :] if version else path


def _content(shapes: dict[str, Shape], name: str) -> Shape:
    """Return the shape of a parameter. An array has the listed values of its items."""
    shape, items = shapes.get(name, Shape()), shapes.get(f"{name}[]", Shape())
    return evolve(shape, values=shape.values | items.values)


def _shape(schema: dict[str, Any]) -> Shape:
    listed = _list(schema.get("enum"), "enum")
    listed += [schema["const"]] if "const" in schema else []
    listed_types = schema.get("type", [])
    types = set(map(str, listed_types if isinstance(listed_types, list) else [listed_types]))
    if not types:
        types = {_type(value) for value in listed}
    if "properties" in schema:
        types.add("object")
    # OpenAPI 3.0 and Swagger 2.0 have no type `null`.
    if schema.get("nullable") is True or schema.get("x-nullable") is True:
        types.add("null")
    required = schema.get("required")
    members = frozenset(map(str, required)) if isinstance(required, list) else frozenset()
    return Shape(frozenset(types), frozenset(map(_text, listed)), members)


def _type(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "string" if value is not None else "null")


def _media_type(content_type: object) -> str:
    return str(content_type).partition(";")[0].strip().lower()


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
