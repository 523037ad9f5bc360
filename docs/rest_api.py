"""The page of the REST API, written from its description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DESCRIPTION = Path(__file__).parent.parent / "openapi" / "skaha.yaml"
FORM = "application/x-www-form-urlencoded"
METHODS = ("get", "post", "put", "patch", "delete")


def rest_api() -> str:
    """Return all operations and schemas of the description in Markdown."""
    return "\n".join(_Page(yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))).lines())


class _Page:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def lines(self) -> Iterator[str]:
        info, [server] = self._document["info"], self._document["servers"]
        yield f"Version {info['version']} of the description. The server is `{server['url']}`.\n"
        yield info["description"]
        for tag in self._document["tags"]:
            yield f"\n## `{tag['name']}`\n\n{tag['description']}\n"
            for path, item in self._document["paths"].items():
                for method in METHODS:
                    if tag["name"] in item.get(method, {}).get("tags", ()):
                        shared = item.get("parameters", [])
                        yield from self._operation(f"{method.upper()} {path}", shared, item[method])
        yield "\n## Schemas\n"
        for name, schema in self._document["components"]["schemas"].items():
            yield f"\n({name.lower()}-schema)=\n### `{name}`\n\n{schema['description']}\n"
            yield from self._members(schema)

    def _operation(
        self, request: str, shared: list[Any], described: dict[str, Any]
    ) -> Iterator[str]:
        yield f"\n### {request}\n\n{described['summary']} {described['description']}\n"
        yield f"Its operation id is `{described['operationId']}`.\n"
        named = described.get("x-skaha-views", {})
        views = [
            (f"`{name}`", f"`{view['operationId']}`", f"{view['summary']} {view['description']}")
            for name, view in named.items()
            if name
        ]
        yield from _table("view", "operation id", "content", rows=views)
        parameters = [
            self._parameter(self._resolved(node))
            for node in [*shared, *described.get("parameters", [])]
        ]
        yield from _table("parameter", "place", "values", "meaning", rows=parameters)
        for media_type, content in described.get("requestBody", {}).get("content", {}).items():
            form = "A form" if media_type == FORM else "A body"
            yield f"{form}, `{media_type}`:\n"
            yield from self._members(self._resolved(content["schema"]))
            yield from self._examples(content)
        responses = {
            status: self._resolved(node) for status, node in described["responses"].items()
        }
        rows = [
            (f"`{status}`", self._content(response), response["description"])
            for status, response in responses.items()
        ]
        yield from _table("status", "body", "meaning", rows=rows)
        for status, response in responses.items():
            for content in response.get("content", {}).values() if status.startswith("2") else ():
                yield from self._examples(content)

    def _parameter(self, parameter: dict[str, Any]) -> tuple[str, ...]:
        schema = parameter["schema"]
        place = parameter["in"] + (", required" if parameter.get("required") else "")
        return f"`{parameter['name']}`", place, self._type(schema), schema["description"]

    def _members(self, schema: dict[str, Any]) -> Iterator[str]:
        required = schema.get("required", ())
        rows = [
            (
                f"`{name}`" + (", required" if name in required else ""),
                self._type(member),
                member["description"],
            )
            for name, member in schema.get("properties", {}).items()
        ]
        yield from _table("member", "values", "meaning", rows=rows)
        if "enum" in schema:
            yield f"Known values: {self._type(schema)}.\n"

    def _content(self, response: dict[str, Any]) -> str:
        bodies = response.get("content", {}).items()
        return ", ".join(
            f"`{media_type}`: {self._type(body['schema'])}" for media_type, body in bodies
        )

    def _type(self, schema: dict[str, Any]) -> str:
        """Return the values of a schema in words, with links to the schemas."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}](#{name.lower()}-schema)"
        if choices := schema.get("anyOf", schema.get("oneOf")):
            return " or ".join(map(self._type, choices))
        if "items" in schema:
            return f"list of {self._type(schema['items'])}"
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        types = schema.get("type", "string")
        words = [f"`{value}`" for value in values] or [types] if isinstance(types, str) else types
        return ", ".join(words) if values else " or ".join(words)

    def _examples(self, content: dict[str, Any]) -> Iterator[str]:
        examples = [self._resolved(node) for node in content.get("examples", {}).values()]
        examples += [{"value": content["example"]}] if "example" in content else []
        for example in examples:
            value = example["value"]
            is_text = isinstance(value, str)
            text = value.rstrip() if is_text else json.dumps(value, indent=2)
            yield f"{example.get('summary', 'An example')}:\n"
            yield f"```{'text' if is_text else 'json'}\n{text}\n```\n"

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node


def _table(*names: str, rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table; a table without rows has no lines."""
    lines = [f"| {' | '.join(' '.join(cell.split()) for cell in row)} |" for row in rows]
    if lines:
        yield f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"
        yield from lines
        yield ""
