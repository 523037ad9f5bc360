"""The embedded platform in its own process, for benchmarks that need real sessions."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.environments import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator


class Embedded(NamedTuple):
    """The URL, the token and the process id of a platform."""

    url: str
    token: str
    process_id: int


@contextmanager
def embedded_platform() -> Iterator[Embedded]:
    """Run a platform with room for thousands of sessions, and a state of its own."""
    token = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "skaha.local", "serve", "--tether", "--port", "0"]
        command += ["--state", state, "--token", token, "--cores", "100000", "--ram", "1000000"]
        command += ["--grace", "1"]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        ) as process:
            assert process.stdout is not None  # noqa: S101  (for the type checker)
            yield Embedded(process.stdout.readline().strip(), token, process.pid)
            process.terminate()
            process.wait()
