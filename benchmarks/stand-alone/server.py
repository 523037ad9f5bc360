"""A platform that responds after a fixed latency and is never the bottleneck.

This program uses only the standard library and runs in its own process, so it shares nothing with
the measured clients. It prints its ports as one line of JSON, and ends at the end of its standard
input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from dataclasses import asdict, dataclass

_CONTENT_LENGTH = b"\r\ncontent-length:"
_TEXTS = {b"view=logs", b"view=events"}
_CLOSE = b"\r\nconnection: close\r\n"


@dataclass
class Counts:
    """Counts of the server; `peak` is reset whenever a client reads the counts."""

    connections: int = 0
    requests: int = 0
    in_flight: int = 0
    peak: int = 0


def record(session_id: str, status: str) -> dict[str, object]:
    """Return the record of a session."""
    return {
        "id": session_id,
        "userid": "someone",
        "runAsUID": "1000",
        "runAsGID": "1000",
        "supplementalGroups": [1001, 1002],
        "appid": "<none>",
        "image": "images.canfar.net/skaha/terminal:1.1.2",
        "type": "headless",
        "status": status,
        "name": f"bench-{session_id}",
        "startTime": "2026-01-01T00:00:00Z",
        "expiryTime": "2099-01-05T00:00:00Z",
        "connectURL": f"https://platform.example/session/headless/{session_id}",
        "requestedRAM": "4G",
        "requestedCPUCores": "2",
        "requestedGPUCores": "0",
        "ramInUse": "0.15G",
        "gpuRAMInUse": "<none>",
        "cpuCoresInUse": "0.01",
        "gpuUtilization": "<none>",
        "isFixedResources": True,
    }


def as_bytes(value: object) -> bytes:
    """Return `value` as JSON."""
    return json.dumps(value).encode()


class Platform:
    """The responses, and the state that all connections share."""

    def __init__(self, latency: float, sessions: int, status: str) -> None:
        """Respond after `latency` seconds, and list this number of sessions with a status."""
        self.latency = latency
        self.counts = Counts()
        self._launched = 0
        self._status = status
        self._list = as_bytes([record(f"{number:08x}", status) for number in range(sessions)])

    def respond(self, method: bytes, target: bytes) -> bytes:
        """Return the complete response to one request."""
        path, _, query = target.partition(b"?")
        resource, _, session_id = path.partition(b"/session")
        if not resource.endswith((b"/v0", b"/v1")):
            return _response(b"text/plain", b"there is nothing here", b"404 Not Found")
        if method == b"POST":
            self._launched += 1
            return _response(b"text/plain", b"%08x\n" % self._launched)
        if method == b"DELETE":
            return _response(b"text/plain", b"")
        if not session_id:
            return _response(b"application/json", self._list)
        if _TEXTS.intersection(query.split(b"&")):
            return _response(b"text/plain", b"a line of a log\n" * 20)
        return _response(
            b"application/json", as_bytes(record(session_id[1:].decode(), self._status))
        )


def _response(content_type: bytes, body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (status, content_type, len(body)) + body


class Connection(asyncio.Protocol):
    """One connection that stays open; a client sends its next request after the response."""

    def __init__(self, platform: Platform) -> None:
        """Respond with the responses of `platform`."""
        self._platform = platform
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (for the type checker)
        self._transport = transport
        self._platform.counts.connections += 1

    def data_received(self, data: bytes) -> None:
        """Handle a request when it is complete."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        lower_head = head.lower() + b"\r\n"
        _, _, length = lower_head.partition(_CONTENT_LENGTH)
        if len(body) < int(length.split(b"\r\n", 1)[0] or 0):
            return
        self._received = b""
        method, target, _ = head.split(b" ", 2)
        if target == b"/counts":
            self._send_counts()
        else:
            self._begin(method, target, last=_CLOSE in lower_head)

    def _send_counts(self) -> None:
        counts = self._platform.counts
        counts.connections -= 1  # do not count this connection
        self._transport.write(_response(b"application/json", as_bytes(asdict(counts))))
        self._transport.close()
        counts.peak = counts.in_flight

    def _begin(self, method: bytes, target: bytes, *, last: bool) -> None:
        counts = self._platform.counts
        counts.requests += 1
        counts.in_flight += 1
        counts.peak = max(counts.peak, counts.in_flight)
        loop = asyncio.get_running_loop()
        loop.call_later(self._platform.latency, self._finish, method, target, last)

    def _finish(self, method: bytes, target: bytes, last: bool) -> None:
        self._platform.counts.in_flight -= 1
        self._transport.write(self._platform.respond(method, target))
        if last:
            self._transport.close()


async def serve(latency: float, sessions: int, status: str, certificate: str | None) -> None:
    """Serve until the end of standard input; with a certificate, serve over TLS, too."""
    platform = Platform(latency, sessions, status)
    loop = asyncio.get_running_loop()

    async def listen(tls: ssl.SSLContext | None) -> int:
        server = await loop.create_server(
            lambda: Connection(platform), "127.0.0.1", 0, ssl=tls, backlog=1024
        )
        port: int = server.sockets[0].getsockname()[1]
        return port

    ports = {"http": await listen(None)}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        ports["https"] = await listen(context)
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before a response")
    parser.add_argument("--sessions", type=int, default=0, help="number of listed sessions")
    parser.add_argument("--status", default="Running", help="status of these sessions")
    parser.add_argument("--certificate", help="PEM file with key and certificate")
    options = parser.parse_args()
    asyncio.run(serve(options.latency, options.sessions, options.status, options.certificate))


if __name__ == "__main__":
    main()
