"""The command line program as users run it: its own process, and its own platform."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from cli.forking import ForkingServer

from skaha import Session
from skaha.helpers import shell

SKAHA = str(Path(sys.executable).with_name("skaha"))
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A platform in the foreground: its URL, and the file that makes requests fail."""
    home = tmp_path_factory.mktemp("cli")
    faults = home / "faults.json"
    command = [SKAHA, "local", "serve", "--token", TOKEN, "--state", str(home / "state")]
    command += ["--cores", "64", "--ram", "512", "--grace", "1", "--faults", str(faults)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip(), faults
        process.terminate()


class Program:
    """The program, with a home directory and a platform."""

    def __init__(self, home, url, faults, server):
        self.home, self.url, self._faults, self._server = home, url, faults, server
        kept = ("PATH", "LANG", "LC_ALL", "COVERAGE_PROCESS_CONFIG")
        self.env = {name: os.environ[name] for name in kept if name in os.environ}
        self.env |= {
            "HOME": str(home),
            "SKAHA_SERVER": url,
            "SKAHA_TOKEN": TOKEN,
            "SKAHA_LOCAL_STATE": str(home / "local"),
            "PYTHONWARNINGS": "error::ResourceWarning",
            "TERM": "xterm",
        }

    def __call__(self, *words, code=0, env=(), stdin=b"", cwd="."):
        """Run the program without a terminal; return its standard output."""
        finished, out, err = self._server.run(
            [str(word) for word in words], env=self.env | dict(env), stdin=stdin, cwd=cwd
        )
        self.out, self.err = out.decode(), err.decode()
        assert code in (None, finished), (finished, self.out, self.err)
        assert "Traceback" not in self.err
        return self.out

    def json(self, *words, **options):
        return json.loads(self("--output", "json", *words, **options))

    def at_a_terminal(self, *words, columns=100, env=()):
        """Run the program on a terminal, where a user types."""
        return pexpect.spawn(
            SKAHA,
            list(words),
            env=self.env | dict(env),
            dimensions=(24, columns),
            timeout=60,
            encoding="utf-8",
        )

    def without(self, *names):
        self.env = {name: value for name, value in self.env.items() if name not in names}
        return self

    def faults(self, **faults):
        new = self._faults.with_suffix(".new")
        new.write_text(json.dumps(faults))
        new.replace(self._faults)

    @property
    def platform(self):
        """A client of the platform: the library prepares a test faster than the program."""
        return Session(server=self.url, token=TOKEN)

    def launch(self, name, *words):
        """Launch a session and wait until it has ended; return its id."""
        session_id = self.begin(name, *words)
        with self.platform as session:
            session.wait(session_id)
        return session_id

    def begin(self, name, *words):
        """Launch a session and wait until it runs; return its id."""
        with self.platform as session:
            [session_id] = session.create(name, IMAGE, **shell.command(*words))
            session.wait(session_id, "running", poll=0.02)
        return session_id

    def ids(self, prefix=""):
        with self.platform as session:
            return {record["id"] for record in session.fetch() if record["name"].startswith(prefix)}


@pytest.fixture(scope="session")
def forking_server():
    with ForkingServer() as server:
        yield server


@pytest.fixture
def skaha(tmp_path, served, forking_server):
    program = Program(tmp_path, *served, forking_server)
    yield program
    program.faults()


@pytest.fixture
def clean(skaha):
    """The program, with a platform that has no sessions."""
    with skaha.platform as session:
        session.destroy_all()
    return skaha


@pytest.fixture
def entry():
    """The path of the program."""
    return SKAHA
