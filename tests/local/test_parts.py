"""Parts that a platform on this machine does not show, each on its own."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skaha.local import PlatformError, _machine
from skaha.local._api._command import parse_environment, split_arguments
from skaha.local._faults import FaultInjector, Faults
from skaha.local._machine import Machine
from skaha.local._runtimes import _process_tree, _shim
from skaha.local._session import Session
from skaha.local._store import Store


def test_a_machine_is_no_larger_than_what_may_be_used_of_it(tmp_path, monkeypatch):
    """In a container, that is less than the kernel has."""
    whole = _machine.measure()
    monkeypatch.setattr(_machine, "_CGROUP", tmp_path)
    assert _machine.measure() == whole
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{2**28}\n")
    assert _machine.measure() == Machine(0.5, 0.25)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert _machine.measure() == whole


@pytest.mark.parametrize(
    ("machine", "cores", "ram"),
    [(Machine(1, 2), 8, 32), (Machine(16, 60), 16, 56), (Machine(12.5, 1000), 12, 192)],
)
def test_options_reach_to_the_platforms_limits_or_the_machines(machine, cores, ram):
    """So that scripts written for the platform run on a laptop, and a workstation is used."""
    assert max(machine.cores_options) == cores
    assert max(machine.ram_options) == ram


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a b", ("a", "b")),
        ("a  b", ("a", "", "b")),
        (" a", ("", "a")),
        ("a  ", ("a",)),
        ("", ("",)),
        (" ", ()),
        ("'a b'", ("'a", "b'")),
        ("a\tb", ("a\tb",)),
        ("a\\\\n", ("a\n",)),
    ],
)
def test_args_are_split_as_the_server_splits(value, words):
    """On single blanks; empty words at the end vanish, but for that of an empty text."""
    assert split_arguments(value) == words


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("A=b", (("A", "b"),)),
        ("A=b==", (("A", "b"),)),
        ("A=b=c", ()),
        ("A=", ()),
        ("A", ()),
        ("=", ()),
    ],
)
def test_env_loses_what_the_server_loses(entry, kept):
    """Everything that is not exactly a name and a value."""
    assert parse_environment([entry]) == kept


@pytest.mark.parametrize("kernel", ["as it is", "without process descriptors"])
def test_the_end_of_a_process_is_noticed(kernel, monkeypatch):
    """Also where the kernel does not tell, and where there is nothing left to notice."""
    if kernel != "as it is":
        monkeypatch.setattr(_process_tree, "_open_pidfd", lambda _: None)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:

        async def follow():
            end = asyncio.create_task(_process_tree.wait_for_exit(child.pid))
            done, _ = await asyncio.wait([end], timeout=0.1)
            assert not done
            child.stdin.close()
            await asyncio.wait_for(end, 5)

        asyncio.run(follow())
    asyncio.run(_process_tree.wait_for_exit(child.pid))


def test_a_database_of_the_first_layout_is_taken_over(tmp_path):
    """Its sessions are there, with the limits that all had then."""
    file = tmp_path / "platform.db"
    store = Store(file)
    known = {"id": "a", "name": "a", "image": "i", "kind": "headless", "fixed": False}
    limits = {"cores_limit": 8.0, "ram_limit": 32.0}
    store.add(Session(cores=1, ram=1, created=0, lifetime=60, **known, **limits), None)
    store.close()
    with sqlite3.connect(file) as old:
        for column in limits:
            old.execute(f"ALTER TABLE sessions DROP COLUMN {column}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    for _ in range(2):
        store = Store(file)
        (session,) = store.all()
        assert (session.cores_limit, session.ram_limit) == (8.0, 32.0)
        store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="it looks where Linux shows environments")
def test_what_was_just_started_can_be_ended(tmp_path):
    """The kernel shows a moment later to which session a new process belongs."""
    for number in range(200):
        session_id = f"s{number}"
        environment = {_process_tree.SESSION_VARIABLE: session_id, "PATH": os.defpath}
        command = _shim.Command(["sleep", "60"], tmp_path, environment)
        workload = _shim.start(session_id, tmp_path, command)
        shown = Path(f"/proc/{workload._shim}/environ").read_bytes()
        os.killpg(workload._shim, signal.SIGKILL)
        workload._child.wait()
        assert session_id.encode() in shown


def test_many_who_ask_at_once_share_a_census(monkeypatch):
    """But nobody gets one that was begun before."""
    taken = []

    def take():
        taken.append(None)
        time.sleep(0.05)
        return len(taken)

    monkeypatch.setattr(_process_tree.ProcessSnapshot, "take", take)

    async def ask():
        snapshots = _process_tree._SharedSnapshots()
        early = [asyncio.create_task(snapshots.take()) for _ in range(50)]
        await asyncio.sleep(0.02)
        late = [asyncio.create_task(snapshots.take()) for _ in range(50)]
        return set(await asyncio.gather(*early)), set(await asyncio.gather(*late))

    assert asyncio.run(ask()) == ({1}, {2})


def test_faults_are_read_when_they_change(tmp_path):
    """What has struck is forgotten then."""
    file = tmp_path / "faults"
    injector = FaultInjector(file)
    assert injector.faults == Faults()
    file.write_text('{"unavailable": 1}')
    assert injector.faults.unavailable == 1
    assert [injector.should_inject("unavailable", 1) for _ in range(2)] == [True, False]
    file.write_text('{"unavailable": 2}')
    assert injector.faults.unavailable == 2
    assert injector.should_inject("unavailable", 1)
    file.unlink()
    assert injector.faults == Faults()
    for text in ("[]", "{", '{"delay": "long"}', '{"no": 1}'):
        with pytest.raises(PlatformError, match="invalid faults"):
            Faults.from_json(text)
