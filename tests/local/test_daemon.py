"""The platform in the background: found or started, asked for its state, stopped, forgotten."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

import skaha.local
from skaha.local import Address, PlatformError, find_or_start


@pytest.fixture(autouse=True, name="state")
def _state(tmp_path, monkeypatch):
    """A state directory of the test's own, and no daemon on it afterwards."""
    path = tmp_path / "state"
    monkeypatch.setenv("SKAHA_LOCAL_STATE", str(path))
    yield path
    run("stop")


def run(*arguments):
    command = [sys.executable, "-m", "skaha.local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def pid_of_daemon():
    return int(run("status").stdout.split("process ")[1].rstrip(")\n"))


def sessions(address):
    headers = {"Authorization": f"Bearer {address.token}"}
    response = httpx.get(f"{address.url}/v1/session", headers=headers, trust_env=False)
    assert response.status_code == 200
    return response.json()


def test_exports():
    """The public door is as wide as it says."""
    assert skaha.local.__all__ == [
        *("Address", "Options", "PlatformError", "Status"),
        *("check_installed", "find_or_start", "reset", "status", "stop"),
    ]
    assert issubclass(PlatformError, RuntimeError)


def test_the_token_is_not_shown():
    """Not even by accident."""
    assert "secret" not in repr(Address("http://127.0.0.1:1/skaha", "secret"))


def test_importing_it_is_light():
    """The server is loaded by the daemon, not by its clients."""
    script = "import sys, skaha.local; print({'starlette', 'uvicorn', 'psutil'} & set(sys.modules))"
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"set()\n"


def test_it_is_started_once_and_found_from_then_on(state):
    """In less than a second, with a token that only the owner can read."""
    begun = time.monotonic()
    address = find_or_start()
    assert time.monotonic() - begun < 3
    assert sessions(address) == []
    assert find_or_start() == find_or_start(state) == address
    daemon = psutil.Process(pid_of_daemon())
    assert address.token not in " ".join(daemon.cmdline())
    assert daemon.ppid() != os.getpid()
    assert os.getsid(daemon.pid) != os.getsid(0)
    inherited = {str(Path(f"/proc/{daemon.pid}/fd/{number}").readlink()) for number in (0, 1, 2)}
    assert str(state / "daemon.log") in inherited
    assert not [name for name in inherited if name.startswith("/dev/pts")]


def test_many_that_ask_at_once_get_one():
    """Whoever comes first starts it."""
    command = [sys.executable, "-c", "from skaha.local import find_or_start as f; print(f().url)"]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = {process.communicate()[0] for process in asking}
    assert len(answers) == 1
    assert answers == {f"{find_or_start().url}\n"}


def test_it_outlives_who_started_it_and_a_killed_one_is_replaced(eventually):
    """The address of a dead platform is never given out, its sessions are kept."""
    old = find_or_start()
    headers = {"Authorization": f"Bearer {old.token}"}
    data = {"name": "n", "image": "images.canfar.net/a/b:1", "cmd": "true"}
    httpx.post(f"{old.url}/v1/session", data=data, headers=headers, trust_env=False)
    pid = pid_of_daemon()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid) or run("status").returncode == 3)
    new = find_or_start()
    assert new.token != old.token
    assert len(sessions(new)) == 1


def test_one_that_does_not_answer_is_named(monkeypatch):
    """The message says how to end it."""
    find_or_start()
    pid = pid_of_daemon()
    monkeypatch.setattr("skaha.local._daemon._RESPONSE_TIMEOUT", 0.2)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(PlatformError, match=f"kill -9 {pid}"):
            find_or_start()
    finally:
        os.kill(pid, signal.SIGCONT)


def test_commands(state):
    """Start, status, stop and reset, from the shell."""
    assert run("status").returncode == 3
    assert run("stop").stdout == "not running\n"
    started = run("start")
    assert started.stdout == f"{find_or_start().url}\n"
    assert run("status").stdout.startswith(started.stdout.strip())
    assert run("stop").stdout == "stopped\n"
    assert not (state / "address").exists()
    assert (state / "platform.db").exists()
    run("start")
    assert run("reset").returncode == 0
    assert run("status").returncode == 3
    assert not (state / "platform.db").exists()


def test_it_is_started_as_it_is_asked_for(tmp_path, monkeypatch):
    """With the options of `serve`; one that runs already is not changed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faults").write_text('{"broken": 1}')
    options = ("--profile", "v0", "--no-stats", "--cores=3", "--faults", "faults")
    url = run("start", *options).stdout.strip()
    address = find_or_start()
    assert address.url == url
    get = {"headers": {"Authorization": f"Bearer {address.token}"}, "trust_env": False}
    assert httpx.get(f"{url}/v0/context", **get).status_code == 500
    assert max(httpx.get(f"{url}/v0/context", **get).json()["cores"]["options"]) == 8
    refused = run("start", "--profile", "v1")
    assert refused.returncode == 1
    assert "stop it" in refused.stderr
    assert run("start").stdout.strip() == url


def test_it_ends_itself_when_idle(state):
    """Nothing runs and nobody asks."""
    command = [sys.executable, "-m", "skaha.local", "serve", "--idle", "0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        assert process.wait(10) == 0
    assert not (state / "address").exists()


def test_it_does_not_end_itself_while_something_runs(launch, eventually):
    """A session is reason enough to stay."""
    platform = launch("--idle", "0.2")
    session_id = platform.create(cmd="sleep", args="1")
    platform.client.close()
    eventually(lambda: platform.process.poll() is not None)
    platform.options = ()
    platform.process.stdout.close()
    platform.start()
    assert platform.session(session_id)["status"] == "Completed"


def test_a_platform_that_cannot_start_says_why(state):
    """With its own last words."""
    state.mkdir(mode=0o700)
    (state / "platform.db").write_text("this is no database, and long enough to be seen as none")
    with pytest.raises(PlatformError, match="not a database"):
        find_or_start()


def test_a_database_of_a_later_release(state):
    """It is not touched."""
    state.mkdir(mode=0o700)
    with sqlite3.connect(state / "platform.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(PlatformError, match="a later release"):
        find_or_start()


def test_reset_ends_what_a_killed_daemon_left_running(state, eventually):
    """No process is forgotten with its session."""
    address = find_or_start()
    headers = {"Authorization": f"Bearer {address.token}"}
    data = {"name": "n", "image": "images.canfar.net/a/b:1", "cmd": "sleep", "args": "300"}
    url = f"{address.url}/v1/session"
    session_id = httpx.post(url, data=data, headers=headers, trust_env=False).text.strip()
    note = state / "sessions" / session_id / "pid"
    number = eventually(lambda: note.exists() and note.read_text())
    os.kill(pid_of_daemon(), signal.SIGKILL)
    assert run("reset").returncode == 0
    eventually(lambda: not psutil.pid_exists(int(number)))
    assert find_or_start()
    assert sessions(find_or_start()) == []


def test_a_state_directory_that_cannot_be(tmp_path):
    """The message names the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match="SKAHA_LOCAL_STATE"):
        find_or_start(tmp_path / "file" / "below")


def test_a_state_directory_with_other_things_in_it(tmp_path):
    """It is left alone, unless it is its owner's only."""
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    (other / "sessions").mkdir()
    for command in ("start", "reset"):
        result = run(command, "--state", str(other))
        assert result.returncode == 1
        assert "holds other files" in result.stderr
    other.chmod(0o700)
    assert run("reset", "--state", str(other)).returncode == 0
    assert (other / "sessions").is_dir()


def test_an_empty_state_directory_is_closed_to_others(tmp_path):
    """Whoever made it."""
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    assert run("status", "--state", str(empty)).returncode == 3
    assert empty.stat().st_mode & 0o777 == 0o700


def test_a_port_that_is_taken(launch, tmp_path):
    """One line, no traceback."""
    port = launch().url.split(":")[2].split("/")[0]
    result = run("serve", "--port", port, "--state", str(tmp_path / "other"))
    assert result.returncode == 1
    assert "choose another" in result.stderr
    assert "Traceback" not in result.stderr


def test_elsewhere(monkeypatch):
    """Where there are no process groups, it says so."""
    monkeypatch.setattr("skaha.local._errors.os.name", "nt")
    with pytest.raises(PlatformError, match="Linux or macOS"):
        find_or_start()
