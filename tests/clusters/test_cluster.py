"""A cluster on sessions computes, scales, and gives the reasons for the end of its workers."""

import asyncio
import gc
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import dask.array as da
import httpx
import numpy as np
import psutil
import pytest
from dask import config
from dask.distributed import Client, wait, worker_client
from dask_workers import IMAGE, SECONDS, SMALL, ConnectedWorkers, CountingSession
from distributed import Security
from scripted import Response
from staged import Stage

from skaha import AsyncSession, Retry, Session, errors
from skaha.dask import SkahaCluster
from skaha.dask._adaptive import PatientAdaptive
from skaha.results import Launched, Outcome


def wait_until(condition):
    """Wait until a condition is true."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


pytestmark = [pytest.mark.slow, pytest.mark.skaha_platform(cores=64, ram=256)]


def test_eight_workers_compute_the_same_result_as_numpy(start_cluster, client):
    cluster = start_cluster(n_workers=8, name="eight")
    with Client(cluster) as dask:
        dask.wait_for_workers(8, timeout=SECONDS)
        numbers = np.arange(250_000, dtype=float).reshape(500, 500)
        chunked = da.from_array(numbers, chunks=100)
        result = (chunked @ chunked.T).sum(axis=0).compute()
        names = set(dask.run(lambda dask_worker: dask_worker.name).values())
    np.testing.assert_allclose(result, (numbers @ numbers.T).sum(axis=0))
    assert names == {f"eight-{number}" for number in range(8)}
    assert client.launches == [8]
    assert sorted(record["name"] for record in client.fetch()) == sorted(names)
    assert {record["type"] for record in client.fetch()} == {"headless"}
    cluster.close()
    assert client.fetch() == []
    assert (cluster.failures, cluster.not_ended, cluster.session_ids) == ({}, {}, {})


def test_scaling_down_keeps_the_results_and_scaling_up_is_one_launch(
    start_cluster, client, tmp_path
):
    def once(number, folder):
        with (Path(folder) / "calls").open("a") as file:
            file.write(f"{number}\n")
        return number * number

    cluster = start_cluster(n_workers=3)
    connected = ConnectedWorkers(cluster)
    with Client(cluster) as dask:
        dask.wait_for_workers(3, timeout=SECONDS)
        results = dask.map(once, range(30), folder=str(tmp_path))
        wait(results, timeout=SECONDS)
        ended = {cluster.session_ids[name] for name in list(connected.names)}
        cluster.scale(1)
        [last] = connected.wait_for(lambda names: len(names) == 1)
        ended -= {cluster.session_ids[last]}
        client.wait(list(ended), timeout=SECONDS, appear=0)
        assert dask.gather(results) == [number * number for number in range(30)]
        assert len((tmp_path / "calls").read_text().split()) == 30
        cluster.scale(4)
        names = connected.wait_for(lambda names: len(names) == 4)
    # No name is used twice: the scheduler may still know the old worker.
    assert names == {last} | {f"{cluster.name}-{number}" for number in (3, 4, 5)}
    assert client.launches == [3, 3]
    assert cluster.failures == {}


def test_adaptive_scaling_goes_to_zero_and_back(start_cluster, client):
    cluster = start_cluster()
    connected = ConnectedWorkers(cluster)
    cluster.adapt(minimum=0, maximum=3, interval="100ms", wait_count=2, target_duration="1s")
    with Client(cluster) as dask:
        for number in range(2):
            work = dask.map(lambda x: x + 1, range(number, number + 20), key=f"round-{number}")
            assert dask.submit(sum, work).result(timeout=SECONDS) == 210 + 20 * number
            assert 1 <= max(client.launches) <= 3
            del work
            connected.wait_for(lambda names: not names)
            left = [record["id"] for record in client.fetch()]
            client.wait(left, timeout=SECONDS, appear=0)
    assert cluster.failures == {}


def test_no_result_is_lost_if_a_session_is_deleted_during_the_work(start_cluster, client, tmp_path):
    def wait_for(path, number):
        while not Path(path).exists():
            threading.Event().wait(0.01)
        return number

    cluster = start_cluster(n_workers=2)
    connected = ConnectedWorkers(cluster)
    with Client(cluster) as dask:
        dask.wait_for_workers(2, timeout=SECONDS)
        go = tmp_path / "go"
        results = dask.map(wait_for, [str(go)] * 8, range(8), pure=False)
        victim = min(connected.names)
        client.destroy(cluster.session_ids[victim])
        connected.wait_for(lambda names: names and victim not in names)
        go.touch()
        assert dask.gather(results) == list(range(8))
        with pytest.raises(errors.WaitTimeoutError, match=f"worker {victim}: its session .* is go"):
            dask.wait_for_workers(2, timeout=SECONDS)
        # The failed worker does not count any more.
        cluster.scale(2)
        dask.wait_for_workers(2, timeout=SECONDS)
    assert list(cluster.failures) == [victim]


def test_adaptive_scaling_replaces_a_worker_that_has_ended(start_cluster, client, monkeypatch):
    monkeypatch.setattr("skaha.dask._session_cluster._FIRST_PAUSE", 0.01)
    cluster = start_cluster()
    connected = ConnectedWorkers(cluster)
    cluster.adapt(minimum=2, maximum=2, interval="50ms")
    first = connected.wait_for(lambda names: len(names) == 2)
    client.destroy(cluster.session_ids[min(first)])
    second = connected.wait_for(lambda names: len(names) == 2 and min(first) not in names)
    assert max(first) in second


def test_the_cluster_works_without_the_refused_workers(start_cluster, skaha_platform, caplog):
    skaha_platform.set_faults(refused_creates=[2, 4, 5, 6])
    quick = Retry(first_pause=0.05, settle=0.1)
    session = Session(server=skaha_platform.url, token=skaha_platform.token, retry=quick)
    cluster = start_cluster(n_workers=3, session=session)
    [(name, error)] = cluster.failures.items()
    assert isinstance(error, errors.ServerError)
    assert error.subject == f"launch of {name}"
    assert f"cluster {cluster.name}: launch of {name}: " in caplog.text
    assert name not in cluster.plan
    with Client(cluster) as dask:
        dask.wait_for_workers(2, timeout=SECONDS)
        with pytest.raises(TimeoutError, match=f"2 of 3 are there.*no more.*launch of {name}"):
            dask.wait_for_workers(3)
        cluster.scale(3)
        dask.wait_for_workers(3, timeout=SECONDS)


@pytest.mark.skaha_platform(cores=1, ram=2)
def test_a_worker_that_waits_for_room_gives_the_reason_of_the_platform(start_cluster):
    cluster = start_cluster(n_workers=2)
    with Client(cluster) as dask:
        dask.wait_for_workers(1, timeout=SECONDS)
        with pytest.raises(errors.WaitTimeoutError) as caught:
            dask.wait_for_workers(2, timeout=0.1)
    assert "1 of 2 are there after 0.1" in str(caught.value)
    assert "is Pending; the platform's warnings: 0/1 nodes are available" in str(caught.value)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'no such package: distributed' >&2; exit 3", "no such package: distributed"),
        ("exit 3", "with an empty log"),
    ],
)
def test_a_worker_that_dies_shows_the_end_of_its_log(start_cluster, tmp_path, script, reason):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    cluster = start_cluster(n_workers=1, python=str(program))
    with pytest.raises(errors.WaitTimeoutError) as caught:
        cluster.wait_for_workers(1)
    assert "ended as Failed" in str(caught.value)
    assert reason in str(caught.value)
    [error] = cluster.failures.values()
    assert isinstance(error, errors.FailedSessionError)
    assert reason in cluster._repr_html_()
    assert reason in str(cluster.get_logs(scheduler=False, workers=False))


def test_the_start_fails_if_all_workers_are_refused(start_cluster, client):
    with pytest.raises(errors.BadRequestError, match=r"launch of all-\d: .*registry"):
        start_cluster(n_workers=2, name="all", image="registry.example.org/a/b:c")
    assert client.fetch() == []


def test_a_worker_that_does_not_respond_is_ended(start_cluster, client):
    cluster = start_cluster(n_workers=1)
    connected = ConnectedWorkers(cluster)
    with Client(cluster) as dask, config.set({"distributed.deploy.lost-worker-timeout": "200ms"}):
        dask.wait_for_workers(1, timeout=SECONDS)
        [(address, process_id)] = dask.run(os.getpid).items()
        [(name, session_id)] = cluster.session_ids.items()
        os.kill(process_id, signal.SIGSTOP)
        cluster.sync(cluster.scheduler.remove_worker, address, stimulus_id="test")
        connected.wait_for(lambda names: not names)
        with pytest.raises(errors.WaitTimeoutError, match="connection is lost, but its session ru"):
            dask.wait_for_workers(1)
        assert client.wait(session_id, timeout=SECONDS, appear=0) == {session_id: "Gone"}
    assert list(cluster.failures) == [name]


class LosingSession(CountingSession):
    """A client whose launches succeed, although their responses are lost."""

    def create_many(self, jobs, **options):
        launched = super().create_many(jobs, **options)
        error = errors.ConnectionFailedError("no response")
        error.partial = Launched(None, Outcome({}, dict.fromkeys(launched.names, error)))
        error.partial.uncertain = list(launched.names)
        raise error


def test_a_worker_with_an_uncertain_launch_joins_the_cluster(start_cluster, skaha_platform, client):
    session = LosingSession(server=skaha_platform.url, token=skaha_platform.token)
    with session, pytest.raises(errors.ConnectionFailedError):
        start_cluster(n_workers=1, session=session, death_timeout=2)
    # It cannot be deleted on a guess, but it ends without its scheduler.
    [record] = client.fetch()
    assert client.wait(record["id"], timeout=SECONDS) == {record["id"]: "Failed"}
    client.destroy_all()

    with LosingSession(server=skaha_platform.url, token=skaha_platform.token) as session:
        cluster = start_cluster(session=session)
        cluster.scale(1)
        cluster.wait_for_workers(1, timeout=SECONDS)
        assert cluster.plan == cluster.requested == cluster.observed
        assert cluster.failures == {}
        [record] = client.fetch()
        cluster.close()
    assert client.wait(record["id"], timeout=SECONDS) == {record["id"]: "Completed"}


class Evaluations(PatientAdaptive):
    """Adaptive scaling that counts how often it wanted more workers."""

    wanted = 0
    enough = 50
    many = threading.Event()

    async def scale_up(self, n):
        self.wanted += 1
        if self.wanted == self.enough:
            self.many.set()
        await super().scale_up(n)


def test_adaptive_scaling_pauses_after_a_refusal(start_cluster, scripted):
    stage = scripted.respond = Stage([])
    refusal = Response(400, "no more than 0 sessions for you")
    stage.overrides = {f"POST busy-{number}": refusal for number in range(1000)}
    with CountingSession(server=scripted.url, token="t") as session:
        cluster = start_cluster(session=session, name="busy")
        Evaluations.many.clear()
        moment = time.monotonic()
        adaptive = cluster.adapt(Evaluations, minimum=2, maximum=2, interval="10ms")
        assert Evaluations.many.wait(SECONDS)
        assert session.launches == [2]
        assert len(stage.forms) == 2
        # The next attempt comes after the pause, and the pause grows.
        assert moment + 5 <= cluster.paused_until <= time.monotonic() + 5
        moment = time.monotonic()
        cluster.paused_until = 0
        wait_until(lambda: len(session.launches) == 2)
        wait_until(lambda: cluster.paused_until > 0)
        assert moment + 7.5 <= cluster.paused_until <= time.monotonic() + 7.5
        adaptive.stop()
    assert "no more than 0 sessions for you" in str(list(cluster.failures.values()))


def test_the_dashboard_is_for_this_machine_only(start_cluster):
    cluster = start_cluster()
    link = httpx.URL(cluster.dashboard_link)
    assert link.host == "127.0.0.1"
    assert httpx.get(link.copy_with(path="/health")).text == "ok"
    assert cluster.dashboard_link in cluster._repr_html_()
    listening = [
        connection.laddr.ip
        for connection in psutil.Process().net_connections()
        if connection.status == "LISTEN" and connection.laddr.port == link.port
    ]
    assert listening == ["127.0.0.1"]


def test_a_setting_with_an_unset_variable_does_not_hide_the_dashboard(start_cluster):
    cluster = start_cluster()
    link = cluster.dashboard_link
    with config.set({"distributed.dashboard.link": "/{A_VARIABLE_THAT_IS_NOT_SET}/{port}"}):
        assert cluster.dashboard_link == link
        assert link in cluster._repr_html_()
    shown = start_cluster(dashboard_address=":0")
    assert httpx.URL(shown.dashboard_link).host == "127.0.0.1"


def test_the_address_and_the_port_can_be_chosen(start_cluster):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cluster = start_cluster(n_workers=1, interface="lo", port=port, protocol="tls")
    assert cluster.scheduler_address == f"tls://127.0.0.1:{port}"
    cluster.wait_for_workers(1, timeout=SECONDS)


def test_scaling_by_cores_needs_cores(start_cluster):
    cluster = start_cluster(cores=None, ram=None, memory_limit=None)
    for amount in ({"cores": 4}, {"memory": "4GiB"}):
        with pytest.raises(errors.InvalidInputError, match="give the number of workers"):
            cluster.scale(**amount)
    known = start_cluster(cores=2, ram=4, memory_limit=None)
    assert (known._threads_per_worker(), known._memory_per_worker()) == (2, 4 * 2**30)


def test_the_shutdown_of_a_client_ends_the_cluster(start_cluster, client):
    cluster = start_cluster(n_workers=2)
    dask = Client(cluster)
    dask.wait_for_workers(2, timeout=SECONDS)
    dask.shutdown()
    assert client.fetch() == []
    with pytest.raises(errors.WaitTimeoutError, match="the cluster is closed"):
        cluster.wait_for_workers(1)


def test_the_workers_end_with_their_scheduler(start_cluster, client):
    cluster = start_cluster(n_workers=2)
    with Client(cluster) as dask:
        dask.wait_for_workers(2, timeout=SECONDS)
    ids = list(cluster.session_ids.values())
    cluster.sync(cluster.scheduler.close)
    statuses = client.wait(ids, timeout=SECONDS)
    assert list(statuses.values()) == ["Completed", "Completed"]
    cluster.close()


# Async.


def test_a_cluster_works_with_await(skaha_platform):
    async def use():
        async with AsyncSession(server=skaha_platform.url, token=skaha_platform.token) as session:
            options = {"session": session, "asynchronous": True, **SMALL}
            async with (
                SkahaCluster(IMAGE, n_workers=2, **options) as cluster,
                Client(cluster, asynchronous=True) as dask,
            ):
                await dask.wait_for_workers(2, timeout=SECONDS)
                total = await dask.submit(sum, dask.map(abs, [-1, -2, -3]))
                await cluster.scale(1)
                cluster.adapt(minimum=0, maximum=1, interval="100ms")
            left = await session.fetch()
            cluster = await SkahaCluster(IMAGE, n_workers=1, **options)
            await cluster.wait_for_workers(1, timeout=SECONDS)
            await cluster.close()
            return total, left, await session.fetch()

    assert asyncio.run(use()) == (6, [], [])


def test_an_async_start_fails_if_all_workers_are_refused(skaha_platform):
    options = SMALL | {"image": "registry.example.org/a/b:c", "asynchronous": True}

    async def use():
        session = AsyncSession(server=skaha_platform.url, token=skaha_platform.token)
        with pytest.raises(errors.BadRequestError):
            await SkahaCluster(n_workers=1, session=session, **options)
        await session.aclose()

    asyncio.run(use())


def test_a_start_that_is_cancelled_leaves_no_session(skaha_platform):
    skaha_platform.set_faults(create_delay=1)

    async def use():
        session = AsyncSession(server=skaha_platform.url, token=skaha_platform.token)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await SkahaCluster(IMAGE, n_workers=2, session=session, asynchronous=True, **SMALL)
        left = await session.fetch()
        await session.aclose()
        return left

    assert asyncio.run(use()) == []


# Security.


def test_the_credentials_are_in_the_environment_only(start_cluster, client, tmp_path):
    variable = "SKAHA_DASK_CREDENTIALS"

    def seen():
        import dask

        here = Path("/proc/self")
        child = subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ)"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {
            "environ": dict(os.environ),
            "at the start": (here / "environ").read_text(),
            "command": (here / "cmdline").read_text(),
            "configuration": dask.config.config,
            "child": child.stdout,
        }

    def from_a_task():
        with worker_client() as dask:
            return dask.submit(int, "7").result()

    cluster = start_cluster(n_workers=1, env={"OWN": "an-own-secret"})
    with Client(cluster) as dask:
        dask.wait_for_workers(1, timeout=SECONDS)
        worker = dask.submit(seen).result(timeout=SECONDS)
        assert dask.submit(from_a_task).result(timeout=SECONDS) == 7
        dask.dump_cluster_state(str(tmp_path / "dump"), format="yaml")
        logs = str(cluster.get_logs())
    start = worker.pop("at the start")
    packed = next(text for text in start.split("\0") if text.startswith(variable))
    packed = packed.removeprefix(f"{variable}=")
    assert "=" not in packed
    key = cluster.security.tls_worker_key.splitlines()[3]
    session_ids = list(cluster.session_ids.values())
    texts = {
        **worker,
        "dump": (tmp_path / "dump.yaml").read_text(),
        "logs": logs,
        "session": [client.logs(session_ids), client.info(session_ids), client.events(session_ids)],
        "reprs": [cluster, cluster.preview(), cluster._repr_html_(), vars(cluster)],
        "specification": [cluster.worker_spec, cluster.scheduler_spec, cluster.workers],
    }
    assert worker["environ"]["OWN"] == "an-own-secret"
    for place, content in texts.items():
        assert packed not in str(content), place
        assert key not in str(content), place
    assert "an-own-secret" not in str(texts["reprs"])
    assert f"{variable}=..." in cluster.preview()["env"]


def test_a_connection_without_the_credentials_is_refused(start_cluster):
    cluster = start_cluster(n_workers=1)
    address = cluster.scheduler_address
    scheme, host, port = address.replace("//", "").split(":")
    assert (scheme, host) == ("tls", "127.0.0.1")
    for stranger in (
        {"address": f"tcp://{host}:{port}"},
        {"address": address, "security": Security.temporary()},
    ):
        with pytest.raises(OSError, match=r"Connection reset|closed|certificate does not match"):
            Client(**stranger, timeout=1)
    # A program that accepts every certificate has none itself.
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=SECONDS) as plain,
        trusting.wrap_socket(plain) as encrypted,
        pytest.raises(ssl.SSLError, match="certificate required"),
    ):
        encrypted.recv(1)
    with Client(address, security=cluster.security) as dask:
        dask.wait_for_workers(1, timeout=SECONDS)


def test_a_cluster_may_be_open(start_cluster):
    cluster = start_cluster(n_workers=1, security=False)
    with Client(cluster.scheduler_address) as dask:
        dask.wait_for_workers(1, timeout=SECONDS)
        assert dask.submit(abs, -1).result(timeout=SECONDS) == 1
    assert cluster.preview()["env"] == ["REPLICA_ID=1", "REPLICA_COUNT=1"]


def test_numpy_uses_one_thread_of_each_task(start_cluster):
    cluster = start_cluster(n_workers=1, cores=2, env={"MKL_NUM_THREADS": 2})
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    with Client(cluster) as dask:
        dask.wait_for_workers(1, timeout=SECONDS)
        [values] = dask.run(lambda: [os.environ[name] for name in names]).values()
    assert values == ["1", "2", "1"]


# Names and numbers.


def test_two_clusters_can_have_the_same_name(start_cluster):
    first, second = start_cluster(name="fit"), start_cluster(name="fit")
    with first.get_client() as client, second.get_client() as other:
        assert (client.cluster is first, other.cluster is second) == (True, True)
    assert len({first, second}) == 2


@pytest.mark.parametrize("n", [-1, 1.5, "2", None])
def test_a_wrong_number_of_workers_is_refused(start_cluster, n):
    with pytest.raises(errors.InvalidInputError, match="n must be a whole number, 0 or more"):
        start_cluster().scale(n)


def test_a_closed_cluster_is_not_kept_in_memory(client, tmp_path):
    """The exit of Python ends the sessions of open clusters, so it keeps these clusters."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o700)
    cluster = SkahaCluster(IMAGE, n_workers=1, session=client, python=str(program), **SMALL)
    assert len(cluster.session_ids) == 1
    cluster.close()
    kept = weakref.ref(cluster)
    del cluster
    gc.collect()
    assert kept() is None


def test_a_close_that_was_cancelled_is_completed_by_the_next_one(client):
    async def close_twice():
        cluster = await SkahaCluster(IMAGE, session=client, asynchronous=True, **SMALL)
        closing = asyncio.ensure_future(cluster.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        await asyncio.wait_for(cluster.close(), SECONDS)
        return cluster.status.name

    assert asyncio.run(close_twice()) == "closed"
