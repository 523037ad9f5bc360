"""Sessions in real containers; the test makes its own image and needs no registry."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import skaha.local

IMAGE = "images.canfar.net/skaha-tests/busybox:1"
APPLETS = (
    "cat",
    "echo",
    "env",
    "false",
    "httpd",
    "id",
    "ls",
    "pwd",
    "sh",
    "sleep",
    "true",
    "ulimit",
)
ENGINE = shutil.which("podman") or shutil.which("docker")
BUSYBOX = shutil.which("busybox")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ENGINE and BUSYBOX),
        reason="needs an engine and a static busybox: apt-get install podman runc busybox-static",
    ),
]

# A substitute for JupyterLab; its page shows its arguments and its environment.
JUPYTER = """#!/bin/sh
echo "$@" > /tmp/index.html
env >> /tmp/index.html
exec httpd -f -p 8888 -h /tmp
"""


@pytest.fixture(scope="module", autouse=True)
def _storage():
    """Keep the storage of podman, although the platforms of the tests have other homes."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", data)
        yield


@pytest.fixture(scope="module", autouse=True)
def _image(tmp_path_factory, _storage):
    """Create an image with a shell, some programs and a server."""
    root = tmp_path_factory.mktemp("image")
    # The user of a session, who may not be root, must be able to enter it.
    root.chmod(0o755)
    for name in ("bin", "tmp", "etc"):
        (root / name).mkdir()
    (root / "tmp").chmod(0o1777)
    shutil.copy(BUSYBOX, root / "bin" / "busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    (root / "bin" / "jupyter-lab").write_text(JUPYTER)
    (root / "bin" / "jupyter-lab").chmod(0o755)
    (root / "tmp" / "index.html").write_text("the page of a session\n")
    (root / "tmp" / "index.html").chmod(0o666)
    archive = root.with_suffix(".tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(root, ".")
    change = 'CMD ["httpd", "-f", "-p", "5000", "-h", "/tmp"]'
    command = [ENGINE, "import", "--change", change, str(archive), IMAGE]
    subprocess.run(command, check=True, capture_output=True)
    probe = subprocess.run(
        [ENGINE, "run", "--rm", "--ulimit", "nofile=1024", "--ulimit", "nproc=1024", IMAGE, "true"],
        capture_output=True,
        check=False,
    )
    if probe.returncode:
        pytest.skip(f"the engine cannot run a container here: {probe.stderr.decode().strip()}")


@pytest.fixture(scope="module")
def platform(launch_shared):
    """A platform that runs sessions as containers."""
    return launch_shared("--runtime", "container", "--grace", "1")


def containers(session_id):
    command = [ENGINE, "ps", "--all", "--quiet", "--filter", f"name={session_id}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_a_command_runs_in_its_image(platform, eventually):
    session_id = platform.create(image=IMAGE, cmd="ls", args="/bin")
    platform.wait(session_id)
    assert set(APPLETS) <= set(platform.logs(session_id).split())
    assert "ProcessRuntime" not in platform.events(session_id)
    eventually(lambda: not containers(session_id))


def test_files_limits_and_variables_of_a_session(platform):
    (platform.home / "data.txt").write_text("of the user\n")
    (platform.home / "look.sh").write_text(
        "cat data.txt; pwd; ulimit -n; cat /sys/fs/cgroup/memory.max"
        " /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; env; id -u; exit 3\n"
    )
    parameters = {"env": ["A=1", "B=with blanks", "HOME=/else"], "cores": "1", "ram": "1"}
    session_id = platform.create(image=IMAGE, cmd="sh", args="look.sh", **parameters)
    user = platform.wait(session_id, "Failed")["userid"]
    lines = platform.logs(session_id).splitlines()
    assert lines[:2] == ["of the user", f"/arc/home/{user}"]
    assert str(2**30) in lines
    assert {"A=1", "B=with blanks", f"HOME=/arc/home/{user}", "OMP_NUM_THREADS=1"} <= set(lines)
    assert f"skaha_sessionid={session_id}" in lines
    assert not [line for line in lines if line.startswith("A_SECRET")]
    assert lines[-1] == str(os.getuid())
    assert "Exit status 3" in platform.events(session_id)


@pytest.mark.skipif(sys.platform != "linux", reason="the container runs in a virtual machine")
def test_the_use_of_a_container_is_known(platform, eventually):
    (platform.home / "busy.sh").write_text("sleep 300 &\nwhile :; do :; done\n")
    session_id = platform.create(image=IMAGE, cmd="sh", args="busy.sh")
    platform.wait(session_id, "Running")
    eventually(lambda: float(platform.session(session_id).get("cpuCoresInUse", 0)) > 0.1)
    session = platform.session(session_id)
    assert float(session["cpuCoresInUse"]) < 1.5
    # The shell needs less than the engine, which does not count.
    assert float(session["ramInUse"]) <= 0.02
    platform.delete(session_id)


def test_an_image_that_cannot_be_pulled(platform, eventually):
    session_id = platform.create(image="images.canfar.net/no/such:1", cmd="true")
    eventually(lambda: "ImagePullBackOff" in platform.events(session_id))
    assert platform.session(session_id)["status"] == "Pending"
    assert 'Failed to pull image "images.canfar.net/no/such:1": ' in platform.events(session_id)
    assert platform.logs(session_id) == ""


def test_the_command_of_the_image_answers_at_the_connect_url(platform):
    session_id = platform.create(image=IMAGE, type="contributed", cmd="ignored")
    url = platform.wait(session_id, "Running")["connectURL"]
    response = platform.client.get(url, follow_redirects=True, headers={"authorization": ""})
    assert (response.status_code, response.text) == (200, "the page of a session\n")


def test_a_notebook_gets_its_url_and_its_token(platform):
    session_id = platform.create(image=IMAGE, type="notebook")
    session = platform.wait(session_id, "Running")
    address = platform.client.get(session["connectURL"]).headers["location"]
    page = platform.client.get(address.partition("/session/")[0]).text
    assert f"--ServerApp.base_url=/session/notebook/{session_id}/" in page
    token = session["connectURL"].partition("?token=")[2]
    assert len(token) == 64
    assert f"JUPYTER_TOKEN={token}" in page


def test_other_kinds_stay_pending(platform, eventually):
    session_id = platform.create(image=IMAGE, type="carta")
    eventually(lambda: "ImagePullBackOff" in platform.events(session_id))


def test_delete_ends_a_container_that_ignores_sigterm(platform, eventually):
    (platform.home / "stay.sh").write_text("trap '' TERM; echo up; while :; do sleep 0.1; done\n")
    session_id = platform.create(image=IMAGE, cmd="sh", args="stay.sh")
    eventually(lambda: platform.logs(session_id) == "up\n")
    assert containers(session_id)
    platform.delete(session_id)
    eventually(lambda: not containers(session_id))


def test_a_killed_daemon_finds_its_containers(platform, eventually):
    (platform.home / "wait.sh").write_text(
        "echo begun; until [ -e go ]; do sleep 0.1; done; exit 7\n"
    )
    (platform.home / "go").unlink(missing_ok=True)
    ids = [platform.create(image=IMAGE, cmd="sh", args="wait.sh", ram="1") for _ in range(3)]
    for session_id in ids:
        eventually(lambda session_id=session_id: platform.logs(session_id) == "begun\n")
    platform.kill()
    (platform.home / "go").touch()
    platform.start()
    for session_id in ids:
        platform.wait(session_id, "Failed")
        assert "Exit status 7" in platform.events(session_id)
        eventually(lambda session_id=session_id: not containers(session_id))


def test_reset_removes_the_containers_of_a_killed_daemon(launch, monkeypatch):
    """It finds them without the database."""
    monkeypatch.setattr("skaha.local._daemon._RESET_GRACE", 0)
    platform = launch("--runtime", "container")
    session_id = platform.create(image=IMAGE, cmd="sleep", args="300", ram="1")
    platform.wait(session_id, "Running")
    platform.kill()
    for file in platform.state.glob("platform.db*"):
        file.unlink()
    skaha.local.reset(platform.state)
    assert not containers(session_id)
