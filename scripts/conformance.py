"""Hold a live platform's answers against the description, `openapi/skaha.yaml`.

It only reads, unless `--launch` has it run one headless session of its own, which it deletes. What
it reports shows no credentials, no ids, and none of the values that the platform answered but for
words of open sets, like a status.

Exit status: 0 the platform conforms; 1 it differs, or a session may be left behind; 2 it could not
be tried: wrong usage, no credentials that it takes, no image, or nobody there; 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import re
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import ParseError

import httpx
import yaml
from defusedxml import ElementTree
from jsonschema import Draft202012Validator, ValidationError

from skaha import SkahaClient
from skaha.errors import SkahaError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SPEC = Path(__file__).resolve().parent.parent / "openapi" / "skaha.yaml"

# What no platform has: ids that it could have given, and a word for a filter.
NOT_THERE = {"sessionID": "nosuch00", "appID": "no0"}
UNKNOWN_WORD = "nosuchword"

# What the texts of the description say of statuses. To its schemas every refusal is the same.
DONE = frozenset({200})
STATUSES = {
    "get_stats": DONE | {503},
    "get_session_events": DONE | {404},
    "renew_session": DONE | {400},
}
STATUSES_NOT_THERE = {
    name: frozenset({400, 404}) for name in ("get_session", "get_session_events", "get_desktop_app")
}
STATUSES_UNKNOWN_WORD = {"list_images": frozenset({400})}
STATUSES_ANONYMOUS = frozenset({400, 401, 403})
REJECTED = (401, 403)
FIRST_REFUSAL = 400

# Operations whose path names a session that the platform does not look at.
ANY_SESSION = ("list_desktop_apps", "list_all_desktop_apps")
LAUNCHING = ("create_session", "renew_session", "delete_session")
ENDED = frozenset({"Succeeded", "Completed", "Failed", "Error"})
MOST_FINDINGS = 20  # of one operation: what is wrong everywhere is clear by then
SETTLING = 10  # seconds until a launch or a deletion shows in the list

ID = re.compile(r"[A-Za-z0-9-]+")  # what can be put into a path as it is

JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
UNPARSABLE = (ValueError, RecursionError, ParseError, LookupError)


class UntriableError(Exception):
    """Says why the platform cannot be held against the description."""


def printable(text: str, longest: int = 160) -> str:
    """Return a platform's text as one short line that no terminal obeys."""
    line = "".join(
        letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split())
    )
    return line if len(line) <= longest else f"{line[:longest]} …"


def looks(seconds: float) -> Iterator[None]:
    """Give a turn now, and further ones after growing pauses, for so many seconds."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        yield
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


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
        parameters = [self._followed(parameter) for parameter in named]
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
                status: self._followed(response)
                for status, response in operation["responses"].items()
            },
            anonymous=operation.get("security") == [],
        )

    def _followed(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def _words(self, schema: dict[str, Any]) -> Iterator[str]:
        """Give the words that a schema knows, and one that it does not if it is open."""
        schema = self._followed(schema)
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
    return Description(yaml.safe_load(SPEC.read_text(encoding="utf-8")))


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


@dataclass
class Finding:
    """Something about the answers of an operation: where it was seen first, and how often."""

    request: str
    where: str
    what: str
    times: int = 1

    def __str__(self) -> str:
        """Return it for people."""
        often = f" ({self.times} times)" if self.times > 1 else ""
        return ": ".join(filter(None, (self.request, self.where, self.what))) + often


@dataclass
class Findings:
    """What was found out about one operation."""

    requests: int = 0
    note: str = ""  # why it was not tried, or only in part
    differences: list[Finding] = field(default_factory=list)
    news: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """One of `differs`, `ok` and `not tried`."""
        if self.differences:
            return "differs"
        return "ok" if self.requests else "not tried"

    def differs(self, request: str, what: str, where: str = "") -> None:
        """Keep a difference."""
        _keep(self.differences, Finding(request, where, what))

    def is_news(self, request: str, what: str, where: str) -> None:
        """Keep what is unknown and allowed."""
        _keep(self.news, Finding(request, where, what))


def _keep(findings: list[Finding], new: Finding) -> None:
    for one in findings:
        if (one.where, one.what) == (new.where, new.what):
            one.times += 1
            return
    if len(findings) < MOST_FINDINGS:
        findings.append(new)


@dataclass(frozen=True)
class Answer:
    """What the platform said."""

    status: int
    media_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def outcome(self) -> str:
        """The status, and why it was refused."""
        plain = self.status >= FIRST_REFUSAL and self.media_type == "text/plain"
        words = printable(self.text) if plain else ""
        return f"answered {self.status}: {words}" if words else f"answered {self.status}"

    def parsed(self) -> Any:
        """Return what the body means; raise one of UNPARSABLE if it means nothing."""
        if self.media_type == "application/json":
            return json.loads(self.body)
        if self.media_type == "text/xml":
            ElementTree.fromstring(self.body, forbid_dtd=True)
        return self.text

    def records(self) -> list[dict[str, Any]]:
        """Return the JSON objects in it, as far as it has any."""
        try:
            value = json.loads(self.body) if self.status in DONE else None
        except UNPARSABLE:
            return []
        return [
            one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)
        ]


class Check:
    """One platform, held against the description."""

    def __init__(self, client: SkahaClient) -> None:
        """Ask nothing yet."""
        self._client = client
        self._http = client.api.get_httpx_client()
        self._description = description()
        self._answered = False
        self.accepted = False  # are the credentials
        self.findings = {name: Findings() for name in self._description.operations}
        self.ids: dict[str, str] = {}
        self.image: str | None = None

    def ask(
        self,
        name: str,
        expected: Collection[int] | None = None,
        *,
        query: dict[str, str] | None = None,
        ids: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
        anonymous: bool = False,
    ) -> Answer | None:
        """Ask for an operation and hold the answer against the description.

        Args:
            name: The id of the operation.
            expected: Statuses that are right, if not those of `STATUSES`.
            query: If not just its view.
            ids: Those in its path.
            form: The body of the request.
            anonymous: Send no token.

        Returns:
            The answer, or None if there was none.

        Raises:
            UntriableError: If nobody is there, or the credentials are not taken.
        """
        operation, findings = self._description.operations[name], self.findings[name]
        query = operation.view if query is None else query
        label = f"{operation.method} {operation.path}{f'?{urlencode(query)}' if query else ''}"
        path = operation.path.format_map({key: quote(one, "") for key, one in (ids or {}).items()})
        request = self._http.build_request(operation.method, path, params=query, data=form)
        anonymous = anonymous or operation.anonymous
        findings.requests += 1
        if ids is not NOT_THERE:
            findings.note = ""
        try:
            answer = self._send(operation, request, {"auth": None} if anonymous else {})
        except httpx.HTTPError as error:
            why = f"no answer: {printable(str(error)) or type(error).__name__}"
            nobody = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            if nobody and not self._answered:
                raise UntriableError(f"{self._client.server}: {why}") from None
            findings.differs(label, why)
            return None
        self._answered = True
        if not anonymous:
            if answer.status in REJECTED and not self.accepted:
                raise UntriableError(f"the credentials are not taken: {answer.outcome}")
            self.accepted = True
        expected = expected or STATUSES.get(name, DONE)
        if answer.status not in expected:
            allowed = " or ".join(map(str, sorted(expected)))
            findings.differs(label, f"{answer.outcome}; not {allowed}")
        if answer.status in DONE or answer.status >= FIRST_REFUSAL:
            self._hold(operation, label, answer)
        return answer

    def _send(
        self, operation: Operation, request: httpx.Request, options: dict[str, Any]
    ) -> Answer:
        # Not as the client sends: it raises what is to be looked at here.
        response = httpx.Client.send(self._http, request, stream=True, **options)
        try:
            # Logs may be long, and the start of a text says as much as all of it.
            only_start = operation.method == "GET" and "text/plain" in operation.content(200)
            body = next(response.iter_bytes(), b"") if only_start else response.read()
        finally:
            response.close()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        token = self._client.token
        if isinstance(token, str):  # from here on it is in nothing that could be shown
            body = body.replace(token.encode(), b"[the token]")
        return Answer(response.status_code, media_type, body)

    def _hold(self, operation: Operation, label: str, answer: Answer) -> None:
        findings, content = self.findings[operation.name], operation.content(answer.status)
        if not answer.body and "application/json" not in content:
            return
        if answer.media_type not in content:
            found = printable(answer.media_type) or "something without a media type"
            findings.differs(
                label, f"answered {answer.status} with {found}, not {', '.join(content)}"
            )
            return
        try:
            value = answer.parsed()
        except UNPARSABLE:
            findings.differs(label, f"the body is not {answer.media_type}")
            return
        schema = content[answer.media_type]["schema"]
        for where, what in self._description.differences(schema, value):
            findings.differs(label, what, where)
        for where, what in self._description.news(schema, value):
            findings.is_news(label, what, where)

    def read(self) -> None:
        """Ask for everything that changes nothing."""
        for name, operation in self._description.operations.items():
            if operation.method == "GET":
                self._read(operation)
            else:
                launched = name in LAUNCHING
                self.findings[name].note = "only with --launch" if launched else "changes a desktop"
        if self._http.auth is not None:
            self.ask("list_sessions", STATUSES_ANONYMOUS, anonymous=True)

    def _read(self, operation: Operation) -> None:
        name = operation.name
        ids = NOT_THERE | self.ids if name in ANY_SESSION else self.ids
        if operation.ids <= ids.keys():
            for query in operation.queries():
                unknown = UNKNOWN_WORD in query.values()
                expected = STATUSES_UNKNOWN_WORD.get(name) if unknown else None
                answer = self.ask(name, expected, query=query, ids=ids)
                if answer is None:  # the next one would take as long
                    return
                self._remember(name, answer)
        else:
            self.findings[name].note = "only with an id that is not there: you have none"
        if operation.ids and name not in ANY_SESSION:
            expected = STATUSES_NOT_THERE.get(name, DONE)
            self.ask(name, expected, ids=NOT_THERE)

    def _remember(self, name: str, answer: Answer) -> None:
        """Keep what later requests ask for: a session, an app of its desktop, an image."""
        for record in answer.records():
            match name, record:
                case "list_sessions", {"id": str(session_id)} if session_id:
                    self.ids.setdefault("sessionID", session_id)
                case "list_desktop_apps", {"id": str(session_id), "appid": str(app_id)} if (
                    session_id and app_id
                ):
                    self.ids |= {"sessionID": session_id, "appID": app_id}
                case "list_images", {"id": str(image), "types": [*kinds]} if "headless" in kinds:
                    self.image = self.image or image


class Launch:
    """One headless session of our own, from its launch until it is gone."""

    def __init__(self, check: Check, patience: float) -> None:
        """Launch nothing yet; follow the session for so many seconds at most."""
        self._check = check
        self._patience = patience
        self._ids: set[str] = set()
        self._refused = False
        self.name = f"conformance-{secrets.token_hex(4)}"
        self.statuses: list[str] = []
        self.left = ""

    def run(self, image: str | None) -> None:
        """Launch it, follow it, and delete it whatever happens.

        Args:
            image: Its image, if not the first one that the platform lists for headless sessions.

        Raises:
            UntriableError: If there is no image.
        """
        image = image or self._check.image
        if image is None:
            raise UntriableError("no image for headless sessions is listed: give --image")
        form = {"name": self.name, "image": image, "type": "headless"}
        self.left = f"a session named {self.name} may be left behind: look for it, and delete it"
        try:
            answer = self._check.ask(
                "create_session", form=form | {"cmd": "echo", "args": "conformance"}
            )
            if answer is not None:
                self._refused = answer.status in range(FIRST_REFUSAL, 500)
                self._follow(answer)
        finally:
            if self._deleted():
                self.left = ""

    def _follow(self, created: Answer) -> None:
        if created.status not in DONE:
            return
        session_id = created.text.strip()
        if not ID.fullmatch(session_id):
            self._differs("create_session", "the body is not an id")
            return
        self._ids.add(session_id)
        if session_id not in (self._listed() or ()):
            self._differs("list_sessions", "the session that was just launched is not listed")
        for _ in looks(self._patience):
            answer = self._check.ask("get_session", ids={"sessionID": session_id})
            if answer is None or answer.status not in DONE:
                return
            self._look(session_id, answer)
            if ENDED.intersection(self.statuses):
                return

    def _look(self, session_id: str, answer: Answer) -> None:
        """Ask for all that can be asked of a session, when its status is a new one."""
        for record in answer.records():
            status = printable(str(record.get("status")), 40)
            if self.statuses[-1:] != [status]:
                self.statuses.append(status)
                ids = {"sessionID": session_id}
                self._check.ask("get_session_logs", ids=ids)
                self._check.ask("get_session_events", ids=ids)
                self._check.ask("renew_session", form={"action": "renew"}, ids=ids)

    def _deleted(self) -> bool:
        """Delete it and wait until it is gone; say whether it is."""
        done: set[str] = set()
        for _ in looks(min(self._patience, SETTLING)):
            listed = self._listed()
            for session_id in (self._ids | (listed or {}).keys()) - done:
                answer = self._check.ask("delete_session", ids={"sessionID": session_id})
                if answer is not None and answer.status in DONE:
                    done.add(session_id)
            # A launch whose answer was lost may take a while to show.
            known = self._refused or self._ids or done
            if known and listed is not None and set(listed.values()) <= {"Terminating"}:
                return True
        return False

    def _listed(self) -> dict[str, str] | None:
        """Return the status of each session with the name, by id; None if nobody tells."""
        answer = self._check.ask("list_sessions")
        if answer is None or answer.status not in DONE:
            return None
        return {
            str(record["id"]): str(record.get("status"))
            for record in answer.records()
            if record.get("name") == self.name and ID.fullmatch(str(record.get("id")))
        }

    def _differs(self, name: str, what: str) -> None:
        self._check.findings[name].differs(f"after the launch of {self.name}", what)


def parsed_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", required=True, help="base URL without the version, or `local`")
    parser.add_argument("--version", default="v1", help="version of the API (default: v1)")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--token-file", type=Path, help="file with a token (else: SKAHA_TOKEN)")
    who.add_argument("--token", help="a token; others on this machine can see it here")
    who.add_argument("--certificate", type=Path, help="proxy certificate with its key, in PEM")
    parser.add_argument("--launch", action="store_true", help="run one headless session, too")
    parser.add_argument("--image", help="its image (default: the first one that is listed)")
    parser.add_argument(
        "--patience", type=float, default=120, help="seconds to follow it at most (default: 120)"
    )
    parser.add_argument(
        "--timeout", type=float, default=30, help="seconds to wait for an answer (default: 30)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def connected(options: argparse.Namespace) -> SkahaClient:
    """Return the client of the platform that was asked for."""
    token = options.token
    if token is not None:
        print("--token shows in lists of processes: prefer --token-file", file=sys.stderr)
    elif options.token_file is not None:
        token = options.token_file.read_text(encoding="utf-8")
    elif options.certificate is None:
        token = os.environ.get("SKAHA_TOKEN")
    client = SkahaClient(
        options.server,
        options.version,
        token,
        options.certificate,
        timeout=options.timeout,
    )
    client._require_credentials()  # noqa: SLF001  (or all that can be said is what it refuses)
    return client


def show(check: Check, launch: Launch | None) -> None:
    """Print what was found out, for people."""
    for name, findings in check.findings.items():
        requests = f"requests: {findings.requests}" if findings.requests else ""
        facts = "; ".join(filter(None, (requests, findings.note)))
        print(f"{findings.verdict:9}  {name:24}  {facts}")
        for finding in findings.differences:
            print(f"    {finding}")
        for finding in findings.news:
            print(f"    news: {finding}")
    verdicts = [one.verdict for one in check.findings.values()]
    counts = [f"{verdicts.count(one)} {one}" for one in ("ok", "differs", "not tried")]
    print(f"\n{len(verdicts)} operations: {', '.join(counts)}.")
    if launch is not None:
        print(f"Launched {launch.name}: {', '.join(launch.statuses) or 'it was never seen'}.")


def show_json(check: Check, launch: Launch | None) -> None:
    """Print what was found out, for programs."""
    operations = {
        name: {"verdict": findings.verdict} | dataclasses.asdict(findings)
        for name, findings in check.findings.items()
    }
    launched = None
    if launch is not None:
        launched = {"name": launch.name, "statuses": launch.statuses, "left": bool(launch.left)}
    print(json.dumps({"operations": operations, "launched": launched}, indent=2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = parsed_arguments(arguments)
    try:
        client = connected(options)
    except (SkahaError, OSError, UnicodeError) as error:
        print(error, file=sys.stderr)
        return 2
    check, launch, status = Check(client), None, 0
    try:
        check.read()
        if options.launch:
            launch = Launch(check, options.patience)
            launch.run(options.image)
    except UntriableError as error:
        print(error, file=sys.stderr)
        status = 2
        if not check.accepted:
            return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    finally:
        client.api.close()
    (show_json if options.json else show)(check, launch)
    left = launch.left if launch is not None else ""
    if left:
        print(left, file=sys.stderr)
    differs = any(findings.differences for findings in check.findings.values())
    return status or int(differs or bool(left))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is launched is deleted
    sys.exit(main())
