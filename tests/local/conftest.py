"""Fixtures with real platforms: each is a process with its own state directory."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
TOKEN = "a-token-of-the-tests"
SHARED = {"platform", "v0_platform", "fast_platform", "slow_platform"}


def eventually(condition, seconds=30.0):
    """Wait until `condition` returns a true value; return that value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.01)
    return value


class Platform:
    """A platform in the foreground, and an HTTP client with its token."""

    def __init__(self, state, home, *options, version="v1", program=("-m", "skaha.local")):
        self.state, self.home, self.version = state, home, version
        self.program = program
        self.options = ("--profile", version, "--faults", str(home / "faults"), *options)
        self.start()

    def start(self):
        command = [sys.executable, *self.program, "serve", "--token", TOKEN]
        self.process = subprocess.Popen(
            [*command, "--state", str(self.state), *self.options],
            env=os.environ
            | {"HOME": str(self.home), "A_SECRET": "of the daemon", "PYTHONWARNINGS": "error"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")
        self.client = httpx.Client(
            base_url=f"{self.url}/{self.version}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
        )

    def faults(self, **faults):
        """Inject these faults from now on, and no others."""
        new = self.home / "faults.new"
        new.write_text(json.dumps(faults))
        new.replace(self.home / "faults")

    def image(self, name, *command):
        """Run a command of this machine instead of an image."""
        (self.state / "images.json").write_text(json.dumps({name: command}))

    def kill(self):
        self.end_by(signal.SIGKILL)

    def stop(self):
        self.end_by(signal.SIGTERM)
        return self.process.returncode

    def end_by(self, number):
        """End the platform by a signal."""
        self.client.close()
        self.process.send_signal(number)
        self.process.wait(30)
        self.process.stdout.close()

    def post(self, **parameters):
        return self.client.post("/session", data={"name": "job", "image": IMAGE} | parameters)

    def create(self, **parameters):
        response = self.post(**parameters)
        assert response.status_code == 200, response.text
        return response.text.strip()

    def shell(self, script, **parameters):
        """Run a script with quotes, blanks and variables, which `cmd` and `args` cannot contain."""
        file = self.home / f"script-{time.monotonic_ns()}"
        file.write_text(script)
        return self.create(cmd="sh", args=str(file), **parameters)

    def session(self, session_id):
        return self.client.get(f"/session/{session_id}").json()

    def sessions(self, **query):
        return self.client.get("/session", params=query).json()

    def logs(self, session_id):
        return self.client.get(f"/session/{session_id}", params={"view": "logs"}).text

    def events(self, session_id):
        return self.client.get(f"/session/{session_id}", params={"view": "events"}).text

    def delete(self, session_id):
        return self.client.delete(f"/session/{session_id}")

    def clean(self):
        """Remove all faults, commands of images and sessions; wait until all processes ended."""
        self.faults()
        (self.state / "images.json").unlink(missing_ok=True)
        sessions = [*self.sessions(view="interactive"), *self.sessions()]
        for session in sessions:
            app = session.get("appid", "<none>")
            self.delete(session["id"] if app == "<none>" else f"{session['id']}/app/{app}")
        if sessions:
            eventually(lambda: self.sessions(view="stats")["cores"]["requestedCPUCores"] == 0)

    def wait(self, session_id, status="Completed", seconds=30.0):
        def session_with_status():
            session = self.session(session_id)
            return session if session["status"] == status else None

        return eventually(session_with_status, seconds)


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(scope="session", name="eventually")
def _eventually():
    return eventually


@pytest.fixture(scope="session")
def image():
    return IMAGE


@pytest.fixture(scope="session")
def token():
    return TOKEN


@pytest.fixture(scope="session")
def launch_shared(tmp_path_factory):
    """Start platforms that several tests share, with room for several sessions."""
    running = []

    def _launch(*options, version="v1"):
        state, home = tmp_path_factory.mktemp("state") / "state", tmp_path_factory.mktemp("home")
        options = ("--cores", "8", "--ram", "64", "--grace", "2", *options)
        running.append(Platform(state, home, *options, version=version))
        return running[-1]

    yield _launch
    for platform in running:
        platform.stop()


@pytest.fixture(scope="session")
def platform(launch_shared):
    """A platform that all tests share."""
    return launch_shared()


@pytest.fixture(scope="session")
def v0_platform(launch_shared):
    """A platform with the profile v0 that all tests share."""
    return launch_shared(version="v0")


@pytest.fixture(scope="session")
def fast_platform(launch_shared):
    """A shared platform where an hour is 0.36 seconds, and four days are 35 seconds."""
    return launch_shared("--time-scale", "0.0001")


@pytest.fixture(autouse=True)
def _clean(request):
    """Clean the shared platforms after each test that uses them."""
    yield
    for name in SHARED & set(request.fixturenames):
        request.getfixturevalue(name).clean()


@pytest.fixture
def launch(tmp_path):
    """Start platforms for a single test, with its options."""
    running = []

    def _launch(*options, state=None, **settings):
        home = tmp_path / f"home-{len(running)}"
        home.mkdir()
        state = state or tmp_path / f"state-{len(running)}"
        running.append(Platform(state, home, *options, **settings))
        return running[-1]

    yield _launch
    for platform in running:
        if platform.process.returncode is None:
            platform.stop()


@pytest.fixture
def crowded_platform(launch):
    """A platform with one core and 1,000 sessions, of which the first runs for a long time."""
    platform = launch("--cores", "1", "--grace", "1")
    platform.create(name="job", cmd="sleep", args="300")
    platform.stop()
    # A launch of each session would take longer.
    database = sqlite3.connect(platform.state / "platform.db")
    with database:
        names = [row[1] for row in database.execute("PRAGMA table_info(sessions)")][1:]
        copied = {"id": "'a' || number", "name": "'job-' || number"}
        copied |= {"phase": "'queued'", "due": "NULL", "started": "NULL", "ended": "NULL"}
        database.execute(
            "WITH RECURSIVE numbers(number) AS"
            " (VALUES (0) UNION ALL SELECT number + 1 FROM numbers WHERE number < 999)"
            f" INSERT INTO sessions ({', '.join(names)})"
            f" SELECT {', '.join(copied.get(name, name) for name in names)} FROM sessions, numbers"
        )
        database.execute("DELETE FROM sessions WHERE seq = 1")
    database.close()
    platform.start()
    return platform
