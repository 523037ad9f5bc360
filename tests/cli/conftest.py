"""The command line program as users run it: its own process, and its own platform."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pexpect
import pytest
from cli.forking import Forker

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


@pytest.fixture(scope="session")
def forker():
    """A process that runs the program without its start."""
    forker = Forker()
    yield forker
    forker.close()


class Program:
    """The program, with a home directory and a platform."""

    def __init__(self, home, url, faults, forker):
        self.home, self.url, self._faults, self._forker = home, url, faults, forker
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

    def __call__(self, *words, code=0, env=(), input=b"", cwd="."):  # noqa: A002
        """Run the program; return its standard output."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(input)
            given.seek(0)
            returned = self._run(words, self.env | dict(env), cwd, (given, out, err))
            self.out, self.err = (
                os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0).decode()
                for stream in (out, err)
            )
        assert code in (None, returned), (returned, self.out, self.err)
        assert "Traceback" not in self.err
        return self.out

    def _run(self, words, env, cwd, streams):
        # Python reads these variables only at its start.
        if any(name.startswith(("PYTHON", "LC_")) for name in env.keys() - self.env.keys()):
            given, out, err = streams
            command = [SKAHA, *words]
            return subprocess.call(
                command, env=env, cwd=cwd, stdin=given, stdout=out, stderr=err, timeout=60
            )
        return self._forker.run(words, env, Path(cwd).absolute(), streams)

    def json(self, *words, **options):
        return json.loads(self("--output", "json", *words, **options))

    def at_a_terminal(self, *words, columns=100, env=()):
        """Run the program on a terminal, where a user types."""
        return pexpect.spawn(
            SKAHA,
            list(words),
            env=self.env | dict(env),
            dimensions=(24, columns),
            timeout=20,
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


@pytest.fixture
def skaha(tmp_path, served, forker):
    program = Program(tmp_path, *served, forker)
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
