"""Requests for every operation of the description, and a check of each response.

The requests that `Check.read` sends change nothing on the platform.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx
from attrs import define, field, frozen
from schemas import UNKNOWN_WORD, Operation, description, printable

from skaha._sansio.vosi import parse_xml

if TYPE_CHECKING:
    from collections.abc import Collection

    from skaha import SkahaClient

# Ids that are valid and that no platform has.
MISSING_IDS = {"sessionID": "nosuch00", "appID": "no0"}

# The description has one response for all refusals; only its texts name these statuses.
SUCCESS = frozenset({200})
STATUSES = {
    "get_stats": SUCCESS | {503},
    "get_session_events": SUCCESS | {404},
    "renew_session": SUCCESS | {400},
}
STATUSES_OF_MISSING = {
    name: frozenset({400, 404}) for name in ("get_session", "get_session_events", "get_desktop_app")
}
STATUSES_OF_UNKNOWN_WORD = {"list_images": frozenset({400})}
STATUSES_WITHOUT_CREDENTIALS = frozenset({400, 401, 403})
REJECTED = (401, 403)
FIRST_REFUSAL = 400
ABSENT = 404

# The platform ignores the session in the path of these operations.
ANY_SESSION = ("list_desktop_apps", "list_all_desktop_apps")
LAUNCHING = ("create_session", "renew_session", "delete_session")
MOST_FINDINGS = 20  # of one operation; more findings would not add information

UNPARSABLE = (ValueError, RecursionError, LookupError)


class UntriableError(Exception):
    """The platform cannot be checked. The message names the reason."""


@define
class Finding:
    """A property of the responses of one operation: its first place, and how often it was seen."""

    request: str
    where: str
    what: str
    times: int = 1

    def __str__(self) -> str:
        """Return the finding for people."""
        count = f" ({self.times} times)" if self.times > 1 else ""
        return ": ".join(filter(None, (self.request, self.where, self.what))) + count


@define
class Findings:
    """The result for one operation.

    Attributes:
        requests: Number of requests.
        note: The reason why the operation was not tried, or was tried only in part.
        differences: Differences from the description.
        news: Values that the description allows but does not list.
    """

    requests: int = 0
    note: str = ""
    differences: list[Finding] = field(factory=list)
    news: list[Finding] = field(factory=list)

    @property
    def verdict(self) -> str:
        """`differs`, `ok` or `not tried`."""
        if self.differences:
            return "differs"
        return "ok" if self.requests else "not tried"

    def add_difference(self, request: str, what: str, where: str = "") -> None:
        """Keep a difference."""
        _add(self.differences, Finding(request, where, what))

    def add_news(self, request: str, what: str, where: str) -> None:
        """Keep a value that the description allows but does not list."""
        _add(self.news, Finding(request, where, what))


def _add(findings: list[Finding], new: Finding) -> None:
    for finding in findings:
        if (finding.where, finding.what) == (new.where, new.what):
            finding.times += 1
            return
    if len(findings) < MOST_FINDINGS:
        findings.append(new)


@frozen
class Response:
    """The status, the media type and the body of a response."""

    status: int
    media_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def summary(self) -> str:
        """The status, and the reason of a refusal."""
        is_reason = self.status >= FIRST_REFUSAL and self.media_type == "text/plain"
        reason = printable(self.text) if is_reason else ""
        return f"status {self.status}: {reason}" if reason else f"status {self.status}"

    def parsed(self) -> Any:
        """Return the content of the body; raise an error of `UNPARSABLE` if it is malformed."""
        if self.media_type == "application/json":
            return json.loads(self.body)
        if self.media_type == "text/xml":
            parse_xml(self.body)
        return self.text

    def records(self) -> list[dict[str, Any]]:
        """Return the JSON objects in the body of a success, or an empty list."""
        try:
            value = json.loads(self.body) if self.status in SUCCESS else None
        except UNPARSABLE:
            return []
        items = value if isinstance(value, list) else [value]
        return [item for item in items if isinstance(item, dict)]


def _has(record: dict[str, Any], name: str, word: str) -> bool:
    """Return whether a record has the word of a filter; an image has a list of words, `types`."""
    words = record.get(f"{name}s", [record.get(name)])
    return isinstance(words, list) and word.lower() in (str(item).lower() for item in words)


class Check:
    """The check of one platform."""

    def __init__(self, client: SkahaClient) -> None:
        """Prepare the check; send no request yet."""
        self._client = client
        self._http = client.api.get_httpx_client()
        self._description = description()
        self._has_response = False
        self.has_access = False  # the platform accepted the credentials
        self.findings = {name: Findings() for name in self._description.operations}
        self.ids: dict[str, str] = {}
        self.image: str | None = None
        # The members of all records by the names of their schemas.
        self._seen: dict[str, set[str]] = {}

    @property
    def unseen(self) -> dict[str, list[str]]:
        """The described fields that no response contained, by the names of their schemas."""
        return self._description.unseen(self._seen)

    def request(
        self,
        name: str,
        expected: Collection[int] | None = None,
        *,
        query: dict[str, str] | None = None,
        ids: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
        anonymous: bool = False,
    ) -> Response | None:
        """Send a request for an operation and check the response.

        Args:
            name: The id of the operation.
            expected: The expected statuses; by default those of `STATUSES`.
            query: The query; by default the view of the operation.
            ids: The ids in the path.
            form: The form in the body.
            anonymous: Whether to send no credentials.

        Returns:
            The response, or `None` if there is no response.

        Raises:
            UntriableError: If the platform does not respond at all, rejects the credentials, or
                does not have the version.
        """
        operation, findings = self._description.operations[name], self.findings[name]
        query = operation.view if query is None else query
        label = f"{operation.method} {operation.path}{f'?{urlencode(query)}' if query else ''}"
        quoted_ids = {key: quote(value, "") for key, value in (ids or {}).items()}
        path = operation.path.format_map(quoted_ids)
        request = self._http.build_request(operation.method, path, params=query, data=form)
        anonymous = anonymous or operation.is_anonymous
        findings.requests += 1
        if ids is not MISSING_IDS:
            findings.note = ""
        try:
            response = self._send(operation, request, {"auth": None} if anonymous else {})
        except httpx.HTTPError as error:
            reason = f"no response: {printable(str(error)) or type(error).__name__}"
            is_absent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            if is_absent and not self._has_response:
                raise UntriableError(f"{self._client.server}: {reason}") from None
            findings.add_difference(label, reason)
            return None
        self._has_response = True
        if not anonymous:
            if response.status in REJECTED and not self.has_access:
                raise UntriableError(f"the platform rejects the credentials: {response.summary}")
            if name == "list_sessions" and response.status == ABSENT:
                raise UntriableError(self._wrong_version())
            self.has_access = True
        expected = expected or STATUSES.get(name, SUCCESS)
        if response.status not in expected:
            allowed = " or ".join(map(str, sorted(expected)))
            findings.add_difference(label, f"{response.summary}; expected {allowed}")
        if response.status in SUCCESS or response.status >= FIRST_REFUSAL:
            self._check_body(operation, label, response)
        return response

    def _wrong_version(self) -> str:
        """Return the reason why the platform does not have the list of sessions."""
        capabilities = self._description.operations["get_capabilities"]
        request = self._http.build_request(capabilities.method, capabilities.path)
        try:
            text = self._send(capabilities, request, {"auth": None}).text
        except httpx.HTTPError:
            text = ""
        versions = ", ".join(sorted(set(re.findall(r"/(v\d+)/session", text)))) or "none"
        return (
            f"{self._client.server} has no sessions in version {self._client.version}. Versions in "
            f"its capabilities: {versions}. Choose one with --version, or correct --server."
        )

    def _send(
        self, operation: Operation, request: httpx.Request, options: dict[str, Any]
    ) -> Response:
        # The client's own `send` raises an error for each refusal, and refusals are checked here.
        response = httpx.Client.send(self._http, request, stream=True, **options)
        try:
            # Logs can be long, and the beginning of a text is enough to check it.
            is_text = operation.method == "GET" and "text/plain" in operation.content(200)
            body = next(response.iter_bytes(), b"") if is_text else response.read()
        finally:
            response.close()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        _, _, token = response.request.headers.get("authorization", "").partition(" ")
        if token:  # a finding must not contain it
            body = body.replace(token.encode(), b"[the token]")
        return Response(response.status_code, media_type, body)

    def _check_body(self, operation: Operation, label: str, response: Response) -> None:
        findings, content = self.findings[operation.name], operation.content(response.status)
        if not response.body and "application/json" not in content:
            return
        if response.media_type not in content:
            media_type = printable(response.media_type) or "no media type"
            findings.add_difference(
                label, f"status {response.status} with {media_type}, not {', '.join(content)}"
            )
            return
        try:
            value = response.parsed()
        except UNPARSABLE:
            findings.add_difference(label, f"the body is not {response.media_type}")
            return
        schema = content[response.media_type]["schema"]
        for where, what in self._description.differences(schema, value):
            findings.add_difference(label, what, where)
        for where, what in self._description.news(schema, value):
            findings.add_news(label, what, where)
        for record, members in self._description.members(schema, value):
            self._seen.setdefault(record, set()).update(members)

    def read(self) -> None:
        """Send all requests that change nothing."""
        for name, operation in self._description.operations.items():
            if operation.method == "GET":
                self._read(operation)
            else:
                is_launch = name in LAUNCHING
                self.findings[name].note = (
                    "only with --launch" if is_launch else "changes the platform"
                )
        if self._http.auth is not None:
            self.request("list_sessions", STATUSES_WITHOUT_CREDENTIALS, anonymous=True)

    def _read(self, operation: Operation) -> None:
        name = operation.name
        ids = MISSING_IDS | self.ids if name in ANY_SESSION else self.ids
        if operation.ids <= ids.keys():
            whole: list[dict[str, Any]] | None = None
            for query in operation.queries():
                is_unknown = UNKNOWN_WORD in query.values()
                expected = STATUSES_OF_UNKNOWN_WORD.get(name) if is_unknown else None
                response = self.request(name, expected, query=query, ids=ids)
                if response is None:  # the next request would take as long
                    return
                self._remember(name, response)
                if whole is None:
                    whole = response.records()
                elif response.status in SUCCESS:
                    self._check_filter(operation, query, whole, response.records())
        else:
            self.findings[name].note = "only with the id of a missing session: you have none"
        if operation.ids and name not in ANY_SESSION:
            expected = STATUSES_OF_MISSING.get(name, SUCCESS)
            self.request(name, expected, ids=MISSING_IDS)

    def _check_filter(
        self,
        operation: Operation,
        query: dict[str, str],
        whole: list[dict[str, Any]],
        kept: list[dict[str, Any]],
    ) -> None:
        """Check that a filter keeps the right records of the whole list."""
        [(name, word)] = query.items() - operation.view.items()
        label = f"{operation.method} {operation.path}?{urlencode(query)}"
        findings = self.findings[operation.name]
        if not all(_has(record, name, word) for record in kept):
            findings.add_difference(label, f"the filter {name} keeps other records")
        elif not kept and any(_has(record, name, word) for record in whole):
            findings.add_difference(label, f"the filter {name} keeps no record")

    def _remember(self, name: str, response: Response) -> None:
        """Keep the ids for later requests: a session, an app of its desktop, an image."""
        for record in response.records():
            match name, record:
                case "list_sessions", {"id": str(session_id)} if session_id:
                    self.ids.setdefault("sessionID", session_id)
                case "list_desktop_apps", {"id": str(session_id), "appid": str(app_id)} if (
                    session_id and app_id
                ):
                    self.ids |= {"sessionID": session_id, "appID": app_id}
                case "list_images", {"id": str(image), "types": [*kinds]} if "headless" in kinds:
                    self.image = self.image or image
