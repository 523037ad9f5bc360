"""Bytes of one request and its response on a connection.

h11, the parser of httpcore, keeps the bytes that follow a response, and takes them as the response
to the next request on the connection. For example, the launch of one replica would get the id of
another replica. Therefore a connection is used again only if nothing followed the response.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

# These patterns accept the same bytes as h11.
_BLANK_LINE = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"http/\d\.\d (\d{3})")
_CHUNKED = re.compile(rb"\ntransfer-encoding[ \t]*:")
_LENGTH = re.compile(rb"\ncontent-length[ \t]*:[ \t]*(\d{1,20})[ \t]*\r?(?:\n|$)")
_CHUNK_SIZE = re.compile(rb"[0-9a-f]{1,20}", re.IGNORECASE)

_FIRST_FINAL_STATUS = 200
_WITHOUT_BODY = (204, 304)
_END_OF_LINE = len(b"\r\n")
_MAX_UNSENT = 65536


class Exchange:
    """One request and its response.

    Attributes:
        was_sent: Whether bytes of the request may have reached the server.
        is_complete: Whether the response ended with the last byte that was received.
    """

    def __init__(self) -> None:
        """Wait for the first request."""
        self.start()

    def start(self) -> None:
        """Wait for the next request."""
        self.was_sent = self.is_complete = False
        self._unsent = b""
        self._response: Generator[bool, bytes, None] | None = None

    def on_write(self, data: bytes) -> bytes:
        """Keep bytes of the request; return many of them at once, to be sent now.

        httpcore writes the head and the body one after the other. Sent together, they cost one
        system call, and the server wakes up once.
        """
        self._unsent += data
        return self.on_send() if len(self._unsent) > _MAX_UNSENT else b""

    def on_send(self) -> bytes:
        """Return the bytes to send now, and note them as sent."""
        data, self._unsent = self._unsent, b""
        if data and self._response is None:
            # This request goes to a proxy, before the request to the server.
            self.was_sent = not data.startswith(b"CONNECT ")
            self._response = _read_response(has_body=not data.startswith(b"HEAD "))
            next(self._response)
        return data

    def on_receive(self, data: bytes) -> None:
        """Note bytes that were received."""
        if self._response is not None:
            self.is_complete = self._response.send(data)


def _read_response(*, has_body: bool) -> Generator[bool, bytes, None]:
    """Receive bytes; yield whether a response ended with the last one."""
    data = yield False
    head, status = b"", 0
    while status < _FIRST_FINAL_STATUS:
        while (end := _BLANK_LINE.search(data)) is None:
            data += yield False
        head, data = data[: end.start()].lower(), data[end.end() :]
        start = _STATUS.match(head)
        while start is None:  # not HTTP
            yield False
        status = int(start[1])
    length = _LENGTH.search(head)
    # The position of the first byte in `data` that is not read yet. It may lie after the end.
    position: int | None = None
    if not has_body or status in _WITHOUT_BODY:
        position = 0
    elif _CHUNKED.search(head):
        data, position = yield from _read_chunks(data)
    elif length is not None:
        position = int(length[1])
    # The end of any other response is the end of the connection.
    while position is None:
        yield False
    while position > len(data):
        position -= len(data)
        data = yield False
    surplus = len(data) - position
    while True:
        surplus += len((yield surplus == 0))


def _read_chunks(data: bytes) -> Generator[bool, bytes, tuple[bytes, int | None]]:
    """Receive the bytes of a body in chunks.

    Returns:
        The last bytes, and the position after the body in them; `None` if the body is not valid.
    """
    position = 0
    while True:
        while (end := data.find(b"\n", position)) < 0:
            data, position = data[position:] + (yield False), 0
        size = _CHUNK_SIZE.match(data, position)
        if size is None:
            return data, None
        position = end + 1
        if not int(size[0], 16):
            break
        position += int(size[0], 16) + _END_OF_LINE
        while position > len(data):
            position -= len(data)
            data = yield False
    # A blank line ends the trailer, which is usually empty.
    while (end := data.find(b"\n", position)) < 0 or data[position:end].strip(b"\r"):
        if end < 0:
            data, position = data[position:] + (yield False), 0
        else:
            position = end + 1
    return data, end + 1
