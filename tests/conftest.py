"""Fixtures of all tests: a variant, a platform, and a server with scripted responses."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from scripted import ScriptedServer

import skaha

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-the-tests"

# Where this is forbidden, hundreds of processes would compile the same modules again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell ignores Ctrl-C in its background jobs, and the programs of the tests would inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)

# In a fresh checkout, hypothesis first makes its tables of Unicode; and a machine may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_xdist_auto_num_workers() -> int:
    """Return three for each core: many tests wait for a process or for the clock."""
    return 3 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a browser, a kernel or a small disk."""
    slow_fixtures = {"browser", "notebook", "small_disk"}
    for item in items:
        if slow_fixtures & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


class Variant:
    """One of the two variants: its classes, and how to get the value of a call."""

    def __init__(self, name: str) -> None:
        self.name = name
        prefix = "Async" if name == "async" else ""
        for plain in ("Session", "Images", "Context", "Overview"):
            setattr(self, plain, getattr(skaha, prefix + plain))
        self._runner = asyncio.Runner() if name == "async" else None
        self._opened: list[Any] = []

    def open(self, kind: str = "Session", /, **settings: Any) -> Any:
        """Construct a class of this variant that is closed when the test ends."""
        opened = getattr(self, kind)(**settings)
        self._opened.append(opened)
        return opened

    def run(self, value: Any) -> Any:
        """Return what a call returned, or what its coroutine does."""
        if self._runner is None:
            assert not inspect.isawaitable(value)
            return value
        return self._runner.run(value)

    def close(self) -> None:
        for opened in self._opened:
            self.run(opened.close() if self._runner is None else opened.aclose())
        if self._runner is not None:
            self._runner.close()


@pytest.fixture(scope="session", autouse=True)
def nobodys_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither the environment nor the file of whoever runs the tests says anything."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SKAHA_")]:
            patch.delenv(name)
        patch.setenv("SKAHA_CONFIG", str(tmp_path_factory.mktemp("nobody") / "config.toml"))
        yield


@pytest.fixture(params=["sync", "async"])
def variant(request: pytest.FixtureRequest) -> Iterator[Variant]:
    one = Variant(request.param)
    yield one
    one.close()


@pytest.fixture
def quick_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look a missing session up by its id at once."""
    monkeypatch.setattr("skaha._sansio.status_tracker._LOOK_UP_AFTER", 0)


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The embedded platform, as a process of its own: its `url` and its `token`."""
    state = tmp_path_factory.mktemp("platform")
    command = [sys.executable, "-m", "skaha.local", "serve", "--port", "0"]
    command += ["--token", TOKEN, "--state", str(state), "--tether"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield SimpleNamespace(url=process.stdout.readline().strip(), token=TOKEN)
        process.terminate()


@pytest.fixture
def platform(shared_platform: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The embedded platform, where the sessions of a test end with it."""
    yield shared_platform
    with skaha.Session(server=shared_platform.url, token=shared_platform.token) as session:
        session.destroy_all()


@pytest.fixture
def session(variant: Variant, platform: SimpleNamespace) -> Any:
    """A session class of each variant, at the embedded platform."""
    return variant.open(server=platform.url, token=platform.token)


@pytest.fixture
def scripted_session(variant: Variant, scripted: ScriptedServer) -> Any:
    """A session class of each variant, at the scripted server; it never tries again."""
    return variant.open(server=scripted.url, token=TOKEN, retry=False)
