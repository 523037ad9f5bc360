"""Recorded responses of a real server, each with its request: the TOML files of this folder.

`docs/contributing/conformance.md` explains the files.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import evolve, field, frozen
from scripted import Response

FOLDER = Path(__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != "words")

# The parts of a response that differ between two servers: an example, and the pattern.
PARTS = {
    "ID": ("h2u5kd7n", r"[a-z][a-z0-9]{7}"),
    "APP": ("k4b", r"[a-z][a-z0-9]{2}"),
    "USER": ("vrubin", r"[a-z0-9._-]+"),
    "UID": ("40117", r"\d+"),
    "GID": ("40118", r"\d+"),
    "URL": ("https://sessions.example.org", r"https?://[^/\s]+"),
    "GROUPS": ("[51001]", r"\[[\d\s,]*\]"),
    "STATUS": ("Running", "Pending|Running|Failed|Completed"),
    "TIME": ("2026-11-26T22:14:05Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z"),
    "DATE": ("Thu, 26 Nov 2026 21:48:29 GMT", r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"),
    "UUID": ("1c43f4e0-fc48-4573-8547-1b099f296e84", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "SECRET": ("0f" * 32, r"[0-9a-f]{64}"),
    "NUMBER": ("8.0", r"\d+(\.\d+)?"),
    "LIST": ("[1,2,4]", r"\[\d+(,\d+)*\]"),
}
# These differ within a file, too; all others are the same in a whole file.
CHANGING = {"STATUS", "TIME", "DATE", "UUID", "NUMBER", "LIST"}
_PART = re.compile(r"<([A-Z]+?)(\d?)>")
# After these statuses, the server ends the connection.
CLOSING = {400, 500, 501, 503}

FORM = "application/x-www-form-urlencoded"


@frozen(kw_only=True)
class Exchange:
    """A request and its recorded response; their texts contain names of `PARTS`, like `<ID>`.

    Attributes:
        name: The name of the exchange: its own name, or its request.
        method: The method of the request.
        target: The path and the query of the request, below the address of the service.
        send: The headers of the request.
        data: The body of the request.
        status: The status of the response.
        headers: The headers of the response; `None` means that the response lacks the header.
        body: The body of the response.
        repeat: Whether the request is repeated until the response is the recorded one.
        error: The exception of our client, if the status alone does not say it.
        row: The beginning of the row of the documented difference, if the embedded platform
            differs.
        faults: The faults with which the embedded platform gives this response.
        local: The response of the embedded platform, if it differs.
    """

    name: str
    method: str
    target: str
    send: dict[str, str] = field(factory=dict)
    data: str | None = None
    status: int = 200
    headers: dict[str, str | None]
    body: str = ""
    repeat: bool = False
    error: str | None = None
    row: str | None = None
    faults: dict[str, Any] = field(factory=dict)
    local: Exchange | None = None

    @property
    def path(self) -> list[str]:
        """The parts of the path; an empty part is an empty id."""
        parts = self.target.partition("?")[0].split("/")[1:]
        return parts[:-1] if len(parts) > len(("v1", "session", "")) and not parts[-1] else parts

    @property
    def view(self) -> str:
        """The parameter `view` in the query."""
        return parse_qs(urlsplit(self.target).query).get("view", [""])[0]

    def filled(self) -> Exchange:
        """Return the exchange with examples in the place of its variable parts."""
        headers = {name: value and _fill(value) for name, value in self.headers.items()}
        return evolve(self, target=_fill(self.target), headers=headers, body=_fill(self.body))

    def response(self) -> Response:
        """Return the response for a scripted server, with examples in its variable parts."""
        filled = self.filled()
        headers = {name: value for name, value in filled.headers.items() if value is not None}
        # The scripted server sends its own name.
        headers.pop("server", None)
        if self.status in CLOSING:
            headers["connection"] = "close"
        content_type = headers.pop("content-type", None)
        return Response(self.status, filled.body, content_type, headers)

    def value(self) -> Any:
        """Return the value of a JSON body, with examples in the place of its variable parts."""
        return json.loads(_fill(self.body))


@frozen
class Comparison:
    """Compares texts with recorded texts, and keeps the values of their variable parts."""

    values: dict[str, str] = field(factory=dict)

    def matches(self, recorded: str | None, text: str | None) -> bool:
        """Return whether a text is the recorded one, except for its variable parts."""
        if recorded is None or text is None:
            return recorded is text
        match = re.fullmatch(self._pattern(recorded), text)
        if match is not None:
            self.values.update(match.groupdict())
        return match is not None

    def insert(self, recorded: str) -> str:
        """Return a recorded text with the values of its variable parts."""
        return _PART.sub(lambda match: self.values[match[1] + match[2]], recorded)

    def _pattern(self, recorded: str) -> str:
        pattern, position = "", 0
        known = dict(self.values)
        for match in _PART.finditer(recorded):
            kind, name = match[1], match[1] + match[2]
            pattern += re.escape(recorded[position : match.start()])
            position = match.end()
            if name in self.values:
                pattern += re.escape(self.values[name])
            elif name in known:
                pattern += f"(?P={name})"
            elif kind in CHANGING:
                pattern += f"(?:{PARTS[kind][1]})"
            else:
                known[name] = ""
                pattern += f"(?P<{name}>{PARTS[kind][1]})"
        return pattern + re.escape(recorded[position:])


@cache
def load(name: str) -> list[Exchange]:
    """Return the exchanges of a file, in their order."""
    content = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    return [_exchange(entry, content) for entry in content["exchange"]]


def words() -> dict[str, Any]:
    """Return the words of the file `words.toml`."""
    return tomllib.loads((FOLDER / "words.toml").read_text())


def all_exchanges() -> list[Exchange]:
    """Return the exchanges of all files."""
    return [exchange for name in FILES for exchange in load(name)]


def find(name: str) -> Exchange:
    """Return the exchange of this name."""
    [exchange] = [exchange for exchange in all_exchanges() if exchange.name == name]
    return exchange


def _exchange(entry: dict[str, Any], defaults: dict[str, Any]) -> Exchange:
    method, _, target = entry.get("request", defaults.get("request")).partition(" ")
    send, data = dict(entry.get("send", {})), entry.get("data")
    if method == "POST" and data is None and (form := entry.get("form")) is not None:
        # `false` removes a default.
        merged = {k: v for k, v in (defaults.get("form", {}) | form).items() if v is not False}
        data = urlencode(merged, doseq=True)
        send.setdefault("content-type", FORM)
    described = f"{method} {target} {entry.get('send', '')} {entry.get('form', data) or ''}"
    exchange = Exchange(
        name=entry.get("name", " ".join(described.split())),
        method=method,
        target=target,
        send={"authorization": "Bearer <TOKEN>"} | send,
        data=data,
        status=entry["status"],
        headers=_headers(defaults.get("headers", {}), entry),
        body=entry.get("body", ""),
        repeat=entry.get("repeat", False),
        error=entry.get("error"),
    )
    if (local := entry.get("local")) is None:
        return exchange
    body = local.get("body", exchange.body)
    for real, ours in local.get("replace", {}).items():
        assert real in body, f"{exchange.name}: {real!r} is not in the body"
        body = body.replace(real, ours)
    differing = evolve(
        exchange,
        status=local.get("status", exchange.status),
        headers=_headers(exchange.headers, local),
        body=body,
    )
    return evolve(
        exchange,
        row=local.get("row"),
        faults=local.get("faults", {}),
        local=None if differing == exchange else differing,
    )


def _headers(defaults: dict[str, Any], entry: dict[str, Any]) -> dict[str, str | None]:
    merged = defaults | entry.get("headers", {})
    # `false` means that the response lacks the header.
    return {name: None if value is False else value for name, value in merged.items()}


def _fill(text: str) -> str:
    return _PART.sub(_example, text)


def _example(match: re.Match[str]) -> str:
    example, number = PARTS[match[1]][0], match[2]
    return example[:-1] + number if number else example
