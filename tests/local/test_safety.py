"""Protection against hostile or faulty clients, and against a full disk."""

import shutil
import socket
import stat
import subprocess
import sys
import time

import psutil
import pytest
from local.processes import processes_of


def port(platform):
    return int(platform.url.split(":")[2].split("/")[0])


def test_the_platform_listens_on_the_loopback_interface_only(platform):
    """Other machines cannot reach it."""
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(platform.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1.example.org:{port}"])
def test_another_host_name_is_refused(platform, host):
    """A web page could otherwise reach the platform under its own host name."""
    headers = {"host": host.format(port=port(platform))}
    assert platform.client.get("/context", headers=headers).status_code == 421
    good = {"host": f"LocalHost:{port(platform)}"}
    assert platform.client.get("/context", headers=good).status_code == 200


def test_only_the_owner_can_read_the_files(platform):
    """The modes of the directory and of the token's file both exclude other users."""
    assert stat.S_IMODE(platform.state.stat().st_mode) == 0o700
    for name in ("token", "address"):
        assert stat.S_IMODE((platform.state / name).stat().st_mode) == 0o600


def test_a_long_header_is_400(platform):
    """Like on the real platform, the container of the service refuses a long query."""
    response = platform.client.get("/session", params={"type": "x" * 9000})
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/html")


def test_a_large_body_is_refused(platform):
    """The platform stops reading at its limit."""
    response = platform.client.post("/session", data={"name": "n" * 3_000_000})
    assert (response.status_code, response.text) == (400, "Missing parameter 'image'\n")
    assert platform.client.get("/context").status_code == 200


def test_bytes_that_are_not_http_are_refused(platform):
    """The next request succeeds."""
    with socket.create_connection(("127.0.0.1", port(platform))) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\r\n\r\n")
        assert raw.recv(1024).startswith(b"HTTP/1.1 400")
    assert platform.client.get("/context").status_code == 200


def test_slow_clients_do_not_block_others(platform):
    """Hundreds of connections send half a request, or do not read their response."""
    platform.wait(platform.shell("yes | head -c 50000000", name="large"))
    large = platform.sessions()[0]["id"]
    address = ("127.0.0.1", port(platform))
    slow = [socket.create_connection(address) for _ in range(300)]
    for raw in slow[:200]:
        raw.sendall(b"GET /skaha/v1/session HTTP/1.1\r\nHost: x\r\n")
    token = platform.client.headers["authorization"]
    lines = [
        f"GET /skaha/v1/session/{large}?view=logs HTTP/1.1",
        f"Host: {address[0]}:{address[1]}",
    ]
    for raw in slow[200:]:
        raw.sendall("\r\n".join([*lines, f"Authorization: {token}", "", ""]).encode())
    start = time.monotonic()
    for _ in range(20):
        assert platform.client.get("/session").status_code == 200
    assert time.monotonic() - start < 30
    for raw in slow:
        raw.close()
    memory = psutil.Process(platform.process.pid).memory_info().rss
    assert memory < 250 * 2**20


def test_incomplete_requests_time_out(tmp_path):
    """A request may lack its first byte, the end of its header, or its body."""
    script = (
        "import sys\n"
        "from skaha.local import _connection_limits\n"
        "from skaha.local._api import _middleware\n"
        "_connection_limits._HEADER_TIMEOUT = _middleware._BODY_CHUNK_TIMEOUT = 0.3\n"
        "from skaha.local.__main__ import main\n"
        "sys.argv[1:] = ['serve', '--state', sys.argv[1]]\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        number = int(process.stdout.readline().split(":")[2].split("/")[0])
        silent = socket.create_connection(("127.0.0.1", number), timeout=5)
        half_header = socket.create_connection(("127.0.0.1", number), timeout=5)
        half_header.sendall(b"GET / HTTP/1.1\r\nHost:")
        no_body = socket.create_connection(("127.0.0.1", number), timeout=5)
        lines = (
            "POST /skaha/v1/session HTTP/1.1",
            f"Host: 127.0.0.1:{number}",
            "Content-Length: 9",
        )
        form = "Content-Type: application/x-www-form-urlencoded"
        token = (tmp_path / "state" / "token").read_text()
        no_body.sendall(
            "\r\n".join([*lines, form, f"Authorization: Bearer {token}", "", "name"]).encode()
        )
        assert silent.recv(10) == b""
        assert half_header.recv(10) == b""
        assert no_body.recv(1024).startswith(b"HTTP/1.1 408")
        for raw in (silent, half_header, no_body):
            raw.close()
        process.terminate()


def test_sessions_do_not_see_the_environment_of_the_daemon(platform):
    """They see only the variables that every program needs."""
    session_id = platform.create(cmd="env")
    platform.wait(session_id)
    names = {line.split("=")[0] for line in platform.logs(session_id).splitlines()}
    allowed = ("LC_", "SSL_CERT_", "skaha_")
    assert {name for name in names if not name.startswith(allowed)} <= {
        *("HOME", "PWD", "PATH", "LANG", "TZ", "TMPDIR", "OMP_NUM_THREADS")
    }


def test_the_list_contains_hundreds_of_sessions(platform):
    ids = {platform.create(cmd="sleep", args="300", cores="8") for _ in range(300)}
    assert {session["id"] for session in platform.sessions()} == ids


def test_a_full_disk_is_an_error_without_corruption(launch):
    """A create that cannot be stored is refused, and the stored sessions remain."""
    platform = launch()
    kept = platform.create(cmd="true")
    platform.wait(kept)
    soft = (platform.state / "platform.db-wal").stat().st_size
    limit = psutil.RLIMIT_FSIZE
    process = psutil.Process(platform.process.pid)
    before = process.rlimit(limit)
    process.rlimit(limit, (soft, before[1]))
    response = platform.post(cmd="true", args="x" * 100_000)
    assert response.status_code == 500
    assert response.text.startswith("unexpected exception: ")
    process.rlimit(limit, before)
    later = platform.create(cmd="true")
    platform.wait(later)
    assert {session["id"] for session in platform.sessions()} == {kept, later}
    platform.kill()
    platform.start()
    assert len(platform.sessions()) == 2


# This platform behaves as on a full disk while the file `full` names a path that exists: it can
# record no change of a session after its launch.
ON_A_FULL_DISK = """
import sqlite3
from pathlib import Path
from skaha.local import _scheduler
from skaha.local.__main__ import main
from skaha.local._session import Phase
from skaha.local._store import Store

def guarded(method):
    def write(store, *arguments, **options):
        file = Path.home() / "full"
        if Phase.STARTING not in arguments and file.exists() and Path(file.read_text()).exists():
            raise sqlite3.OperationalError("database or disk is full")
        return method(store, *arguments, **options)
    return write

for method in (Store.set_phase, Store.mark_deleted, Store.remove):
    setattr(Store, method.__name__, guarded(method))
_scheduler._RETRY_INTERVAL = 0.1
_scheduler._DELETE_TIMEOUT = {timeout}
main()
"""


@pytest.fixture
def full_disk(launch):
    """A platform, and the file that makes its disk full."""

    def _launch(*options, timeout=30):
        program = ON_A_FULL_DISK.replace("{timeout}", str(timeout))
        platform = launch("--grace", "0.3", *options, program=("-c", program))
        return platform, platform.home / "full"

    return _launch


def test_a_session_on_a_full_disk_can_be_deleted(full_disk, eventually):
    """Its files make room for the record; this works even if its start was not recorded."""
    platform, full = full_disk()
    full.write_text("/")
    filler, other = platform.create(cmd="sleep", args="300"), platform.create(cmd="true")
    eventually(lambda: processes_of(filler))
    assert {session["status"] for session in platform.sessions()} == {"Pending"}
    full.write_text(f"{platform.state}/sessions/{filler}")
    assert platform.delete(filler).status_code == 200
    assert not processes_of(filler)
    assert [session["id"] for session in platform.sessions()] == [other]
    platform.wait(other)


def test_a_deletion_that_cannot_be_recorded(full_disk, eventually):
    """It is an error, but the session ends, and vanishes when there is room."""
    platform, full = full_disk(timeout=0.1)
    session_id = platform.create(cmd="sleep", args="300")
    platform.wait(session_id, "Running")
    full.write_text("/")
    response = platform.delete(session_id)
    assert response.status_code == 500
    assert "disk is full" in response.text
    eventually(lambda: not processes_of(session_id))
    full.unlink()
    eventually(lambda: platform.sessions() == [])


def test_an_end_on_the_page_that_cannot_be_recorded(full_disk):
    """The page says why."""
    platform, full = full_disk(timeout=1)
    session_id = platform.create(cmd="true")
    platform.wait(session_id)
    page = f"{platform.url.removesuffix('/skaha')}/page"
    code = platform.client.post(f"{page}/codes").json()["code"]
    headers = {"origin": page.removesuffix("/page"), "authorization": f"Bearer {code}"}
    secret = platform.client.post(f"{page}/token", headers=headers).json()["token"]
    headers["authorization"] = f"Bearer {secret}"
    full.write_text("/")
    # The platform first waits for the end of the session's supervision, which may not be over.
    url = f"{page}/sessions/{session_id}"
    response = platform.client.delete(url, headers=headers, timeout=30)
    assert response.status_code == 507
    assert "database or disk is full. Make room" in response.json()["error"]
    full.unlink()
    response = platform.client.delete(url, headers=headers, timeout=30)
    assert response.status_code == 204


def test_a_session_on_a_full_disk_expires(full_disk, eventually):
    """Its end is recorded when there is room."""
    platform, full = full_disk("--time-scale", "0.0000005")  # headless: 0.6 s
    ran = platform.home / "ran"
    session_id = platform.shell(f"touch {ran}; sleep 300")
    full.write_text("/")
    eventually(ran.exists)
    eventually(lambda: not processes_of(session_id))
    full.unlink()
    eventually(lambda: platform.sessions() == [])


def test_a_platform_on_a_full_disk_ends(full_disk):
    """The next run records the end of its sessions."""
    platform, full = full_disk()
    session_id = platform.create(cmd="sleep", args="300")
    platform.wait(session_id, "Running")
    full.write_text("/")
    assert platform.stop() == 0
    assert not processes_of(session_id)
    full.unlink()
    platform.start()
    platform.wait(session_id, "Failed")


@pytest.mark.parametrize("script", ["", "trap '' TERM; "])
@pytest.mark.parametrize("has_room", [False, True])
def test_a_session_that_fills_the_disk_can_be_deleted(
    small_disk, launch, eventually, script, has_room
):
    """The response comes when the disk has room again; the platform loses no other session."""
    platform = launch("--grace", "1", state=small_disk / "state")
    if has_room:
        # From now on, the database writes to the room that it has in its own files.
        for _ in range(60):
            platform.create(cmd="no-such-program", args="x" * 100_000)
    kept = platform.create(cmd="true")
    platform.wait(kept)
    filler = platform.shell(f"{script}while :; do yes 0123456789; sleep 0.1; done")
    eventually(lambda: shutil.disk_usage(small_disk).free == 0, seconds=30)
    if not has_room:
        eventually(lambda: platform.post(cmd="true").status_code == 500)
    listed = {session["id"] for session in platform.sessions()}
    assert {kept, filler} <= listed
    assert platform.delete(filler).status_code == 200
    assert shutil.disk_usage(small_disk).free > 2**20
    platform.wait(platform.create(cmd="true"))
    ended = {"Completed", "Failed"}  # some sessions could not start
    eventually(lambda: {s["status"] for s in platform.sessions()} <= ended, seconds=20)
    assert {session["id"] for session in platform.sessions()} > listed - {filler}
    platform.kill()
    platform.start()
    assert {session["id"] for session in platform.sessions()} > listed - {filler}


@pytest.mark.parametrize("faults", [{}, {"log_rate": 1000}])
def test_a_log_is_closed_if_its_reader_goes_away(platform, eventually, faults):
    """An open log would keep its room on the disk after the deletion of its session."""
    session_id = platform.create(cmd="head", args="-c 20000000 /dev/zero")
    platform.wait(session_id)
    platform.faults(**faults)
    daemon = psutil.Process(platform.process.pid)

    def open_logs():
        return [file for file in daemon.open_files() if session_id in file.path]

    query = {"view": "logs"}
    with platform.client.stream("GET", f"/session/{session_id}", params=query) as response:
        # The end of the iterator ends the connection.
        chunks = response.iter_raw()
        next(chunks)
        assert open_logs()
    eventually(lambda: not open_logs())


def test_two_platforms_cannot_share_a_directory(platform):
    """The second platform prints an error and ends."""
    command = [sys.executable, "-m", "skaha.local", "serve", "--state", str(platform.state)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "already runs" in result.stderr
    assert "Traceback" not in result.stderr
    assert platform.client.get("/context").status_code == 200


def test_a_token_from_a_file(tmp_path):
    """A file hides the token, because other users can read command lines."""
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    command = [sys.executable, "-m", "skaha.local", "serve", "--token-file", str(secret)]
    command += ["--state", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        assert (tmp_path / "state" / "token").read_text() == "from-a-file"
        process.terminate()
    assert process.returncode == 0
    for content in (b"", b"two words", "é".encode(), b"\xff", None):
        secret.unlink() if content is None else secret.write_bytes(content)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "the token" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize("port", ["99999", "-1", "taken"])
def test_a_port_that_cannot_be_used(platform, tmp_path, port):
    """The platform prints an error and ends."""
    number = platform.client.base_url.port if port == "taken" else port
    command = [sys.executable, "-m", "skaha.local", "serve", "--port", str(number)]
    command += ["--state", str(tmp_path / "state")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"cannot listen on port {number}: " in result.stderr
    assert "Traceback" not in result.stderr
