"""A pytest plugin with the fixture `skaha_platform`: an embedded platform for tests.

Each test that uses the fixture gets an empty platform. With the setting
``skaha_platform_scope = "module"``, all tests of a module share a platform. The marker
`skaha_platform` sets the options of the platform, which are those of
``python -m skaha.local serve``. For example, a day takes 86 seconds with ``time_scale=0.001``. A
test can inject faults at any time.

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

from skaha.local._options import as_flags

_DEFAULTS = {"cores": 8, "ram": 32, "grace": 1}
_END_TIMEOUT = 30


class SkahaPlatform:
    """A platform for tests.

    Attributes:
        url: The base URL, like ``http://127.0.0.1:41234/skaha``. It changes with each start.
        token: The bearer token.
        state: The state directory.
    """

    def __init__(self, directory: Path, options: dict[str, Any]) -> None:
        """Start a platform.

        Args:
            directory: A new directory for all files of the platform.
            options: The options of the marker.

        Raises:
            RuntimeError: The platform does not start. It has printed the reason.
        """
        self.state = directory / "state"
        self.token = secrets.token_urlsafe(16)
        self._faults = directory / "faults.json"
        token_file = directory / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(self.token)
        self._command = [
            *(sys.executable, "-m", "skaha.local", "serve", "--tether"),
            *("--state", str(self.state), "--token-file", str(token_file)),
            *("--faults", str(self._faults)),
            *as_flags(_DEFAULTS | options),
        ]
        self.start()

    def set_faults(self, **faults: Any) -> None:
        """Inject these faults from now on, and no others; without arguments, inject none.

        Args:
            faults: For example `delay`, `unavailable`, `broken`, `refused_creates` or `stuck`. The
                platform counts creates and requests from this call on. It answers an unknown name
                with an error that lists all names.
        """
        _replace(self._faults, faults)

    def set_image(self, image: str, *command: str) -> None:
        """Run a command of this machine instead of an image.

        Args:
            image: The full reference of the image.
            command: The program and its arguments. ``{port}`` is replaced by the port on which a
                contributed session must listen.
        """
        file = self.state / "images.json"
        images = json.loads(file.read_text()) if file.exists() else {}
        _replace(file, images | {image: command})

    def kill(self) -> None:
        """Kill the platform; the processes of its sessions go on."""
        self._process.kill()
        self._wait()

    def start(self) -> None:
        """Start the platform again after `kill` or `stop`, with the same sessions and a new `url`.

        Raises:
            RuntimeError: The platform does not start. It has printed the reason.
        """
        # The platform ends with its standard input, and therefore with this process.
        self._process = subprocess.Popen(  # noqa: S603 - the platform is this package
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not self.url:
            self._wait()
            raise RuntimeError(f"the platform did not start: {' '.join(self._command)}")

    def stop(self) -> None:
        """End the platform and all processes of its sessions."""
        self._process.terminate()
        self._wait()

    def _wait(self) -> None:
        self._process.communicate(timeout=_END_TIMEOUT)


def _replace(file: Path, content: dict[str, Any]) -> None:
    # The platform may read the file at any time, and must not read a part of it.
    new = file.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(file)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting `skaha_platform_scope`."""
    text = "lifetime of the platform of the fixture skaha_platform: function, module or session"
    parser.addini("skaha_platform_scope", text, default="function")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `skaha_platform`."""
    text = "skaha_platform(**options): options of the test's platform, as for `skaha.local serve`"
    config.addinivalue_line("markers", text)


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - pytest passes both
    return config.getini("skaha_platform_scope")


@pytest.fixture(scope=_scope)
def skaha_platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SkahaPlatform]:
    """An empty platform; it ends with the test, the module or the test run."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("skaha_platform"))):
        options |= marker.kwargs
    platform = SkahaPlatform(tmp_path_factory.mktemp("skaha"), options)
    yield platform
    platform.stop()
