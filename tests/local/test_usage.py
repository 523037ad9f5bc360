"""The cores and the memory that sessions use."""

import json
import sys

import psutil
import pytest
from local.test_page import Browser

# 100 MB, of which a child has half, and one busy core.
BUSY = """
import subprocess, sys
memory = bytearray(b"x") * 50_000_000
if sys.argv[1:]:
    subprocess.Popen([sys.executable, __file__], start_new_session=True)
    while True:
        pass
import time
time.sleep(300)
"""
FIELDS = {"ramInUse", "cpuCoresInUse"}


def begin_busy(platform):
    file = platform.home / "busy.py"
    file.write_text(BUSY)
    session_id = platform.create(name="busy", cmd="python3", args=f"{file} parent")
    platform.wait(session_id, "Running")
    return session_id


def test_a_session_that_runs_has_its_use(platform, eventually):
    busy, idle = begin_busy(platform), platform.create(name="idle", cmd="sleep", args="300")
    platform.wait(idle, "Running")

    def is_measured():
        session = platform.session(busy)
        # On a machine with much other work, a busy session gets a part of a core.
        return (
            float(session.get("ramInUse", 0)) >= 0.11
            and float(session.get("cpuCoresInUse", 0)) > 0.1
            and platform.session(idle).keys() >= FIELDS
        )

    eventually(is_measured)
    listed = {session["id"]: session for session in platform.sessions()}
    assert 0.11 <= float(listed[busy]["ramInUse"]) < 0.2
    assert float(listed[busy]["cpuCoresInUse"]) < 1.5
    assert float(listed[idle]["ramInUse"]) <= 0.01
    assert float(listed[idle]["cpuCoresInUse"]) < 0.1
    for text, digits in ((listed[busy]["ramInUse"], 2), (listed[busy]["cpuCoresInUse"], 3)):
        assert len(text.partition(".")[2]) == digits
    position = [*listed[busy]].index("requestedGPUCores") + 1
    members = [*listed[busy]][position : position + 3]
    assert members == ["ramInUse", "cpuCoresInUse", "isFixedResources"]
    assert not FIELDS & platform.sessions(view="all")[0].keys()


def test_a_session_that_does_not_run_has_no_use(platform, eventually):
    ended = platform.create(cmd="true")
    queued = platform.create(type="carta", image="images.canfar.net/skaha/carta:4")
    running = platform.create(cmd="sleep", args="300")
    platform.wait(ended)
    platform.wait(running, "Running")
    eventually(lambda: platform.session(running).keys() >= FIELDS)
    for session_id in (ended, queued):
        assert not FIELDS & platform.session(session_id).keys()


def test_an_app_counts_as_a_part_of_its_desktop(platform, eventually):
    images = "images.canfar.net/skaha/desktop:1", "images.canfar.net/skaha/app:1"
    commands = {image: ["sleep", "300"] for image in images}
    (platform.state / "images.json").write_text(json.dumps(commands))
    desktop = platform.create(type="desktop", image=images[0])
    path = f"/session/{desktop}/app"
    app = platform.client.post(path, data={"image": images[1]}).text.strip()
    eventually(lambda: platform.client.get(f"{path}/{app}").json()["status"] == "Running")
    eventually(lambda: platform.session(desktop).keys() >= FIELDS)
    assert not FIELDS & platform.client.get(f"{path}/{app}").json().keys()


def test_the_release_v0_reports_no_use(v0_platform):
    session_id = v0_platform.create(cmd="sleep", args="300")
    session = v0_platform.wait(session_id, "Running")
    assert {session[name] for name in FIELDS} == {"<none>"}


def test_a_platform_without_statistics_reports_no_use(launch, eventually):
    platform = launch("--no-stats")
    session_id = platform.create(cmd="sleep", args="300")
    platform.wait(session_id, "Running")
    page = Browser(platform).enter()
    # The page of the platform shows the use anyway.
    eventually(lambda: page.session(session_id)["session"]["memoryInUse"] is not None)
    assert not FIELDS & platform.session(session_id).keys()


def test_the_use_is_known_again_after_a_restart(launch, eventually):
    platform = launch()
    session_id = begin_busy(platform)
    platform.kill()
    platform.start()
    eventually(lambda: float(platform.session(session_id).get("ramInUse", 0)) >= 0.11)


def test_the_page_has_the_use(platform, eventually):
    session_id = begin_busy(platform)
    page = Browser(platform).enter()

    def in_use(name):
        [session] = page.get("sessions").json()["sessions"]
        return session[name] or 0

    eventually(lambda: in_use("memoryInUse") >= 0.1)
    eventually(lambda: in_use("coresInUse") > 0.1)
    assert page.session(session_id)["session"]["memoryInUse"] < 0.2


@pytest.mark.skipif(sys.platform != "linux", reason="counts the reads of a process")
def test_many_requests_share_one_measurement(platform, eventually):
    """A measurement reads all processes of the machine."""
    session_id = platform.create(cmd="sleep", args="300")
    platform.wait(session_id, "Running")
    eventually(lambda: platform.session(session_id).keys() >= FIELDS)
    daemon = psutil.Process(platform.process.pid)
    reads = daemon.io_counters().read_count
    for _ in range(20):
        platform.sessions()
    # Each measurement reads several files for each process.
    assert daemon.io_counters().read_count - reads < 20 * len(psutil.pids())
