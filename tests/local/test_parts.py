"""Parts that a platform on this machine does not show, each on its own."""

import asyncio
import subprocess
import sys

import pytest

from skaha.local import _machine
from skaha.local._machine import Machine
from skaha.local._runtimes import _tree
from skaha.local._wire._command import arguments, environment


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
    assert arguments(value) == words


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
    assert environment([entry]) == kept


@pytest.mark.parametrize("kernel", ["as it is", "without process descriptors"])
def test_the_end_of_a_process_is_noticed(kernel, monkeypatch):
    """Also where the kernel does not tell, and where there is nothing left to notice."""
    if kernel != "as it is":
        monkeypatch.setattr(_tree, "_descriptor", lambda _: None)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:

        async def follow():
            end = asyncio.create_task(_tree.ended(child.pid))
            done, _ = await asyncio.wait([end], timeout=0.1)
            assert not done
            child.stdin.close()
            await asyncio.wait_for(end, 5)

        asyncio.run(follow())
    asyncio.run(_tree.ended(child.pid))
