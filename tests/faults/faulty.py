"""A platform on a bad network: real sockets, and the same faults for the same seed.

A random generator draws the fault of each request. It starts from the seed, the key of the request
(for example `POST run-1`) and the number of earlier requests with this key. Therefore neither
threads nor the order of arrival change the faults.
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

# With this value of SO_LINGER, closing a socket resets the connection.
_RESET = struct.pack("ii", 1, 0)
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class Execution(enum.Enum):
    """When the platform executes a request."""

    NEVER = "never"
    NOW = "now"
    BEFORE_LIST = "before the next response with the list"
    AFTER_LIST = "after the next response with the list"
    AT_REPEAT = "when the launch is sent again"


class Ending(enum.Enum):
    """The end of a response."""

    COMPLETE = "complete"
    RESET = "reset before the first byte"
    RESET_MIDWAY = "reset in the middle"
    CLOSED_MIDWAY = "closed in the middle"
    STALL = "no byte until the client hangs up"
    STALL_MIDWAY = "the first half, then no byte until the client hangs up"


@dataclass(frozen=True)
class Fault:
    """The fault of a request; by default none."""

    name: str
    execution: Execution = Execution.NOW
    ending: Ending = Ending.COMPLETE
    # Replaces the status of the platform, unless it is 0.
    status: int = 0
    # Seconds, sent as a number or as a date.
    retry_after: float | None = None
    is_date: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    # Replaces the body.
    body: bytes | None = None
    # Replaces the whole response.
    raw: bytes | None = None
    # Bytes after the response, on a connection that stays open.
    surplus: bytes = b""
    # The platform executes the request this number of seconds after its response.
    delay: float = 0

    def __str__(self) -> str:
        return self.name


def refusal(status: int, retry_after: float | None = None, *, as_date: bool = False) -> Fault:
    """Return a fault: the request is not executed, and the response has this status."""
    name = f"{status}" if retry_after is None else f"{status} retry {retry_after} {as_date=}"
    return Fault(name, Execution.NEVER, status=status, retry_after=retry_after, is_date=as_date)


NONE = Fault("none")
RESET_NOT_EXECUTED = Fault("not executed, then reset", Execution.NEVER, Ending.RESET)
RESET_EXECUTED = Fault("executed, then reset", ending=Ending.RESET)
RESET_MIDWAY = Fault("executed, reset in the middle of the response", ending=Ending.RESET_MIDWAY)
HALF_BODY = Fault("executed, half a body", ending=Ending.CLOSED_MIDWAY)
STALL_NOT_EXECUTED = Fault("not executed, stalled", Execution.NEVER, Ending.STALL)
STALL_EXECUTED = Fault("executed, then stalled", ending=Ending.STALL)
STALL_MIDWAY = Fault("executed, stalled in the middle of the response", ending=Ending.STALL_MIDWAY)
LATE = Fault("stalled, executed before the next list", Execution.BEFORE_LIST, Ending.STALL)
TOO_LATE = Fault("stalled, executed after the next list", Execution.AFTER_LIST, Ending.STALL)
LATE_504 = Fault("504, executed after the next list", Execution.AFTER_LIST, status=504)
AT_REPEAT = Fault("503, executed when the launch is sent again", Execution.AT_REPEAT, status=503)
EXECUTED_500 = Fault("executed, then 500", status=500)
EXECUTED_502 = Fault("executed, then 502", status=502)
EXECUTED_503 = Fault("executed, then 503", status=503)
PAGE = Fault(
    "executed, HTML page of another server",
    headers=(("Content-Type", "text/html"),),
    body=b"<!doctype html><html><title>Welcome to the hotel</title></html>",
)
BINARY = Fault("executed, binary body", body=bytes(range(256)))
EMPTY = Fault("executed, empty body", body=b"")
NOT_HTTP = Fault("executed, not HTTP", raw=b"\x16\x03\x01 220 smtp.example ESMTP\r\n\r\n\x00\xff")
BAD_LENGTH = Fault("executed, invalid length", raw=b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
BAD_CODING = Fault(
    "executed, invalid compression",
    headers=(("Content-Encoding", "gzip"),),
    body=b"this is not gzip",
)
SURPLUS = Fault(
    "executed, a second response after the first",
    surplus=b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabcdefgh\n",
)

REFUSALS = (
    *(refusal(status) for status in (429, 500, 502, 503, 504)),
    *(refusal(status, seconds) for status in (429, 503) for seconds in (0, 1)),
    *(refusal(status, 1, as_date=True) for status in (429, 503)),
)
CUTS = (
    RESET_NOT_EXECUTED,
    RESET_EXECUTED,
    RESET_MIDWAY,
    HALF_BODY,
    LATE_504,
    EXECUTED_500,
    EXECUTED_502,
    EXECUTED_503,
)
INVALID_RESPONSES = (PAGE, BINARY, EMPTY, NOT_HTTP, BAD_LENGTH, BAD_CODING, SURPLUS)
STALLS = (STALL_NOT_EXECUTED, STALL_EXECUTED, STALL_MIDWAY, LATE, TOO_LATE)
# Each stall costs a time-out, so stalls are drawn less often than the other faults.
ALL = (*REFUSALS, *CUTS, *INVALID_RESPONSES) * 3 + STALLS


@dataclass
class Received:
    """A request that the server received, and its fault."""

    method: str
    target: str
    headers: dict[str, str]
    form: dict[str, list[str]]
    fault: Fault = NONE
    received_at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def key(self) -> str:
        """The key of its faults, for example `POST run-1`, `GET session` or `DELETE abcdefgh`."""
        return f"{self.method} {self.form.get('name', [self.path.rpartition('/')[2]])[0]}"

    @property
    def is_list(self) -> bool:
        return self.key == "GET session"


@dataclass
class StoredSession:
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
    """A platform that stores sessions; requests and responses have faults.

    Args:
        seed: The same seed draws the same faults.
        rate: The share of requests that have a fault, from 0 to 1.
        faults: The faults from which one is drawn.
        reset_rate: The share of connections that are reset before a byte is read.
        tls: The TLS context; without it, plain http.
        accepts_missing: Response 200 to the deletion of a missing session, as newer platforms do.
        launch_seconds: The duration of a launch on the platform.
        list_lag: A new session is missing from the list for this number of seconds.
        has_dates: Whether responses have a `Date` header.
        has_start_times: Whether records have a `startTime`.
    """

    def __init__(
        self,
        seed: int = 0,
        rate: float = 0,
        faults: Sequence[Fault] = ALL,
        *,
        reset_rate: float = 0,
        tls: ssl.SSLContext | None = None,
        accepts_missing: bool = True,
        launch_seconds: float = 0,
        list_lag: float = 0,
        has_dates: bool = True,
        has_start_times: bool = True,
    ) -> None:
        self.seed, self.rate, self.faults, self.reset_rate = seed, rate, faults, reset_rate
        self.accepts_missing = accepts_missing
        self.launch_seconds, self.list_lag = launch_seconds, list_lag
        self.has_dates, self.has_start_times = has_dates, has_start_times
        self.received: list[Received] = []
        self.sessions: dict[str, StoredSession] = {}
        self.connections = 0
        self.in_flight = 0
        self.max_in_flight = 0
        # Called with each request that was read, before it is executed.
        self.on_request: Callable[[Received], object] = lambda _: None
        self._scripts: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._counts: Counter[str] = Counter()
        self._delayed: dict[Execution, list[Received]] = {
            Execution.BEFORE_LIST: [],
            Execution.AFTER_LIST: [],
            Execution.AT_REPEAT: [],
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

    # Methods for tests.

    def script(self, key: str, *faults: Fault) -> None:
        """Set the faults of the next requests with this key."""
        self._scripts[key].extend(faults)

    def always(self, key: str, fault: Fault) -> None:
        """Set the fault of all requests with this key that have no scripted fault."""
        self._always[key] = fault

    def add(self, name: str, kind: str = "headless", age: float = 3600) -> str:
        """Add a session that was launched `age` seconds ago; return its id."""
        return self._add(Received("POST", "", {}, {"name": [name], "type": [kind]}), age)

    def ids_by_name(self, prefix: str = "") -> dict[str, list[str]]:
        """Return the ids of the sessions by their names; only names that start with `prefix`."""
        ids = defaultdict[str, list[str]](list)
        with self._lock:
            for session in self.sessions.values():
                if session.name.startswith(prefix):
                    ids[session.name].append(session.id)
        return dict(ids)

    def requests(self, prefix: str = "") -> list[Received]:
        """Return the requests whose key starts with `prefix`, in the order of their arrival."""
        with self._lock:
            return [request for request in self.received if request.key.startswith(prefix)]

    def request_keys(self) -> list[str]:
        """Return the key of each request, in the order of their arrival."""
        return [request.key for request in self.requests()]

    def wait_for(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Wait until `condition` is true; it is checked again after each change."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.request_keys()

    # The network.

    def close_connections(self) -> None:
        """Close all open connections, as a server does with idle ones."""
        for connection in self._copy(self._sockets):
            connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for open_socket in (self._listener, *self._copy(self._sockets)):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
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
            if chance < self.reset_rate:
                self._reset(connection)
            else:
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                connection = tls_connection = self._wrap(connection)
                _do_handshake(tls_connection)
            with connection.makefile("rb") as stream:
                while (request := _read(stream)) is not None and self._handle(connection, request):
                    pass
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets.discard(connection)
            connection.close()

    def _wrap(self, connection: socket.socket) -> ssl.SSLSocket:
        assert self._tls is not None
        with self._lock:
            self._sockets.discard(connection)
            wrapped = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
            self._sockets.add(wrapped)
        return wrapped

    def _reset(self, connection: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()

    def _handle(self, connection: socket.socket, request: Received) -> bool:
        """Respond to a request; return whether the connection can be used again."""
        with self._changed:
            request.fault = fault = self._draw(request)
            self.received.append(request)
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
            self._changed.notify_all()
        try:
            self.on_request(request)
            response = self._respond(request)
        finally:
            with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()
        body = response.partition(b"\r\n\r\n")[2]
        if fault.ending is Ending.COMPLETE:
            connection.sendall(response + fault.surplus)
            return fault.raw is None
        if fault.ending in (Ending.RESET_MIDWAY, Ending.CLOSED_MIDWAY, Ending.STALL_MIDWAY):
            connection.sendall(response[: -1 - len(body) // 2])
        if fault.ending in (Ending.STALL, Ending.STALL_MIDWAY):
            connection.recv(1)
        elif fault.ending is not Ending.CLOSED_MIDWAY:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return False

    def _draw(self, request: Received) -> Fault:
        key = request.key
        self._counts[key] += 1
        if self._scripts[key]:
            return self._scripts[key].popleft()
        if key in self._always:
            return self._always[key]
        generator = random.Random(f"{self.seed}/{key}/{self._counts[key]}")
        return generator.choice(self.faults) if generator.random() < self.rate else NONE

    # The platform.

    def _respond(self, request: Received) -> bytes:
        fault = request.fault
        if self.launch_seconds and request.method == "POST":
            time.sleep(self.launch_seconds)
        with self._lock:
            status, body, content_type = self._execute_or_delay(request)
        if fault.raw is not None:
            return fault.raw
        if fault.status:
            status, body = fault.status, b"temporarily unavailable\n"
            content_type = "text/plain"
        headers = {"Content-Type": content_type} | dict(fault.headers)
        if self.has_dates:
            headers["Date"] = email.utils.formatdate(usegmt=True)
        body = body if fault.body is None else fault.body
        if fault.retry_after is not None:
            when = time.time() + fault.retry_after
            date = email.utils.formatdate(when, usegmt=True)
            headers["Retry-After"] = date if fault.is_date else str(fault.retry_after)
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Other')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def _execute_or_delay(self, request: Received) -> tuple[int, bytes, str]:
        """Execute a request now or later; return the status, body and type of its response."""
        execution = request.fault.execution
        self._execute_delayed(Execution.AT_REPEAT, request.key)
        if request.fault.delay and request.method != "GET":
            timer = threading.Timer(request.fault.delay, self._execute_by_timer, [request])
            self._timers.append(timer)
            timer.start()
            return 0, b"", "text/plain"
        if execution is Execution.NOW:
            return self._read(request) if request.method == "GET" else self._change(request)
        if execution is not Execution.NEVER and request.method != "GET":
            self._delayed[execution].append(request)
        return 0, b"", "text/plain"

    def _execute_by_timer(self, request: Received) -> None:
        with self._changed:
            self._execute_or_delay(replace(request, fault=NONE))
            self._changed.notify_all()

    def _change(self, request: Received) -> tuple[int, bytes, str]:
        if request.method == "POST":
            return 200, f"{self._add(request)}\n".encode(), "text/plain"
        session = self.sessions.pop(unquote(request.path.rpartition("/")[2]), None)
        if session is None and not self.accepts_missing:
            return 404, b"not found\n", "text/plain"
        return 200, b"", "text/plain"

    def _read(self, request: Received) -> tuple[int, bytes, str]:
        if request.is_list:
            self._execute_delayed(Execution.BEFORE_LIST)
            body = self._list(request)
            self._execute_delayed(Execution.AFTER_LIST)
            return 200, body, "application/json"
        if request.query.get("view"):
            return 200, b"a line\n", "text/plain"
        session = self.sessions.get(unquote(request.path.rpartition("/")[2]))
        if session is None:
            return 404, b"session not found\n", "text/plain"
        return 200, json.dumps(session.record()).encode(), "application/json"

    def _execute_delayed(self, when: Execution, prefix: str = "") -> None:
        """Execute the requests that were delayed until now; only keys that start with `prefix`."""
        due = [request for request in self._delayed[when] if request.key.startswith(prefix)]
        self._delayed[when] = [request for request in self._delayed[when] if request not in due]
        for request in due:
            self._execute_or_delay(replace(request, fault=NONE))

    def _list(self, request: Received) -> bytes:
        kinds = request.query.get("type")
        now = time.monotonic()
        records = [
            session.record(has_start_time=self.has_start_times)
            for _, session in sorted(self.sessions.items())
            if session.listed_at <= now
        ]
        matching = [record for record in records if not kinds or record["type"] in kinds]
        return json.dumps(matching).encode()

    def _add(self, request: Received, age: float = 0) -> str:
        form = request.form
        with self._lock:
            generator = random.Random(f"{self.seed}/id/{len(self.sessions)}/{form['name']}")
            while True:
                rest = generator.choices(string.ascii_lowercase + string.digits, k=7)
                session_id = generator.choice(string.ascii_lowercase) + "".join(rest)
                if session_id not in self.sessions:
                    break
            name, kind = form["name"][0].lower(), form.get("type", ["headless"])[0]
            image, env = form.get("image", [""])[0], form.get("env", [])
            listed_at = time.monotonic() + (0 if age else self.list_lag)
            started = time.time() - age
            self.sessions[session_id] = StoredSession(
                session_id, name, kind, image, env, started, listed_at
            )
        return session_id


def _do_handshake(connection: ssl.SSLSocket) -> None:
    try:
        connection.do_handshake()
    except ssl.SSLError:
        # Closing a socket with unread data resets the connection, and the TLS alert may be lost.
        while socket.socket.recv(connection, 4096):
            pass
        raise


def _read(stream: BinaryIO) -> Received | None:
    """Return the next request; `None` if the client hangs up, also in the middle of a request."""
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
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = int(headers.get("content-length", 0))
    body = stream.read(length).decode("latin-1")
    if len(body) < length:
        return None
    return Received(method, target, headers, parse_qs(body, keep_blank_values=True))
