"""A platform whose sessions do what a test says, from one look at their list to the next."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from scripted import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scripted import Received

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
TOKEN = "a-token-of-the-tests"


def record(session_id: str, status: str = "Running", **more: Any) -> dict[str, Any]:
    """A session as the platform tells it."""
    first = {"id": session_id, "name": f"name-of-{session_id}", "type": "headless"}
    return {**first, "status": status, **more}


def look(statuses: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """A list of sessions by their statuses; `None` is one that is not listed."""
    return [record(one, status) for one, status in statuses.items() if status is not None]


class Stage:
    """Responses of the scripted server.

    Attributes:
        looks: The list of sessions at each look at it, or another answer; the last one stays.
        prints: What each session answers about its log at each reading; the last one stays.
        refused: What is answered instead, by the method and the last part of the path or the name.
        records: What is answered about a session by its id; by default its record in the last list.
        events: What is answered about the events of a session.
        times: When the list was looked at.
        forms: What was to be launched.
        reads: Whose log was read.
        ended: Who was to be ended.
    """

    def __init__(
        self,
        *looks: list[dict[str, Any]] | Answer | None,
        prints: Mapping[str, Sequence[bytes | Answer | None]] | None = None,
    ) -> None:
        self.looks = list(looks)
        self.prints = {one: list(texts) for one, texts in (prints or {}).items()}
        self.refused: dict[str, Answer | None] = {}
        self.records: dict[str, list[Answer | None]] = {}
        self.events: dict[str, Answer | None] = {}
        self._last_look = self.looks[0] if isinstance(self.looks[0], list) else []
        self.times: list[float] = []
        self.forms: list[dict[str, list[str]]] = []
        self.reads: list[str] = []
        self.ended: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, request: Received) -> Answer | None:
        with self._lock:
            return self._answer(request)

    def _answer(self, request: Received) -> Answer | None:
        last = request.path.rpartition("/")[2]
        if request.method == "POST" and last == "session":
            self.forms.append(request.form)
            last = request.form["name"][0]
        if (word := f"{request.method} {last}") in self.refused:
            return self.refused[word]
        if request.method == "GET":
            return self._read(request, last)
        if request.method == "POST":
            return Answer(200, f"id-of-{last}\n")
        self.ended.append(last)
        return Answer()

    def _read(self, request: Received, last: str) -> Answer | None:
        if last == "session":
            return self._list()
        if request.query.get("view") == ["logs"]:
            self.reads.append(last)
            said = _next(self.prints.get(last, [b""]))
            return Answer(200, said) if isinstance(said, bytes) else said
        if request.query.get("view") == ["events"]:
            return self.events.get(last, Answer(404, f"session {last} not found.\n"))
        return self._look_up(last)

    def _list(self) -> Answer | None:
        self.times.append(time.monotonic())
        said = _next(self.looks)
        if not isinstance(said, list):
            return said
        self._last_look = said
        return json_answer(said)

    def _look_up(self, session_id: str) -> Answer | None:
        if session_id in self.records:
            return _next(self.records[session_id])
        for record in self._last_look:
            if record.get("id") == session_id:
                return json_answer(record)
        return Answer(404, f"session {session_id} not found\n")


def _next(script: list[Any]) -> Any:
    return script.pop(0) if len(script) > 1 else script[0]


@contextlib.contextmanager
def embedded(state: Path, *options: str) -> Iterator[SimpleNamespace]:
    """An embedded platform of a test's own: its `url`, its `token` and its `state` directory."""
    command = [sys.executable, "-m", "skaha.local", "serve", "--token", TOKEN]
    command += ["--state", str(state), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield SimpleNamespace(url=process.stdout.readline().strip(), token=TOKEN, state=state)
        finally:
            process.terminate()
