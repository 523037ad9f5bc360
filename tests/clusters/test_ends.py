"""The workers and the sessions of a cluster end with its program, for each kind of end."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from dask_workers import IMAGE, SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.skaha_platform(cores=2, ram=256)]

BEGIN = """
import asyncio, os, signal, sys, threading, time
from dask.distributed import Client
from skaha import AsyncSession, Session
from skaha.dask import SkahaCluster

URL, TOKEN = sys.argv[1:]
OPTIONS = dict(image={image!r}, cores=1, ram=1, memory_limit="256MiB", death_timeout=2,
               dashboard_address="127.0.0.1:0")

def start(**options):
    return SkahaCluster(session=Session(server=URL, token=TOKEN), **OPTIONS | options)

def wait_for(cluster, count):
    cluster.wait_for_workers(count, timeout=120)
    print(*cluster.session_ids.values(), flush=True)
"""
# Each program ends without its cluster in another way.
PROGRAMS = {
    "the end of the program": """
        cluster = start(n_workers=2)
        wait_for(cluster, 2)
    """,
    "an exit in a block": """
        with start(n_workers=2) as cluster:
            wait_for(cluster, 2)
            sys.exit(0)
    """,
    "an exception in a block": """
        try:
            with start(n_workers=2) as cluster:
                wait_for(cluster, 2)
                raise ValueError
        except ValueError:
            pass
        assert Session(server=URL, token=TOKEN).fetch() == []
    """,
    "Ctrl-C in a block": """
        try:
            with start(n_workers=2) as cluster:
                wait_for(cluster, 2)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)
        except KeyboardInterrupt:
            pass
        assert Session(server=URL, token=TOKEN).fetch() == []
    """,
    "the end of a program that used await": """
        async def main():
            session = AsyncSession(server=URL, token=TOKEN)
            options = OPTIONS | dict(session=session, asynchronous=True, n_workers=2)
            cluster = await SkahaCluster(**options)
            await cluster.wait_for_workers(2, timeout=120)
            print(*cluster.session_ids.values(), flush=True)

        asyncio.run(main())
    """,
    "a child process": """
        cluster = start(n_workers=2)
        wait_for(cluster, 2)
        child = os.fork()
        if child == 0:
            cluster.shutdown_on_close = False  # Dask would wait for its event loop
            sys.exit(0)
        os.waitpid(child, 0)
        names = [record["name"] for record in Session(server=URL, token=TOKEN).fetch()]
        assert sorted(names) == sorted(cluster.session_ids), names
    """,
}


@pytest.fixture
def start_program(skaha_platform):
    """Start a program with a cluster."""
    processes = []

    def begin(program):
        text = BEGIN.format(image=IMAGE) + textwrap.dedent(program)
        command = [sys.executable, "-c", text, skaha_platform.url, skaha_platform.token]
        # Ctrl-C reaches the program alone.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("way", PROGRAMS)
def test_the_sessions_are_deleted_after(start_program, client, way):
    process = start_program(PROGRAMS[way])
    printed, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, error
    assert len(printed.split()) == 2
    assert client.fetch() == []


LAUNCH = """
class Telling(Session):
    def create_many(self, *arguments, **options):
        print("launching", flush=True)
        return super().create_many(*arguments, **options)

try:
    SkahaCluster(session=Telling(server=URL, token=TOKEN), n_workers=2, **OPTIONS)
except KeyboardInterrupt:
    print(len(Session(server=URL, token=TOKEN).fetch()))
"""


def test_ctrl_c_during_the_launch_leaves_no_session(start_program, skaha_platform):
    skaha_platform.set_faults(create_delay=1)
    process = start_program(LAUNCH)
    assert process.stdout.readline() == "launching\n"
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, printed) == (0, "0\n"), error


KILLED = """
cluster = start(n_workers=4)
client = Client(cluster)
print(*cluster.session_ids.values(), flush=True)
cluster.wait_for_workers(2, timeout=120)
busy = client.submit(time.sleep, 600)
while not any(client.processing().values()):
    time.sleep(0.01)
print("busy", flush=True)
time.sleep(600)
"""


def test_the_workers_of_a_killed_program_end_themselves(start_program, client):
    """Of four workers, two wait for room. They start without a scheduler."""
    process = start_program(KILLED)
    ids = process.stdout.readline().split()
    assert len(ids) == 4
    assert process.stdout.readline() == "busy\n"
    os.kill(process.pid, signal.SIGKILL)
    statuses = client.wait(ids, timeout=SECONDS)
    assert sorted(statuses.values()) == ["Completed", "Completed", "Failed", "Failed"]
    late = [session_id for session_id, status in statuses.items() if status == "Failed"]
    assert all("Timed out starting worker" in log for log in client.logs(late).values())


LOST = """
cluster = start(n_workers=2)
wait_for(cluster, 2)
sys.stdin.read()
"""


def test_the_exit_names_the_sessions_that_could_not_be_ended(start_program, skaha_platform):
    process = start_program(LOST)
    ids = process.stdout.readline().split()
    skaha_platform.kill()
    _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "could not end the sessions of" in error
    assert all(session_id in error for session_id in ids)
    assert "Traceback" not in error
    skaha_platform.start()
