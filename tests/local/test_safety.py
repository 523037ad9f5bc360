"""What a hostile or clumsy caller can do, which is little."""

import socket
import stat
import subprocess
import sys
import time

import psutil
import pytest


@pytest.fixture(autouse=True)
def _clean(clean):
    """Leave no session behind."""


def port(platform):
    return int(platform.url.split(":")[2].split("/")[0])


def test_it_listens_on_the_loopback_only(platform):
    """Nobody from outside can reach it."""
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(platform.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1.example.org:{port}"])
def test_another_name_for_this_host_is_refused(platform, host):
    """Else a page in a browser could talk to the platform under its own name."""
    headers = {"host": host.format(port=port(platform))}
    assert platform.client.get("/context", headers=headers).status_code == 421
    good = {"host": f"LocalHost:{port(platform)}"}
    assert platform.client.get("/context", headers=good).status_code == 200


def test_files_are_for_the_owner_only(platform):
    """The directory keeps others out, and the token's file on its own too."""
    assert stat.S_IMODE(platform.state.stat().st_mode) == 0o700
    for name in ("token", "address"):
        assert stat.S_IMODE((platform.state / name).stat().st_mode) == 0o600


def test_a_long_header_is_the_containers_400(platform):
    """As on the real platform, a query of many variables does not fit."""
    response = platform.client.get("/session", params={"type": "x" * 9000})
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/html")


def test_a_large_body_is_refused(platform):
    """Before it is read."""
    response = platform.client.post("/session", data={"name": "n" * 3_000_000})
    assert response.status_code == 413
    assert platform.client.get("/context").status_code == 200


def test_what_is_no_http_is_refused(platform):
    """And the next caller is served."""
    with socket.create_connection(("127.0.0.1", port(platform))) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\r\n\r\n")
        assert raw.recv(1024).startswith(b"HTTP/1.1 400")
    assert platform.client.get("/context").status_code == 200


def test_slow_callers_starve_nobody(platform):
    """Hundreds of connections with half a request, or an answer that nobody reads."""
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
    begun = time.monotonic()
    for _ in range(20):
        assert platform.client.get("/session").status_code == 200
    assert time.monotonic() - begun < 5
    for raw in slow:
        raw.close()
    memory = psutil.Process(platform.process.pid).memory_info().rss
    assert memory < 250 * 2**20


def test_a_request_that_does_not_come_is_not_waited_for(tmp_path):
    """Neither its first byte, nor the end of its header, nor its body."""
    script = (
        "import sys\n"
        "from skaha.local import _header_timeout\n"
        "from skaha.local._api import _middleware\n"
        "_header_timeout._HEADER_TIMEOUT = _middleware._BODY_CHUNK_TIMEOUT = 0.3\n"
        "from skaha.local.__main__ import main\n"
        "sys.argv[1:] = ['serve', '--state', sys.argv[1]]\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        number = int(process.stdout.readline().split(":")[2].split("/")[0])
        silent = socket.create_connection(("127.0.0.1", number), timeout=5)
        trickling = socket.create_connection(("127.0.0.1", number), timeout=5)
        trickling.sendall(b"GET / HTTP/1.1\r\nHost:")
        bodiless = socket.create_connection(("127.0.0.1", number), timeout=5)
        lines = (
            "POST /skaha/v1/session HTTP/1.1",
            f"Host: 127.0.0.1:{number}",
            "Content-Length: 9",
        )
        form = "Content-Type: application/x-www-form-urlencoded"
        token = (tmp_path / "state" / "token").read_text()
        bodiless.sendall(
            "\r\n".join([*lines, form, f"Authorization: Bearer {token}", "", "name"]).encode()
        )
        assert silent.recv(10) == b""
        assert trickling.recv(10) == b""
        assert bodiless.recv(1024).startswith(b"HTTP/1.1 408")
        for raw in (silent, trickling, bodiless):
            raw.close()
        process.terminate()


def test_the_daemons_environment_stays_its_own(platform):
    """Only what any program needs is passed on."""
    session_id = platform.create(cmd="env")
    platform.wait(session_id)
    names = {line.split("=")[0] for line in platform.logs(session_id).splitlines()}
    allowed = ("LC_", "SSL_CERT_", "skaha_")
    assert {name for name in names if not name.startswith(allowed)} <= {
        *("HOME", "PWD", "PATH", "LANG", "TZ", "TMPDIR", "OMP_NUM_THREADS")
    }


def test_hundreds_of_sessions_are_listed_whole(launch):
    platform = launch("--cores", "1", "--ram", "1", "--grace", "0.1")
    ids = {platform.create(cmd="sleep", args="300") for _ in range(300)}
    assert {session["id"] for session in platform.sessions()} == ids


def test_a_full_disk_is_an_error_and_no_corruption(launch):
    """A create that cannot be kept is refused, and what was there stays there."""
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


@pytest.fixture
def small_disk(tmp_path):
    """A disk of sixteen megabytes."""
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


def test_a_session_that_fills_the_disk_can_be_deleted(small_disk, launch, eventually):
    """Nothing is accepted until then, nothing is lost, and then all goes on."""
    platform = launch("--grace", "1", state=small_disk / "state")
    kept = platform.create(cmd="true")
    platform.wait(kept)
    filler = platform.shell("while :; do yes 0123456789; sleep 0.1; done")
    eventually(lambda: platform.post(cmd="true").status_code == 500, seconds=30)
    listed = {session["id"] for session in platform.sessions()}
    assert {kept, filler} <= listed
    assert platform.post(cmd="true").status_code == 500
    assert platform.delete(filler).status_code == 200
    eventually(lambda: platform.post(cmd="true").status_code == 200)
    ended = {"Completed", "Failed"}  # some could not even begin
    eventually(lambda: {s["status"] for s in platform.sessions()} <= ended, seconds=20)
    assert {session["id"] for session in platform.sessions()} > listed - {filler}
    platform.kill()
    platform.start()
    assert {session["id"] for session in platform.sessions()} > listed - {filler}


def test_two_platforms_cannot_share_a_directory(platform):
    """The second says what to do and goes."""
    command = [sys.executable, "-m", "skaha.local", "serve", "--state", str(platform.state)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "already runs" in result.stderr
    assert "Traceback" not in result.stderr
    assert platform.client.get("/context").status_code == 200


def test_a_token_from_a_file(tmp_path):
    """Others on the machine can read command lines."""
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    command = [sys.executable, "-m", "skaha.local", "serve", "--token-file", str(secret)]
    command += ["--state", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        assert (tmp_path / "state" / "token").read_text() == "from-a-file"
        process.terminate()
    assert process.returncode == 0
    for content in ("", None):
        secret.unlink() if content is None else secret.write_text(content)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "token" in result.stderr
        assert "Traceback" not in result.stderr
