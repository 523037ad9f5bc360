"""The scheduler: the order of sessions, and the end of their processes."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from local.processes import alive, processes_of

import skaha.local


def running(platform):
    return {session["id"] for session in platform.sessions(status="Running")}


def test_cores_limit_the_running_sessions(platform, eventually):
    """The others start in order of arrival, and their events name the missing resource."""
    ids = [platform.create(cmd="sleep", args="60", cores="4", ram="1") for _ in range(4)]
    eventually(lambda: running(platform) == set(ids[:2]))
    assert "0/1 nodes are available: 1 Insufficient cpu." in platform.events(ids[2])
    platform.delete(ids[1])
    eventually(lambda: running(platform) == {ids[0], ids[2]})
    assert platform.session(ids[3])["status"] == "Pending"


def test_memory_limits_the_running_sessions(platform, eventually):
    """Explicit requests and default requests, which are 4 GiB, count."""
    requests = [{"ram": "30"}, {"ram": "28"}, {}, {}]
    ids = [platform.create(cmd="sleep", args="60", **request) for request in requests]
    eventually(lambda: running(platform) == set(ids[:3]))
    assert "1 Insufficient memory." in platform.events(ids[3])


@pytest.mark.parametrize(
    ("large", "resources"),
    [
        ({"cores": "8"}, "cpu"),
        ({"ram": "64"}, "memory"),
        ({"cores": "8", "ram": "64"}, "cpu and memory"),
    ],
)
def test_a_session_that_fits_waits_behind_a_larger_session(
    variant, platform, token, eventually, large, resources
):
    """Its event names the session that starts first."""
    requests = [{"cores": "4"}, large, {"cores": "2"}]
    ids = [platform.create(cmd="sleep", args="60", **({"ram": "1"} | r)) for r in requests]
    eventually(lambda: running(platform) == {ids[0]})
    assert "0/1 nodes are available: 1 Insufficient " in platform.events(ids[1])
    message = f"the earlier session {ids[1]} starts first, and needs more {resources}."
    expected = ("Warning", "FailedScheduling", f"0/1 nodes are available: {message}", None, None)
    session = variant.open(server=platform.url, token=token)
    assert variant.run(session.parsed_events(ids[2])) == {ids[2]: [expected]}
    platform.delete(ids[1])
    platform.wait(ids[2], "Running")
    assert "earlier session" not in platform.events(ids[2])


@pytest.mark.parametrize("command", ["events", "describe"])
def test_the_command_line_names_the_session_that_starts_first(platform, token, eventually, command):
    """`describe` also gives this reason for the status."""
    ids = [platform.create(cmd="sleep", args="60", cores=cores, ram="1") for cores in "482"]
    eventually(lambda: running(platform) == {ids[0]})
    environment = {"SKAHA_SERVER": platform.url, "SKAHA_TOKEN": token}
    words = [Path(sys.executable).with_name("skaha"), command, ids[2]]
    shown = subprocess.run(words, env=os.environ | environment, capture_output=True, check=True)
    text = " ".join(shown.stdout.decode().split())
    message = f"the earlier session {ids[1]} starts first, and needs more cpu."
    assert text.count(message) == (2 if command == "describe" else 1)


def test_a_session_larger_than_the_machine_runs_alone(launch):
    """Smaller sessions that arrive later do not delay it for ever."""
    platform = launch("--cores", "2", "--ram", "4", "--grace", "1")
    small = platform.create(cmd="sleep", args="0.2", cores="1", ram="1")
    large = platform.create(cmd="sleep", args="60", cores="8", ram="32")
    late = platform.create(cmd="true", cores="1", ram="1")
    platform.wait(small)
    platform.wait(large, "Running")
    assert platform.session(late)["status"] == "Pending"
    platform.delete(large)
    platform.wait(late)


def test_a_free_core_is_used_at_once(platform, eventually):
    """There is room for two sessions; at the end of a session, the next session starts."""
    ids = [platform.create(cmd="sleep", args="300", cores="4", ram="2") for _ in range(4)]
    for first in range(3):
        eventually(lambda first=first: running(platform) == set(ids[first : first + 2]))
        platform.delete(ids[first])


# The script writes the ids of its background processes to a file. The last two processes detach
# themselves and have an empty environment, like a program that `sudo` or `sshd` starts.
TREE = """
note() { echo $! >> pids; }
trap '' TERM
setsid sh -c 'trap "" TERM; sleep 300' & note
sh -c 'kill -STOP $$' & note
env -i sleep 300 & note
(setsid env -i sleep 300 & note)
(setsid env -i sh -c 'trap "" TERM HUP; while :; do sleep 300; done' <&- >&- 2>&- & note)
"""


def delete_after_kill(platform, session_id):
    platform.kill()
    platform.start()
    platform.delete(session_id)


def reset_damaged_platform(platform, _):
    platform.kill()
    for file in platform.state.glob("platform.db*"):
        file.write_bytes(b"damaged" * 100)
    skaha.local.reset(platform.state)
    assert not (platform.state / "platform.db").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has child subreapers")
@pytest.mark.parametrize(
    ("end", "last_line", "time_scale"),
    [
        pytest.param(lambda *_: None, "exit", 1, id="command"),
        pytest.param(lambda *_: None, "sleep 300", 0.000002, id="expiry"),  # after 2.4 s
        pytest.param(lambda platform, name: platform.delete(name), "sleep 300", 1, id="delete"),
        pytest.param(lambda platform, _: platform.stop(), "sleep 300", 1, id="stop"),
        pytest.param(delete_after_kill, "sleep 300", 1, id="delete after a kill"),
        pytest.param(reset_damaged_platform, "sleep 300", 1, id="reset of a damaged platform"),
    ],
)
def test_all_processes_end_with_their_session(
    launch, eventually, monkeypatch, end, last_line, time_scale
):
    """This includes detached processes, stopped processes, and those that ignore SIGTERM."""
    monkeypatch.setattr("skaha.local._daemon._RESET_GRACE", 0.3)
    platform = launch("--grace", "0.3", "--time-scale", str(time_scale))
    session_id = platform.shell(TREE + last_line)
    file = platform.home / "pids"
    pids = eventually(
        lambda: file.exists() and len(lines := file.read_text().split()) == 5 and lines
    )
    end(platform, session_id)
    eventually(lambda: not [pid for pid in pids if alive(int(pid))])
    eventually(lambda: not processes_of(session_id))
    if platform.process.returncode is None:
        daemon = psutil.Process(platform.process.pid)
        eventually(lambda: all(alive(child.pid) for child in daemon.children()))  # no zombies


def test_a_command_gets_sigterm_before_sigkill(launch, eventually):
    """A command that handles SIGTERM ends without a delay, and gets this signal once."""
    platform = launch("--grace", "30")
    message = platform.home / "message"
    script = (
        f"trap 'echo bye >> {message}' TERM\necho ready\n"
        f"until [ -s {message} ]; do sleep 0.05; done\nsleep 0.5"
    )
    session_id = platform.shell(script)
    eventually(lambda: platform.logs(session_id) == "ready\n")
    platform.delete(session_id)
    eventually(lambda: not processes_of(session_id), seconds=5)
    assert message.read_text() == "bye\n"


def test_a_command_killed_from_outside(platform, eventually):
    """The session has failed, and its events name the signal."""
    session_id = platform.shell("echo $$; exec sleep 300")
    pid = int(
        eventually(lambda: platform.logs(session_id).endswith("\n") and platform.logs(session_id))
    )
    os.kill(pid, signal.SIGKILL)
    platform.wait(session_id, "Failed")
    assert "Exit status 137: killed by signal 9" in platform.events(session_id)


def test_a_killed_daemon_finds_its_sessions_again(launch, eventually):
    """It supervises running sessions, and knows the exit status of ended sessions."""
    platform = launch("--cores", "40", "--ram", "100", "--grace", "1")
    go = platform.home / "go"
    wait = f"until [ -e {go} ]; do sleep 0.1; done"
    resources = {"cores": "1", "ram": "1"}
    good = [platform.shell(f"echo {n}; {wait}; echo {n}", **resources) for n in range(10)]
    bad = [platform.shell(f"{wait}; exit 7", **resources) for _ in range(10)]
    long = [platform.create(cmd="sleep", args="300", **resources) for _ in range(20)]
    queued = [platform.create(cmd="true", **resources) for _ in range(5)]
    eventually(lambda: running(platform) == {*good, *bad, *long})
    before = {session["id"]: session for session in platform.sessions()}
    # Only a session that runs uses memory and cores.
    for session in before.values():
        session.pop("ramInUse", None)
        session.pop("cpuCoresInUse", None)
    platform.kill()
    go.touch()
    eventually(lambda: not any(processes_of(session_id) for session_id in good[:3]))
    platform.start()
    for session_id in good:
        assert platform.wait(session_id) == before[session_id] | {"status": "Completed"}
    for session_id in bad:
        platform.wait(session_id, "Failed")
        assert "Exit status 7" in platform.events(session_id)
    assert [platform.logs(session_id) for session_id in good] == [f"{n}\n{n}\n" for n in range(10)]
    for session_id in queued:
        platform.wait(session_id)
    assert running(platform) == set(long)
    for session_id in long:
        platform.delete(session_id)
    eventually(lambda: not any(processes_of(session_id) for session_id in long[-3:]))
    assert len(platform.sessions()) == 25


def test_no_acknowledged_session_is_lost_or_runs_twice(launch, eventually):
    """A daemon is killed during launches and starts; each session runs exactly once."""
    platform = launch("--cores", "4", "--ram", "100")
    ran = platform.home / "ran"
    script = platform.home / "note.sh"
    script.write_text(f"echo $skaha_sessionid >> {ran}")
    acknowledged = []

    def post():
        with suppress(httpx.TransportError):
            while True:
                acknowledged.append(platform.create(cmd="sh", args=str(script), ram="1"))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(acknowledged) > 40 and ran.exists())
    platform.process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    platform.kill()
    platform.start()
    eventually(lambda: not platform.sessions(status="Pending"), seconds=30)
    eventually(lambda: not running(platform))
    listed = {session["id"]: session["status"] for session in platform.sessions()}
    assert set(acknowledged) <= set(listed)
    assert set(listed.values()) == {"Completed"}
    assert sorted(ran.read_text().split()) == sorted(listed)


def test_a_restart_of_the_machine(launch, eventually):
    """Without a process and an exit status, the session has failed."""
    platform = launch()
    session_id = platform.create(cmd="sleep", args="300")
    platform.wait(session_id, "Running")
    platform.kill()
    for pid in processes_of(session_id):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes_of(session_id))
    platform.start()
    platform.wait(session_id, "Failed")
    assert "machine was restarted" in platform.events(session_id)


def test_a_delete_survives_a_killed_daemon(launch, eventually):
    """The session stays deleted, and the new daemon ends its processes."""
    platform = launch("--grace", "60")
    session_id = platform.shell("trap '' TERM; echo ready; while :; do sleep 0.1; done")
    eventually(lambda: platform.logs(session_id))
    platform.delete(session_id)
    platform.kill()
    assert processes_of(session_id)
    platform.options = ("--grace", "0.1")
    platform.start()
    assert platform.sessions() == []
    eventually(lambda: not processes_of(session_id))


def test_the_end_of_the_platform_ends_running_sessions(launch):
    """Queued sessions wait for the next start."""
    platform = launch("--cores", "1", "--grace", "5")
    first = platform.create(cmd="sleep", args="300")
    second = platform.create(cmd="true")
    platform.wait(first, "Running")
    assert platform.stop() == 0
    assert not processes_of(first)
    platform.start()
    assert platform.session(first)["status"] == "Failed"
    assert "The platform was stopped" in platform.events(first)
    platform.wait(second)


def test_a_user_without_a_home(launch):
    """Sessions use a directory of the platform instead."""
    platform = launch()
    platform.home.rmdir()
    session_id = platform.create(cmd="sh", args="-c pwd")
    platform.wait(session_id)
    assert platform.logs(session_id) == f"{platform.state}/sessions/home\n"
