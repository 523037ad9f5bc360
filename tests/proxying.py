"""A proxy server on the loopback; a test chooses the faults of its tunnels."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import enum
import threading
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


class Step(enum.Enum):
    """Action of the proxy after a request."""

    PASS = "connect to the server"
    CLOSE = "close the connection without a response"
    CUT = "open the tunnel and close it immediately"
    CUT_HANDSHAKE = "close the tunnel in the middle of the TLS handshake"
    STALL = "no response until the client hangs up"
    STALL_HANDSHAKE = "open the tunnel and send nothing until the client hangs up"


class ProxyServer:
    """A proxy that connects every request to one port of this machine and ignores the host name.

    Args:
        port: The port of the server that all requests reach.
        tls: The TLS context of the proxy itself.
    """

    def __init__(self, port: int = 9, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        # The head of each request that was read.
        self.heads: list[str] = []
        # The actions after the next requests: a step, or the status line of a refusal.
        self.script: deque[Step | str] = deque()
        # The action after all other requests.
        self.otherwise: Step | str = Step.PASS
        self.url = ""
        self._tls = tls
        self._changed = threading.Condition()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), daemon=True, name="proxy"
        )
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def hosts(self) -> list[str]:
        """The target of each request, in the order in which they were read."""
        return [head.split()[1] for head in self.heads]

    @property
    def passwords(self) -> list[str]:
        """The proxy's user and password in each request that has them."""
        lines = [line.partition(": ") for head in self.heads for line in head.splitlines()]
        return [
            base64.b64decode(value.removeprefix("Basic ")).decode()
            for name, _, value in lines
            if name.lower() == "proxy-authorization"
        ]

    def wait_for(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Wait until `condition` is true; it is checked again after each request."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.hosts

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        scheme = "http" if self._tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._is_ready.set()
        await self._end.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._handle(reader, writer)
        finally:
            writer.transport.abort()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        with self._changed:
            step = self.script.popleft() if self.script else self.otherwise
            self.heads.append(head.decode())
            self._changed.notify_all()
        is_tunnel = head.startswith(b"CONNECT ")
        if isinstance(step, str):
            writer.write(f"HTTP/1.1 {step}\r\nContent-Length: 2\r\n\r\nno".encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return
        if step is Step.STALL:
            await reader.read()
        if step in (Step.CLOSE, Step.STALL):
            return
        if is_tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
        if step is Step.CUT_HANDSHAKE:
            await reader.read(1)
        elif step is Step.STALL_HANDSHAKE:
            while await reader.read(65536):
                pass
        elif step is Step.PASS:
            await self._connect(b"" if is_tunnel else head, reader, writer)

    async def _connect(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            server_writer.write(head)
            await asyncio.wait(
                [
                    asyncio.ensure_future(_copy(reader, server_writer)),
                    asyncio.ensure_future(_copy(server_reader, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            server_writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
