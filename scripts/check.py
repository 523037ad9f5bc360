"""Asks a live platform for what the description has, and keeps what it says otherwise."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import ParseError

import httpx
from defusedxml import ElementTree
from schemas import UNKNOWN_WORD, Operation, description, printable

if TYPE_CHECKING:
    from collections.abc import Collection

    from skaha import SkahaClient

# What no platform has, though it could have given such ids.
NOT_THERE = {"sessionID": "nosuch00", "appID": "no0"}

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
MOST_FINDINGS = 20  # of one operation: what is wrong everywhere is clear by then

UNPARSABLE = (ValueError, RecursionError, ParseError, LookupError)


class UntriableError(Exception):
    """Says why the platform cannot be held against the description."""


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
        _, _, token = response.request.headers.get("authorization", "").partition(" ")
        if token:  # from here on it is in nothing that could be shown
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
