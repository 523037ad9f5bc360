"""A platform on a bad network: real sockets, and faults that a seed brings back exactly.

What befalls a request is drawn by a generator that is keyed by the seed, by what is asked for and
by how often it was asked for before: so neither threads nor the order of arrival change it.
"""

import contextlib
import email.utils
import enum
import json
import random
import socket
import ssl
import string
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Self
from urllib.parse import parse_qs, unquote, urlsplit

_RESET = struct.pack("ii", 1, 0)
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class Doing(enum.Enum):
    """When a request is done, if it is."""

    NEVER = "never"
    NOW = "now"
    BEFORE_LIST = "before the next list is made"
    AFTER_LIST = "after the next list is made"
    AT_REPEAT = "when the launch is sent again"


class Ending(enum.Enum):
    """The end of a response."""

    WHOLE = "whole"
    NOTHING = "reset before the first byte"
    RESET_MIDWAY = "reset in the middle"
    CLOSED_MIDWAY = "closed in the middle"
    STALL = "silence until the client hangs up"
    STALL_MIDWAY = "silence in the middle until the client hangs up"


@dataclass(frozen=True)
class Fault:
    """The fault of a request; by default none."""

    name: str
    doing: Doing = Doing.NOW
    ending: Ending = Ending.WHOLE
    status: int = 0
    retry_after: float | None = None
    dated: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    raw: bytes | None = None
    # Bytes after the response, on a connection that stays open.
    surplus: bytes = b""
    # Seconds after the response at which the platform executes the request.
    late: float = 0

    def __str__(self) -> str:
        return self.name


def refused(status: int, retry_after: float | None = None, *, dated: bool = False) -> Fault:
    """Not done, and said so."""
    name = f"{status}" if retry_after is None else f"{status} retry {retry_after} {dated=}"
    return Fault(name, Doing.NEVER, status=status, retry_after=retry_after, dated=dated)


NONE = Fault("none")
RESET_UNDONE = Fault("reset, not done", Doing.NEVER, Ending.NOTHING)
RESET_DONE = Fault("done, then reset", ending=Ending.NOTHING)
RESET_MIDWAY = Fault("done, reset in the middle of the answer", ending=Ending.RESET_MIDWAY)
HALF_BODY = Fault("done, half a body", ending=Ending.CLOSED_MIDWAY)
STALL_UNDONE = Fault("stalled, not done", Doing.NEVER, Ending.STALL)
STALL_DONE = Fault("done, then stalled", ending=Ending.STALL)
STALL_MIDWAY = Fault("done, stalled in the middle", ending=Ending.STALL_MIDWAY)
LATE = Fault("stalled, done later", Doing.BEFORE_LIST, Ending.STALL)
TOO_LATE = Fault("stalled, done after it was looked for", Doing.AFTER_LIST, Ending.STALL)
LATE_504 = Fault("504, done after it was looked for", Doing.AFTER_LIST, status=504)
AT_REPEAT = Fault("503, done when it is sent again", Doing.AT_REPEAT, status=503)
DONE_500 = Fault("done, then 500", status=500)
DONE_502 = Fault("done, then 502", status=502)
DONE_503 = Fault("done, then 503", status=503)
PAGE = Fault(
    "done, another's page",
    headers=(("Content-Type", "text/html"),),
    body=b"<!doctype html><html><title>Welcome to the hotel</title></html>",
)
BINARY = Fault("done, bytes for a body", body=bytes(range(256)))
EMPTY = Fault("done, no body", body=b"")
NOT_HTTP = Fault("done, no HTTP", raw=b"\x16\x03\x01 220 smtp.example ESMTP\r\n\r\n\x00\xff")
BAD_LENGTH = Fault(
    "done, a length that is none", raw=b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"
)
BAD_CODING = Fault(
    "done, packed as no unpacker reads",
    headers=(("Content-Encoding", "gzip"),),
    body=b"this is not gzip",
)
SURPLUS = Fault(
    "done, a second response after the first",
    surplus=b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabcdefgh\n",
)

REFUSALS = (
    *(refused(status) for status in (429, 500, 502, 503, 504)),
    *(refused(status, seconds) for status in (429, 503) for seconds in (0, 1)),
    *(refused(status, 1, dated=True) for status in (429, 503)),
)
CUTS = (RESET_UNDONE, RESET_DONE, RESET_MIDWAY, HALF_BODY, LATE_504, DONE_500, DONE_502, DONE_503)
GARBAGE = (PAGE, BINARY, EMPTY, NOT_HTTP, BAD_LENGTH, BAD_CODING, SURPLUS)
STALLS = (STALL_UNDONE, STALL_DONE, STALL_MIDWAY, LATE, TOO_LATE)
# Stalls cost a time-out each: they are drawn a third as often as the rest.
ALL = (*REFUSALS, *CUTS, *GARBAGE) * 3 + STALLS


@dataclass
class Received:
    """A request as it came over the socket, and what became of it."""

    method: str
    target: str
    headers: dict[str, str]
    form: dict[str, list[str]]
    fault: Fault = NONE
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def what(self) -> str:
        """The word by which faults are scripted: `POST run-1`, `GET session`, `DELETE abcdefgh`."""
        return f"{self.method} {self.form.get('name', [self.path.rpartition('/')[2]])[0]}"

    @property
    def is_list(self) -> bool:
        return self.what == "GET session"


@dataclass
class Stored:
    """A session on the platform."""

    id: str
    name: str
    kind: str
    image: str
    env: list[str] = field(default_factory=list)
    started: float = 0
    # Time of the monotonic clock at which the list shows the session.
    listed_at: float = 0

    def record(self, *, has_start_time: bool = True) -> dict[str, Any]:
        record = {
            "id": self.id,
            "userid": "vrubin",
            "type": self.kind,
            "status": "Running",
            "name": self.name,
            "image": self.image,
            "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "connectURL": "",
        }
        if not has_start_time:
            del record["startTime"]
        return record


class FaultyPlatform:
    """Keeps sessions as the platform does, while requests and answers are lost on the way.

    Args:
        seed: What brings the same faults back.
        rate: The share of requests that a fault befalls.
        faults: The faults that are drawn from.
        unread: The share of connections that are reset before anything is read.
        tls: How to speak TLS; without it, plain http.
        forgetful: Answer 200 to the deletion of what is not there, as newer platforms do.
        launch_seconds: Time that the platform takes for a launch.
        list_lag: Seconds for which the list lacks a new session.
        has_dates: Whether responses have a `Date` header.
        has_start_times: Whether records have a `startTime`.
    """

    def __init__(
        self,
        seed: int = 0,
        rate: float = 0,
        faults: Sequence[Fault] = ALL,
        *,
        unread: float = 0,
        tls: ssl.SSLContext | None = None,
        forgetful: bool = True,
        launch_seconds: float = 0,
        list_lag: float = 0,
        has_dates: bool = True,
        has_start_times: bool = True,
    ) -> None:
        self.seed, self.rate, self.faults, self.unread = seed, rate, faults, unread
        self.forgetful = forgetful
        self.launch_seconds, self.list_lag = launch_seconds, list_lag
        self.has_dates, self.has_start_times = has_dates, has_start_times
        self.spared: set[str] = set()
        self.received: list[Received] = []
        self.sessions: dict[str, Stored] = {}
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0
        # Called with each request that was read, before anything is done about it.
        self.on_request: Callable[[Received], object] = lambda _: None
        self._scripts: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._times: Counter[str] = Counter()
        self._late: dict[Doing, list[Received]] = {
            Doing.BEFORE_LIST: [],
            Doing.AFTER_LIST: [],
            Doing.AT_REPEAT: [],
        }
        self._tls = tls
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._timers: list[threading.Timer] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/skaha"

    # What a test says and asks.

    def script(self, what: str, *faults: Fault) -> None:
        """Let these faults, one after the other, befall the next requests for `what`."""
        self._scripts[what].extend(faults)

    def always(self, what: str, fault: Fault) -> None:
        """Let this fault befall every request for `what`, once its script is over."""
        self._always[what] = fault

    def add(self, name: str, kind: str = "headless", age: float = 3600) -> str:
        """Make a session that was launched `age` seconds ago; return its id."""
        return self._make(Received("POST", "", {}, {"name": [name], "type": [kind]}), age)

    def named(self, prefix: str = "") -> dict[str, list[str]]:
        """Return the ids of the sessions whose names begin so, by name."""
        found = defaultdict[str, list[str]](list)
        with self._lock:
            for one in self.sessions.values():
                if one.name.startswith(prefix):
                    found[one.name].append(one.id)
        return dict(found)

    def seen(self, what: str = "") -> list[Received]:
        """Return the requests whose word begins so."""
        with self._lock:
            return [one for one in self.received if one.what.startswith(what)]

    def words(self) -> list[str]:
        """Return the word of each request, in the order in which they were read."""
        return [one.what for one in self.seen()]

    def wait_for(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Wait until requests that come in make `condition` true."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.words()

    # The network.

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._copy(self._sockets)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for timer in self._timers:
            timer.cancel()
        for thread in self._copy(self._threads):
            thread.join(10)
            assert not thread.is_alive()
        self._listener.close()

    def _copy(self, shared: Iterable[Any]) -> list[Any]:
        with self._lock:
            return list(shared)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="faulty")
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                chance = random.Random(f"{self.seed}/connection {self.connections}").random()
                self._sockets.add(connection)
            if chance < self.unread:
                self._cut(connection)
            else:
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                connection = tls_connection = self._wrapped(connection)
                _shake_hands(tls_connection)
            with connection.makefile("rb") as stream:
                while (request := _read(stream)) is not None and self._handle(connection, request):
                    pass
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets.discard(connection)
            connection.close()

    def _wrapped(self, connection: socket.socket) -> ssl.SSLSocket:
        assert self._tls is not None
        with self._lock:
            self._sockets.discard(connection)
            wrapped = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
            self._sockets.add(wrapped)
        return wrapped

    def _cut(self, connection: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()

    def _handle(self, connection: socket.socket, request: Received) -> bool:
        """Answer a request; say whether the connection may be used again."""
        with self._changed:
            request.fault = fault = self._draw(request)
            self.received.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self._changed.notify_all()
        try:
            self.on_request(request)
            answer = self._answer(request)
        finally:
            with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()
        body = answer.partition(b"\r\n\r\n")[2]
        if fault.ending is Ending.WHOLE:
            connection.sendall(answer + fault.surplus)
            return fault.raw is None
        if fault.ending in (Ending.RESET_MIDWAY, Ending.CLOSED_MIDWAY, Ending.STALL_MIDWAY):
            connection.sendall(answer[: -1 - len(body) // 2])
        if fault.ending in (Ending.STALL, Ending.STALL_MIDWAY):
            connection.recv(1)
        elif fault.ending is not Ending.CLOSED_MIDWAY:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return False

    def _draw(self, request: Received) -> Fault:
        what = request.what
        self._times[what] += 1
        if self._scripts[what]:
            return self._scripts[what].popleft()
        if what in self._always:
            return self._always[what]
        draw = random.Random(f"{self.seed}/{what}/{self._times[what]}")
        if draw.random() >= self.rate or what in self.spared:
            return NONE
        return draw.choice(self.faults)

    # The platform.

    def _answer(self, request: Received) -> bytes:
        fault = request.fault
        if self.launch_seconds and request.method == "POST":
            time.sleep(self.launch_seconds)
        with self._lock:
            status, body, kind = self._done(request)
        if fault.raw is not None:
            return fault.raw
        if fault.status:
            status, body, kind = fault.status, b"temporarily unavailable\n", "text/plain"
        headers = {"Content-Type": kind} | dict(fault.headers)
        if self.has_dates:
            headers["Date"] = email.utils.formatdate(usegmt=True)
        body = body if fault.body is None else fault.body
        if fault.retry_after is not None:
            when = time.time() + fault.retry_after
            date = email.utils.formatdate(when, usegmt=True)
            headers["Retry-After"] = date if fault.dated else str(fault.retry_after)
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'So It Is')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def _done(self, request: Received) -> tuple[int, bytes, str]:
        """Do what is asked for, now or later; return what there is to say if nothing goes wrong."""
        doing = request.fault.doing
        self._do_late(Doing.AT_REPEAT, request.what)
        if request.fault.late and request.method != "GET":
            timer = threading.Timer(request.fault.late, self._done_late, [request])
            self._timers.append(timer)
            timer.start()
            return 0, b"", "text/plain"
        if doing is Doing.NOW:
            return self._read(request) if request.method == "GET" else self._change(request)
        if doing is not Doing.NEVER and request.method != "GET":
            self._late[doing].append(request)
        return 0, b"", "text/plain"

    def _done_late(self, request: Received) -> None:
        with self._changed:
            self._done(replace(request, fault=NONE))
            self._changed.notify_all()

    def _change(self, request: Received) -> tuple[int, bytes, str]:
        if request.method == "POST":
            return 200, f"{self._make(request)}\n".encode(), "text/plain"
        found = self.sessions.pop(unquote(request.path.rpartition("/")[2]), None)
        missing = found is None and not self.forgetful
        return (404, b"not found\n", "text/plain") if missing else (200, b"", "text/plain")

    def _read(self, request: Received) -> tuple[int, bytes, str]:
        if request.is_list:
            self._do_late(Doing.BEFORE_LIST)
            body = self._list(request)
            self._do_late(Doing.AFTER_LIST)
            return 200, body, "application/json"
        if request.query.get("view"):
            return 200, b"a line\n", "text/plain"
        stored = self.sessions.get(unquote(request.path.rpartition("/")[2]))
        if stored is None:
            return 404, b"session not found\n", "text/plain"
        return 200, json.dumps(stored.record()).encode(), "application/json"

    def _do_late(self, when: Doing, what: str = "") -> None:
        late = [request for request in self._late[when] if request.what.startswith(what)]
        self._late[when] = [request for request in self._late[when] if request not in late]
        for request in late:
            self._done(replace(request, fault=NONE))

    def _list(self, request: Received) -> bytes:
        kinds = request.query.get("type")
        now = time.monotonic()
        records = [
            stored.record(has_start_time=self.has_start_times)
            for _, stored in sorted(self.sessions.items())
            if stored.listed_at <= now
        ]
        return json.dumps([one for one in records if not kinds or one["type"] in kinds]).encode()

    def _make(self, request: Received, age: float = 0) -> str:
        form = request.form
        with self._lock:
            draw = random.Random(f"{self.seed}/id/{len(self.sessions)}/{form['name']}")
            while True:
                rest = draw.choices(string.ascii_lowercase + string.digits, k=7)
                session_id = draw.choice(string.ascii_lowercase) + "".join(rest)
                if session_id not in self.sessions:
                    break
            name, kind = form["name"][0].lower(), form.get("type", ["headless"])[0]
            image, env = form.get("image", [""])[0], form.get("env", [])
            listed_at = time.monotonic() + (0 if age else self.list_lag)
            started = time.time() - age
            self.sessions[session_id] = Stored(
                session_id, name, kind, image, env, started, listed_at
            )
        return session_id


def _shake_hands(connection: ssl.SSLSocket) -> None:
    try:
        connection.do_handshake()
    except ssl.SSLError:
        # To close a socket with unread data is a reset, which may overtake the TLS alert.
        while socket.socket.recv(connection, 4096):
            pass
        raise


def _read(stream: BinaryIO) -> Received | None:
    """Return the next request; `None` if the client has gone, be it in the middle of one."""
    head = b""
    while line := stream.readline():
        head += line
        if line == b"\r\n":
            break
    else:
        return None
    start, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = start.split()
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    length = int(headers.get("content-length", 0))
    body = stream.read(length).decode("latin-1")
    if len(body) < length:
        return None
    return Received(method, target, headers, parse_qs(body, keep_blank_values=True))
