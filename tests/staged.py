"""A scripted platform: a test says how its sessions change from one listing to the next."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from scripted import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scripted import Received

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
TOKEN = "a-token-of-the-tests"


def record(session_id: str, status: str = "Running", **more: Any) -> dict[str, Any]:
    """Return the record of a session."""
    base = {"id": session_id, "name": f"name-of-{session_id}", "type": "headless"}
    return {**base, "status": status, **more}


def listing(statuses: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Return the list of these sessions; a session with the status `None` is missing in it."""
    return [record(key, status) for key, status in statuses.items() if status is not None]


class Stage:
    """Responses of the scripted server, and the requests that it received.

    Attributes:
        listings: The list of sessions, or another response, for each request of the list. The last
            element answers all further requests.
        logs: By session id, the log or another response for each request of the log. The last
            element answers all further requests.
        overrides: Responses that replace the usual ones. The key is the method and the last part
            of the path; for a launch, the method and the name of the session.
        records: By session id, the response for each request of the record. By default it is the
            record in the last listing.
        events: By session id, the response for a request of the events.
        listing_times: The time of each request of the list, in seconds of the monotonic clock.
        forms: The form of each launch.
        log_reads: The session id of each request of a log.
        deleted: The session id of each deletion.
    """

    def __init__(
        self,
        *listings: list[dict[str, Any]] | Response | None,
        logs: Mapping[str, Sequence[bytes | Response | None]] | None = None,
    ) -> None:
        self.listings = list(listings)
        self.logs = {session_id: list(texts) for session_id, texts in (logs or {}).items()}
        self.overrides: dict[str, Response | None] = {}
        self.records: dict[str, list[Response | None]] = {}
        self.events: dict[str, Response | None] = {}
        self._last_listing = self.listings[0] if isinstance(self.listings[0], list) else []
        self.listing_times: list[float] = []
        self.forms: list[dict[str, list[str]]] = []
        self.log_reads: list[str] = []
        self.deleted: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, request: Received) -> Response | None:
        with self._lock:
            return self._respond(request)

    def _respond(self, request: Received) -> Response | None:
        last = request.path.rpartition("/")[2]
        if request.method == "POST" and last == "session":
            self.forms.append(request.form)
            last = request.form["name"][0]
        if (key := f"{request.method} {last}") in self.overrides:
            return self.overrides[key]
        if request.method == "GET":
            return self._read(request, last)
        if request.method == "POST":
            return Response(200, f"id-of-{last}\n")
        self.deleted.append(last)
        return Response()

    def _read(self, request: Received, last: str) -> Response | None:
        if last == "session":
            return self._list()
        if request.query.get("view") == ["logs"]:
            self.log_reads.append(last)
            log = _next(self.logs.get(last, [b""]))
            return Response(200, log) if isinstance(log, bytes) else log
        if request.query.get("view") == ["events"]:
            return self.events.get(last, Response(404, f"session {last} not found.\n"))
        return self._look_up(last)

    def _list(self) -> Response | None:
        self.listing_times.append(time.monotonic())
        response = _next(self.listings)
        if not isinstance(response, list):
            return response
        self._last_listing = response
        return json_response(response)

    def _look_up(self, session_id: str) -> Response | None:
        if session_id in self.records:
            return _next(self.records[session_id])
        for record in self._last_listing:
            if record.get("id") == session_id:
                return json_response(record)
        return Response(404, f"session {session_id} not found\n")


def _next(script: list[Any]) -> Any:
    return script.pop(0) if len(script) > 1 else script[0]


@contextlib.contextmanager
def embedded(state: Path, *options: str) -> Iterator[SimpleNamespace]:
    """Start an embedded platform for one test; yield its `url`, `token` and `state` directory."""
    command = [sys.executable, "-m", "skaha.local", "serve", "--token", TOKEN]
    command += ["--state", str(state), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield SimpleNamespace(url=process.stdout.readline().strip(), token=TOKEN, state=state)
        finally:
            process.terminate()
