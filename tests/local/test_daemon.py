"""The platform in the background: find or start it, show its status, stop it, reset it."""

import asyncio
import doctest
import errno
import itertools
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import httpx
import psutil
import pytest
from local.processes import alive, processes_of
from starlette.responses import Response

import skaha.local
from skaha.errors import ConnectionFailedError
from skaha.local import (
    Address,
    Options,
    Page,
    PlatformError,
    Status,
    _server,
    find_or_start,
    open_page,
    pytest_plugin,
    reset,
    status,
    stop,
)
from skaha.local._api import LimitsMiddleware
from skaha.local._state_directory import StateDirectory

# The example of `Options` starts a platform, so it comes after the example of `stop`.
PUBLIC = [
    *(skaha.local, find_or_start, Address, Status, status, stop),
    *(Options, reset, pytest_plugin, open_page, Page),
]


@pytest.fixture(autouse=True, name="state")
def _state(tmp_path, monkeypatch):
    """Set a new state directory, and stop its platform after the test."""
    path = tmp_path / "state"
    monkeypatch.setenv("SKAHA_LOCAL_STATE", str(path))
    yield path
    monkeypatch.undo()
    stop(path)


def run(*arguments):
    command = [sys.executable, "-m", "skaha.local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def pid_of_daemon():
    return status().pid


def launch_session(address, **parameters):
    headers = {"Authorization": f"Bearer {address.token}"}
    data = {"name": "job", "image": "images.canfar.net/a/b:1", **parameters}
    url = f"{address.url}/v1/session"
    response = httpx.post(url, data=data, headers=headers, trust_env=False)
    assert response.status_code == 200
    return response.text.strip()


def sessions(address):
    headers = {"Authorization": f"Bearer {address.token}"}
    response = httpx.get(f"{address.url}/v1/session", headers=headers, trust_env=False)
    assert response.status_code == 200
    return response.json()


def test_exports():
    """`skaha.local` exports exactly these names."""
    assert skaha.local.__all__ == [
        *("Address", "Options", "Page", "PlatformError", "Status"),
        *("check_installed", "find_or_start", "open_page", "reset", "status", "stop"),
    ]
    assert issubclass(PlatformError, RuntimeError)


def test_the_token_is_hidden():
    """The representation of an address has no token."""
    assert "secret" not in repr(Address("http://127.0.0.1:1/skaha", "secret"))


def test_the_import_is_cheap():
    """Only the daemon imports the packages of the server."""
    script = (
        "import sys, skaha.local;"
        "print({'starlette', 'uvicorn', 'psutil', 'subprocess', 'http'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"set()\n"


def test_the_first_call_starts_the_platform_and_later_calls_find_it(state):
    """The daemon is detached, and its command line has no token."""
    address = find_or_start()
    assert sessions(address) == []
    assert find_or_start() == find_or_start(state) == address
    daemon = psutil.Process(pid_of_daemon())
    assert sum(daemon.cpu_times()[:2]) < 2
    assert address.token not in " ".join(daemon.cmdline())
    assert daemon.ppid() != os.getpid()
    assert os.getsid(daemon.pid) != os.getsid(0)
    inherited = {str(Path(f"/proc/{daemon.pid}/fd/{number}").readlink()) for number in (0, 1, 2)}
    assert str(state / "daemon.log") in inherited
    assert not [name for name in inherited if name.startswith("/dev/pts")]


def test_simultaneous_calls_start_one_platform():
    """All callers get the same URL."""
    command = [sys.executable, "-c", "from skaha.local import find_or_start as f; print(f().url)"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    urls = {process.communicate()[0] for process in processes}
    assert len(urls) == 1
    assert urls == {f"{find_or_start().url}\n"}


def test_a_killed_platform_is_replaced(eventually):
    """No caller gets the address of the killed platform, and its sessions are kept."""
    old = find_or_start()
    launch_session(old, cmd="true")
    pid = pid_of_daemon()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: status() is None)
    new = find_or_start()
    assert new.token != old.token
    assert len(sessions(new)) == 1


def test_a_living_client_finds_the_next_platform(variant, eventually):
    """It starts the platform again, at another address, and sends no launch twice."""
    image, retry = "images.canfar.net/a/b:1", skaha.Retry(attempts=2, first_pause=0.001)
    session = variant.open(server="local", retry=retry)
    early = variant.run(session.create("early", image, 1, 1, cmd="true"))
    os.kill(pid_of_daemon(), signal.SIGKILL)
    eventually(lambda: status() is None)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(session.info(early))
    assert caught.value.__notes__[0].endswith("starts it again")
    ids = variant.run(session.create("late", image, 1, 1, cmd="true", replicas=2))
    assert variant.run(session.wait(early + ids, timeout=60)).keys() == {*early, *ids}
    os.kill(pid_of_daemon(), signal.SIGKILL)
    eventually(lambda: status() is None)
    # Before its first attempt, this launch has the address of the platform that was killed.
    last = variant.run(session.create("last", image, 1, 1, cmd="true", replicas=2))
    records = variant.run(session.fetch())
    assert {record["id"] for record in records} == {*early, *ids, *last}


def test_a_platform_that_ends_is_replaced(eventually):
    """Callers wait for its end."""
    old = find_or_start()
    os.kill(pid_of_daemon(), signal.SIGTERM)
    eventually(lambda: find_or_start() != old)


def test_a_platform_that_does_not_respond(monkeypatch):
    """The message contains the command that ends it."""
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
    """The commands `start`, `status`, `stop` and `reset`."""
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


def test_examples():
    """The examples of the documentation run."""
    finder = doctest.DocTestFinder(recurse=False)
    for thing in PUBLIC:
        (test,) = finder.find(thing, globs=vars(skaha.local).copy())
        assert test.examples
        results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
        assert results.failed == 0, test.name


def test_functions(state):
    """`status`, `stop` and `reset` work from Python as they do on the command line."""
    assert status() is None
    assert stop() is False
    address = find_or_start(options=Options(cores=3, stats=False))
    running = status(state)
    assert running == Status(address.url, pid_of_daemon())
    with pytest.raises(AttributeError):
        running.pid = 1
    assert address.token not in repr(running)
    with pytest.raises(PlatformError, match="stop it"):
        find_or_start(options=Options())
    get = {"headers": {"Authorization": f"Bearer {address.token}"}, "trust_env": False}
    url = f"{address.url}/v1/session?view=stats"
    assert httpx.get(url, **get).status_code == 503
    assert stop() is True
    assert status() is None
    assert (state / "platform.db").exists()
    assert sessions(find_or_start()) == []
    reset()
    assert status() is None
    assert not (state / "platform.db").exists()


def test_the_path_of_the_faults_is_absolute(tmp_path, monkeypatch):
    """The daemon works in another directory than its caller."""
    monkeypatch.chdir(tmp_path)
    assert Options(faults="faults.json").faults == tmp_path / "faults.json"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("function", [find_or_start, status, stop, reset])
def test_a_full_disk(function, number, monkeypatch):
    """The error is a `PlatformError` that names the solution; other errors stay as they are."""
    error = OSError(number, os.strerror(number), "lock")
    monkeypatch.setattr(StateDirectory, "open", Mock(side_effect=error))
    with pytest.raises(PlatformError, match="make room"):
        function()
    error.errno = errno.EIO
    with pytest.raises(OSError, match="lock"):
        function()


def test_options_of_the_start(tmp_path, monkeypatch):
    """`start` takes the options of `serve`; a running platform cannot take them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faults").write_text('{"broken": 1}')
    options = ("--profile", "v0", "--no-stats", "--cores=3", "--faults", "faults")
    url = run("start", *options).stdout.strip()
    address = find_or_start()
    assert address.url == url
    get = {"headers": {"Authorization": f"Bearer {address.token}"}, "trust_env": False}
    assert httpx.get(f"{url}/v0/context", **get).status_code == 500
    assert max(httpx.get(f"{url}/v0/context", **get).json()["cores"]["options"]) == 8
    result = run("start", "--profile", "v1")
    assert result.returncode == 1
    assert "stop it" in result.stderr
    assert run("start").stdout.strip() == url


def test_an_idle_platform_ends_itself(state):
    """It ends without sessions and without requests."""
    command = [sys.executable, "-m", "skaha.local", "serve", "--idle", "0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        assert process.wait(10) == 0
    assert not (state / "address").exists()


def test_a_platform_with_a_session_does_not_end_itself(launch, eventually):
    """It ends after the session."""
    platform = launch()
    pid = platform.home / "pid"
    session_id = platform.shell(
        f"while [ ! -e {pid} ]; do sleep 0.01; done; sleep 1; kill -0 $(cat {pid}) && echo runs"
    )
    platform.wait(session_id, "Running")
    platform.kill()
    options = platform.options
    platform.options = (*options, "--idle", "0.2")
    platform.start()
    platform.client.close()
    (platform.home / "new").write_text(str(platform.process.pid))
    (platform.home / "new").rename(pid)
    eventually(lambda: platform.process.poll() is not None)
    platform.options = options
    platform.process.stdout.close()
    platform.start()
    assert platform.session(session_id)["status"] == "Completed"
    assert platform.logs(session_id) == "runs\n"


PROGRAMS = [("-m", "skaha.local"), ("-m", "skaha", "local")]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_sessions_end_with_a_platform_in_the_foreground(launch, eventually, program, number):
    """SIGHUP is the end of its terminal."""
    platform = launch(program=program)
    session_id = platform.create(cmd="sleep", args="300")
    eventually(lambda: processes_of(session_id))
    platform.end_by(number)
    assert platform.process.returncode == 0
    assert not processes_of(session_id)


def test_a_platform_may_outlive_its_terminal(launch):
    """This is the effect of `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        platform = launch()
    finally:
        signal.signal(signal.SIGHUP, before)
    platform.process.send_signal(signal.SIGHUP)
    assert platform.sessions() == []
    assert platform.stop() == 0


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("words", [["--nope"], ["--port", "99999"], ["--cores", "0"]])
def test_the_errors_of_a_platform_in_the_foreground_name_its_program(program, words):
    """There are two programs."""
    command = [sys.executable, *program, "serve", *words]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    name = "skaha local" if "skaha" in program else "python -m skaha.local"
    assert finished.returncode == (2 if words == ["--nope"] else 1)
    assert finished.stderr.splitlines()[-1].startswith(f"{name}: error: ")


@pytest.mark.parametrize("command", ["serve", "start", "open"])
@pytest.mark.parametrize("package", ["starlette", "uvicorn", "psutil", "python_multipart"])
def test_without_a_package_of_its_extra_the_program_names_the_extra(command, package):
    """There is no traceback."""
    script = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from skaha.local.__main__ import main; sys.exit(main())"
    )
    words = [sys.executable, "-c", script, command]
    finished = subprocess.run(words, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    message = f"the embedded platform needs {package}: pip install 'skaha[local]>=2'"
    assert finished.stderr == f"python -m skaha.local: error: {message}\n"


def test_no_request_begins_after_the_decision_to_end():
    """A platform that ends itself would end the session of a late launch immediately."""
    begun, begun_before = [], []

    async def application(scope, receive, send):
        begun.append(scope)
        await Response()(scope, receive, send)

    async def request(url):
        statuses = []
        while True:
            try:
                async with httpx.AsyncClient(trust_env=False) as client:
                    statuses.append((await client.get(url)).status_code)
            except httpx.TransportError:
                return statuses

    async def run():
        listener = _server._listen(0)
        port = listener.getsockname()[1]
        limits = LimitsMiddleware(application, port)

        def is_unused():
            begun_before[:] = begun
            return len(begun) >= 20

        def refuse_requests():
            limits.closing = True

        server = _server._Server(_server._server_configuration(limits), is_unused, refuse_requests)
        requests = [request(f"http://127.0.0.1:{port}/") for _ in range(8)]
        _, *statuses = await asyncio.gather(server.serve([listener]), *requests)
        # The system may have accepted a connection before the decision.

        async def connection(scope, receive, send):
            await limits(scope | {"state": {"requests": itertools.count(1)}}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(connection)) as late:
            assert (await late.get(f"http://127.0.0.1:{port}/")).status_code == 503
        return {status for some in statuses for status in some}

    assert {200} <= asyncio.run(run()) <= {200, 503}
    assert len(begun) == len(begun_before)


def test_a_platform_that_cannot_start(state):
    """The error shows the new messages in the daemon's log."""
    state.mkdir(mode=0o700)
    (state / "daemon.log").write_text("message of an earlier start\n")
    (state / "platform.db").write_text("this is not a database, and long enough to be recognized")
    with pytest.raises(PlatformError, match=r"not a database; .* reset") as caught:
        find_or_start()
    assert "earlier" not in str(caught.value)


def test_a_database_with_damaged_pages(state):
    """The error names the command that deletes it, without a traceback."""
    find_or_start()
    stop()
    database = state / "platform.db"
    content = database.read_bytes()
    database.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(PlatformError, match=r"start: .* is malformed; .* reset"):
        find_or_start()
    reset()
    assert find_or_start()


def test_a_full_disk_at_the_start(small_disk):
    """The error names the disk, although the log on this disk is empty."""
    root = small_disk / "state"
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(PlatformError, match=f"No space left on device: '{root}': make room"):
        find_or_start(root)
    served = run("serve", "--state", str(root))
    assert "No space left on device" in served.stderr
    assert "make room" in served.stderr
    reset(root)
    filler.unlink()
    assert find_or_start(root)
    stop(root)


@pytest.fixture
def hold():
    """Hold the lock on a file in another process; return the id of that process."""
    holders = []

    def _hold(file):
        file.parent.mkdir(mode=0o700)
        script = (
            "import fcntl, sys\n"
            "with open(sys.argv[1], 'a') as file:\n"
            "    fcntl.flock(file, fcntl.LOCK_EX)\n"
            "    print(flush=True)\n"
            "    input()\n"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", script, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        holder.stdout.readline()
        holders.append(holder)
        return holder.pid

    yield _hold
    for holder in holders:
        holder.communicate(b"\n")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("lock", find_or_start),
        ("lock", stop),
        ("lock", reset),
        ("start.lock", find_or_start),
        ("lock", lambda: StateDirectory.open(None).lock()),
    ],
)
@pytest.mark.parametrize("has_list_of_locks", [True, False])
def test_a_lock_that_is_held(state, hold, monkeypatch, name, function, has_list_of_locks):
    """The error of a platform that starts or ends for too long names its process."""
    monkeypatch.setattr("skaha.local._daemon._TRANSITION_TIMEOUT", 0.1)
    monkeypatch.setattr("skaha.local._daemon._START_TIMEOUT", 0.1)
    monkeypatch.setattr("skaha.local._state_directory._LOCK_TIMEOUT", 0.1)
    if not has_list_of_locks:
        monkeypatch.setattr("skaha.local._file_lock._locking_process", lambda _: None)
    pid = hold(state / name)
    with pytest.raises(PlatformError, match=rf"\(process {pid}\)"):
        function()


def empty(directory):
    for file in directory.iterdir():
        shutil.rmtree(file) if file.is_dir() else file.unlink()


@pytest.mark.parametrize("remove", [shutil.rmtree, empty])
def test_a_platform_ends_without_its_state_directory(state, eventually, remove):
    """Its sessions end, too. It does not touch a new platform with the same directory."""
    old = find_or_start()
    old_pid = pid_of_daemon()
    session_id = launch_session(old, cmd="sleep", args="300")
    eventually(lambda: processes_of(session_id))
    remove(state)
    new = find_or_start()
    assert new.url != old.url
    eventually(lambda: not alive(old_pid))
    assert not processes_of(session_id)
    assert find_or_start() == new
    assert sessions(new) == []


def test_a_platform_withdraws_only_its_own_address(state, eventually):
    """A new platform may use the directory before the old platform ends."""
    find_or_start()
    old_pid = pid_of_daemon()
    shutil.rmtree(state)
    new = find_or_start()
    os.kill(old_pid, signal.SIGTERM)
    eventually(lambda: not alive(old_pid))
    assert find_or_start() == new
    assert stop()
    assert not (state / "address").exists()


def test_all_new_directories_are_private(tmp_path, eventually):
    """This includes the directories above the state directory, with any umask."""
    root = tmp_path / "above" / "state"
    before = os.umask(0)
    try:
        address = find_or_start(root)
    finally:
        os.umask(before)
    session_id = launch_session(address, cmd="true")
    directory = root / "sessions" / session_id
    eventually(lambda: directory.exists() and stat.S_IMODE(directory.stat().st_mode) == 0o700)
    for path in (tmp_path / "above", root, root / "sessions"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    stop(root)


def test_a_database_of_a_later_release(state):
    """The platform refuses it."""
    state.mkdir(mode=0o700)
    with sqlite3.connect(state / "platform.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(PlatformError, match="a later release"):
        find_or_start()


def test_reset_ends_the_processes_of_a_killed_daemon(state, eventually):
    """It needs no database, and works in an event loop, as in a notebook."""
    session_id = launch_session(find_or_start(), cmd="sleep", args="300")
    eventually(lambda: processes_of(session_id))
    os.kill(pid_of_daemon(), signal.SIGKILL)
    eventually(lambda: status() is None)
    (state / "platform.db").unlink()

    async def cell():
        reset()

    asyncio.run(cell())
    assert not processes_of(session_id)
    assert not (state / "sessions").exists()
    assert sessions(find_or_start()) == []


def test_reset_keeps_the_records_if_a_process_does_not_end(state, eventually, monkeypatch):
    """The error names the session."""
    session_id = launch_session(find_or_start(), cmd="sleep", args="300")
    eventually(lambda: processes_of(session_id))
    os.kill(pid_of_daemon(), signal.SIGKILL)
    eventually(lambda: status() is None)
    with monkeypatch.context() as patch:
        patch.setattr("skaha.local._daemon._RESET_GRACE", 0)
        patch.setattr("skaha.local._runtimes._leftovers._KILL_TIMEOUT", 0.1)
        patch.setattr("skaha.local._runtimes._process_tree._signal", lambda *_: None)
        with pytest.raises(PlatformError, match=f"do not end: {session_id};"):
            reset()
    assert (state / "platform.db").exists()
    reset()
    assert not processes_of(session_id)


def test_a_state_directory_that_cannot_be_created(tmp_path):
    """The message names the environment variable that selects another directory."""
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match="SKAHA_LOCAL_STATE"):
        find_or_start(tmp_path / "file" / "below")


def test_a_state_directory_with_other_files(tmp_path):
    """The platform does not change it, unless only its owner can open it."""
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


def test_an_empty_state_directory_is_closed_to_other_users(tmp_path):
    """Its mode becomes 0700."""
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    assert run("status", "--state", str(empty)).returncode == 3
    assert empty.stat().st_mode & 0o777 == 0o700


def test_a_port_in_use(launch, tmp_path):
    """The error has no traceback."""
    port = launch().url.split(":")[2].split("/")[0]
    result = run("serve", "--port", port, "--state", str(tmp_path / "other"))
    assert result.returncode == 1
    assert "choose another" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unsupported_system(monkeypatch):
    """The error names the supported systems."""
    monkeypatch.setattr("skaha.local._errors.os.name", "nt")
    with pytest.raises(PlatformError, match="Linux or macOS"):
        find_or_start()
