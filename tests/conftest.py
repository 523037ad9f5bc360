"""Fixtures of all tests: a variant, a platform, and a server with scripted responses."""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import os
import shutil
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
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

TOKEN = "a-token-of-the-tests"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

# Without stored bytecode, hundreds of processes would compile the same modules again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell ignores Ctrl-C in its background jobs, and `nohup` ignores SIGHUP. The programs of the
# tests would inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Hypothesis is slow in a fresh checkout (it makes its tables of Unicode) and on a busy machine.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for each core: many tests wait for a process or for the clock."""
    return 3 * (os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect the tests without garbage collection: nearly all objects stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a browser, a kernel or a small disk."""
    slow_fixtures = {"browser", "notebook", "small_disk"}
    for item in items:
        if slow_fixtures & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a real browser."""
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    # The scope is a module, because no test can use asyncio while the browser runs.
    with sync_playwright() as driver:
        options = ["--no-sandbox", "--no-proxy-server"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


class Variant:
    """One of the two variants: its classes, and a method that gets the value of a call."""

    def __init__(self, name: str) -> None:
        self.name = name
        prefix = "Async" if name == "async" else ""
        for class_name in ("Session", "Images", "Context", "Overview"):
            setattr(self, class_name, getattr(skaha, prefix + class_name))
        self._runner = asyncio.Runner() if name == "async" else None
        self._clients: list[Any] = []

    def open(self, kind: str = "Session", /, **settings: Any) -> Any:
        """Construct a client of this variant; it is closed when the test ends."""
        client = getattr(self, kind)(**settings)
        self._clients.append(client)
        return client

    def run(self, value: Any) -> Any:
        """Return the value of a call; in the async variant, run its coroutine."""
        if self._runner is None:
            assert not inspect.isawaitable(value)
            return value
        return self._runner.run(value)

    def collect(
        self, pairs: Any, on_line: Callable[[str, str], Any] = lambda *_: None
    ) -> list[tuple[str, str]]:
        """Return all pairs of a session id and a line; call `on_line` with each of them."""
        collected = []

        def add(pair: tuple[str, str]) -> None:
            collected.append(pair)
            on_line(*pair)

        async def collect_async() -> None:
            async for pair in pairs:
                add(pair)

        if self._runner is None:
            for pair in pairs:
                add(pair)
        else:
            self.run(collect_async())
        return collected

    def close(self) -> None:
        for client in self._clients:
            self.run(client.close() if self._runner is None else client.aclose())
        if self._runner is not None:
            self._runner.close()


@pytest.fixture(scope="session", autouse=True)
def no_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the settings of the person who runs the tests: variables and configuration file."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SKAHA_")]:
            patch.delenv(name)
        patch.setenv("SKAHA_CONFIG", str(tmp_path_factory.mktemp("configuration") / "config.toml"))
        yield


@pytest.fixture(params=["sync", "async"])
def variant(request: pytest.FixtureRequest) -> Iterator[Variant]:
    chosen = Variant(request.param)
    yield chosen
    chosen.close()


@pytest.fixture
def quick_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait before a missing session is looked up by its id."""
    monkeypatch.setattr("skaha._sansio.status_tracker._LOOK_UP_AFTER", 0)


@pytest.fixture
def quick_outages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the retry policy alone decide about the pauses during an outage."""
    monkeypatch.setattr("skaha._sansio.polling._MIN_PAUSE", 0)


@pytest.fixture
def pauses(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Store the pauses between two looks in a list, and do not wait."""
    poller = importlib.import_module(f"skaha._{variant.name}._poller")
    sleep: Callable[[float], Any] = poller.sleep
    seconds_of_pauses: list[float] = []

    def store(seconds: float) -> Any:
        seconds_of_pauses.append(seconds)
        return sleep(0)

    monkeypatch.setattr(poller, "sleep", store)
    return seconds_of_pauses


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Start the embedded platform in its own process; yield its `url` and its `token`."""
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
    """Yield the embedded platform; delete all its sessions when the test ends."""
    yield shared_platform
    with skaha.Session(server=shared_platform.url, token=shared_platform.token) as session:
        session.destroy_all()


@pytest.fixture
def session(variant: Variant, platform: SimpleNamespace) -> Any:
    """Return a session client of each variant for the embedded platform."""
    return variant.open(server=platform.url, token=platform.token)


@pytest.fixture
def scripted_session(variant: Variant, scripted: ScriptedServer) -> Any:
    """Return a session client of each variant for the scripted server, without retries."""
    return variant.open(server=scripted.url, token=TOKEN, retry=False)
