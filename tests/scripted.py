"""A real server on the loopback; a test gives it a function that returns its responses."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from io import BufferedIOBase


@dataclass
class Received:
    """A request that the server received, with the client's port and certificate."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    form: dict[str, list[str]]
    port: int
    certificate: bytes | None


@dataclass
class Response:
    """A response: a status, a body and its content type, if it has one.

    A body in parts needs a `Content-Length` among the headers. The server sends each part before
    it takes the next part from the iterable.
    """

    status: int = 200
    body: str | bytes | Iterable[bytes] = b""
    content_type: str | None = "text/plain"
    headers: dict[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        """Return the headers with the content type."""
        declared = {} if self.content_type is None else {"Content-Type": self.content_type}
        return declared | self.headers

    def parts(self) -> Iterable[bytes]:
        """Return the parts of the body."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return [body] if isinstance(body, bytes) else body


def json_response(value: Any) -> Response:
    """Return a response with this value as JSON."""
    return Response(200, json.dumps(value), "application/json")


def _send(stream: BufferedIOBase, parts: Iterable[bytes]) -> None:
    for part in parts:
        stream.write(part)
        stream.flush()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    # With the default of five, the sixth of many simultaneous clients waits for a second.
    request_queue_size = 512


class ScriptedServer:
    """Sends the response that `respond` returns for a request, and stores all requests.

    If `respond` returns `None`, the server closes the connection without a response.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.respond: Callable[[Received], Response | None] = lambda _: Response(404, "no script")
        self.connections = 0
        self._lock = threading.Lock()
        self._server = _Listener(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/skaha"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet: otherwise every response waits for an acknowledgement.
            wbufsize = 1 << 16

            def setup(self) -> None:
                super().setup()
                with script._lock:
                    script.connections += 1

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(
                    errors="replace"
                )
                received = Received(
                    self.command,
                    url.path,
                    parse_qs(url.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    parse_qs(body, keep_blank_values=True),
                    self.client_address[1],
                    self.peer(),
                )
                with script._lock:
                    script.received.append(received)
                response = script.respond(received)
                if response is None:
                    self.close_connection = True
                else:
                    self.reply(response)

            do_POST = do_DELETE = do_GET  # noqa: N815  (the base class looks for these names)

            def peer(self) -> bytes | None:
                if not isinstance(self.connection, ssl.SSLSocket):
                    return None
                return self.connection.getpeercert(binary_form=True)

            def reply(self, response: Response) -> None:
                self.send_response(response.status)
                for name, value in response.all_headers().items():
                    self.send_header(name, value)
                parts = response.parts()
                if "Content-Length" not in response.headers:
                    self.send_header("Content-Length", str(sum(map(len, parts))))
                self.end_headers()
                _send(self.wfile, parts)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def __enter__(self) -> Self:
        # With the default poll interval, every test would wait half a second for the server's end.
        threading.Thread(target=self._server.serve_forever, args=(0.002,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
