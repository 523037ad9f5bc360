"""Platforms for the tests of programs that use one: the fixture `skaha_platform`.

Each test that asks for it gets an empty platform of its own, or each module does where the setting
`skaha_platform_scope` says `module`. The marker `skaha_platform` chooses how it is: the options of
``python -m skaha.local serve``, like ``time_scale=0.001`` for days that pass in minutes. What is to
go wrong is chosen by the test, at any moment.

Example:
    >>> import pytest
    >>> from skaha import Session
    >>> @pytest.mark.skaha_platform(cores=4)
    ... def test_a_launch(skaha_platform):
    ...     session = Session(server=skaha_platform.url, token=skaha_platform.token)
    ...     skaha_platform.set_faults(unavailable=1, retry_after=0)
    ...     assert session.fetch() == []
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_DEFAULTS = {"cores": 8, "ram": 32, "grace": 1}
_FAREWELL_SECONDS = 30


class SkahaPlatform:
    """A platform for tests.

    Attributes:
        url: Its base URL, like ``http://127.0.0.1:41234/skaha``.
        token: The bearer token that it wants.
        state: The directory that it lives on.
    """

    def __init__(self, directory: Path, options: dict[str, Any]) -> None:
        """Start a platform.

        Args:
            directory: A new directory for all that is its own.
            options: How it is to be, as the marker has it.

        Raises:
            RuntimeError: It does not start; it has said why.
        """
        self.state = directory / "state"
        self.token = secrets.token_urlsafe(16)
        self._faults = directory / "faults.json"
        token = directory / "token"
        token.touch(mode=0o600)
        token.write_text(self.token)
        self._command = [
            *(sys.executable, "-m", "skaha.local", "serve", "--tether"),
            *("--state", str(self.state), "--token-file", str(token)),
            *("--faults", str(self._faults)),
            *_flags(_DEFAULTS | options),
        ]
        self._process, self.url = self._started()

    def set_faults(self, **faults: Any) -> None:
        """Let things go wrong from now on, these and no others; without any, all is well again.

        Args:
            faults: Among others `delay`, `unavailable`, `broken`, `refused_creates`, `stuck`; an
                unknown name makes the platform answer with all of them. Creates and requests
                are counted from this moment.
        """
        new = self._faults.with_suffix(".new")
        new.write_text(json.dumps(faults))
        new.replace(self._faults)

    def set_image(self, image: str, *command: str) -> None:
        """Let a command of this machine stand for an image, as its own command.

        Args:
            image: The image's full reference.
            command: Program and arguments; ``{port}`` is the port that a contributed session is to
                listen on.
        """
        file = self.state / "images.json"
        images = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(images | {image: command}))

    def kill(self) -> None:
        """Kill the platform as it stands; what runs on it goes on."""
        self._process.kill()
        self._close()

    def start(self) -> None:
        """Start it again, with all that it remembers, at a new `url`."""
        self._process, self.url = self._started()

    def stop(self) -> None:
        """End the platform and what runs on it."""
        self._process.terminate()
        self._close()

    def _started(self) -> tuple[subprocess.Popen[str], str]:
        # It ends with its standard input: with this process, whatever becomes of that.
        process = subprocess.Popen(  # noqa: S603 - the platform is this package
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        url = process.stdout.readline().strip() if process.stdout else ""
        if not url:
            raise RuntimeError(f"the platform did not start: {' '.join(self._command)}")
        return process, url

    def _close(self) -> None:
        self._process.communicate(timeout=_FAREWELL_SECONDS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting."""
    text = "how long a platform of the fixture skaha_platform lives: function, module or session"
    parser.addini("skaha_platform_scope", text, default="function")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    text = "skaha_platform(**options): how the platform of the test is, as in `skaha.local serve`"
    config.addinivalue_line("markers", text)


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - as pytest calls it
    return config.getini("skaha_platform_scope")


@pytest.fixture(scope=_scope)
def skaha_platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SkahaPlatform]:
    """An empty platform, which ends with the test (or the module, or the run)."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("skaha_platform"))):
        options |= marker.kwargs
    platform = SkahaPlatform(tmp_path_factory.mktemp("skaha"), options)
    yield platform
    platform.stop()


def _flags(options: dict[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        flag = name.replace("_", "-")
        if value is False:
            yield f"--no-{flag}"
        elif value is not True:
            yield f"--{flag}={value}"
