"""The arguments of a cluster, its network and its credentials. Nothing here starts a worker."""

import asyncio
import base64
import json
import shlex
import subprocess
import sys
import traceback
import zlib
from pathlib import Path

import pytest
from dask_workers import IMAGE
from distributed import Security

import skaha
from skaha import AsyncSession, Session, errors
from skaha.dask import SkahaCluster, _worker
from skaha.dask._cluster import _sync_session
from skaha.dask._network import scheduler_host
from skaha.dask._process_interface import Batch
from skaha.dask._security import make_security, packed_credentials
from skaha.dask._worker_command import program, worker_options

URL = "https://skaha.example.org/skaha"
OUR_SOURCES = str(Path(skaha.__file__).parent)


@pytest.fixture
def outside(monkeypatch):
    """This program does not run in a session."""
    for name in ("skaha_sessionid", "skaha_hostname"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def inside(monkeypatch):
    """This program runs in a session of the platform."""
    monkeypatch.setenv("skaha_sessionid", "abcd1234")
    monkeypatch.setenv("skaha_hostname", "skaha.example.org")


# Network.


@pytest.mark.parametrize("server", ["local", "http://127.0.0.1:4321/skaha", "http://[::1]/skaha"])
@pytest.mark.usefixtures("outside")
def test_the_scheduler_of_a_platform_on_this_machine_listens_on_the_loopback(server):
    assert scheduler_host(server) == "127.0.0.1"


@pytest.mark.usefixtures("inside")
def test_in_a_session_dask_chooses_the_address():
    assert scheduler_host(URL) is None


@pytest.mark.usefixtures("outside")
def test_elsewhere_the_error_says_how_to_go_on():
    with pytest.raises(errors.InvalidInputError) as caught:
        SkahaCluster(IMAGE, session=Session(server=URL, token="t"))
    for part in ("not run in a session of skaha.example.org", "notebook", "host=", "interface="):
        assert part in str(caught.value)


@pytest.mark.usefixtures("inside")
def test_a_session_of_another_platform_is_elsewhere(monkeypatch):
    monkeypatch.setenv("skaha_hostname", "other.example.org")
    with pytest.raises(errors.InvalidInputError, match=r"a session of other\.example\.org"):
        scheduler_host(URL)


# Arguments.


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "a_b"}, "name must consist of"),
        ({"name": ""}, "name must consist of"),
        ({"name": 7}, "name must consist of"),
        ({"name": "a" * 56}, "at most 55 letters"),
        ({"image": ""}, "image"),
        ({"cores": 0}, "cores"),
        ({"cores": "many"}, "cores must be a number"),
        ({"cores": float("nan")}, "cores must be more than 0"),
        ({"cores": [2]}, "cores must be a number"),
        ({"ram": "4G"}, "ram"),
        ({"memory_limit": "much"}, "memory_limit must be an amount of memory"),
        ({"memory_limit": [6]}, "memory_limit must be an amount of memory"),
        ({"gpu": -1}, "gpu"),
        ({"n_workers": -1}, "n_workers must be a whole number, 0 or more"),
        ({"n_workers": 1.5}, "n_workers must be a whole number"),
        ({"nthreads": 0}, "nthreads must be a whole number, 1 or more"),
        ({"death_timeout": -1}, "death_timeout"),
        ({"death_timeout": "60s"}, "death_timeout"),
        ({"env": {"KEY": "a=b"}}, "env: the platform would lose or change the value of KEY"),
        ({"env": {"SKAHA_DASK_CREDENTIALS": "x"}}, "sets SKAHA_DASK_CREDENTIALS itself"),
        ({"env": ["A=b"]}, "env must be a dictionary"),
        ({"worker_extra_args": "--lifetime 55m"}, "must be a list of words"),
        ({"worker_extra_args": ["--nthreads=4"]}, "sets --nthreads=4 itself; use nthreads"),
        ({"worker_extra_args": ["--tls-key", "k"]}, "sets --tls-key itself"),
        ({"server": "local"}, "give session or server, not both"),
        ({"session": "local"}, "session must be a Session or an AsyncSession, not str"),
        ({"security": "tls"}, "security must be a dask.distributed.Security"),
        ({"protocol": "tcp"}, "'tcp' is not encrypted: use 'tls' or 'wss', or security=False"),
        ({"protocol": "ucx://"}, "'ucx' is not encrypted"),
        ({"protocol": "tls", "security": False}, "'tls' needs credentials"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_starts(arguments, text):
    session = Session(server="http://127.0.0.1:9/skaha", token="t")
    with pytest.raises(errors.InvalidInputError, match=text.replace("(", r"\(")):
        SkahaCluster(**{"image": IMAGE, "session": session} | arguments)


@pytest.mark.parametrize("variant", ["sync", "async"], indirect=True)
def test_a_cluster_takes_the_settings_of_either_variant(variant):
    client = variant.open(server=URL, version="v0", token="a-token", timeout=7, concurrency=3)
    own = _sync_session(client)
    names = ("server", "version", "token", "timeout", "concurrency", "retry", "registry")
    assert [getattr(own, name) for name in names] == [getattr(client, name) for name in names]
    assert isinstance(own, Session)
    assert isinstance(client, AsyncSession) == (own is not client)
    own.close()


@pytest.mark.parametrize("package", ["cryptography", "dask", "distributed"])
def test_without_a_package_of_its_extra_the_error_names_the_extra(package):
    program = f"import sys; sys.modules[{package!r}] = None; import skaha.dask"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    hint = f"ImportError: a Dask cluster needs {package}: pip install 'skaha[dask]>=2'\n"
    assert finished.stderr.endswith(hint)


# Credentials.


def test_the_credentials_are_one_word_that_the_platform_carries():
    security = Security.temporary()
    packed = packed_credentials(security)
    assert set(packed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    Session(server="local").preview("c", IMAGE, env={"KEY": packed})
    assert repr(packed) == "..."
    unpacked = _worker.security_of(packed)
    assert unpacked.require_encryption
    for role in ("client", "worker"):
        assert unpacked.get_tls_config_for_role(role) == security.get_tls_config_for_role(role)


def test_the_contents_of_the_files_of_own_credentials_are_sent(tmp_path):
    temporary = Security.temporary()
    files = {}
    for field in ("tls_ca_file", "tls_worker_cert", "tls_worker_key"):
        files[field] = str(tmp_path / field)
        (tmp_path / field).write_text(getattr(temporary, field))
    own = Security(require_encryption=True, **files)
    packed = packed_credentials(own) + "=="
    sent = json.loads(zlib.decompress(base64.urlsafe_b64decode(packed)))
    assert sent["tls_worker_key"] == temporary.tls_worker_key
    (tmp_path / "tls_ca_file").unlink()
    with pytest.raises(errors.InvalidInputError, match=r"tls_ca_file .*: No such file") as caught:
        packed_credentials(own)
    shown = local_variables(caught.value)
    assert shown
    assert temporary.tls_worker_key.splitlines()[3] not in shown


def local_variables(error):
    """Return the local variables in the frames of the library as one text."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return "".join(
        repr(frame.f_locals) for frame in frames if frame.f_code.co_filename.startswith(OUR_SOURCES)
    )


def test_a_wrong_argument_shows_no_secret_in_a_traceback(monkeypatch):
    made = []
    temporary = Security.temporary
    monkeypatch.setattr(Security, "temporary", lambda: made.append(temporary()) or made[-1])
    session = Session(server="http://127.0.0.1:9/skaha", token="a-long-token")
    with pytest.raises(errors.InvalidInputError) as caught:
        SkahaCluster("", session=session, env={"KEY": "an-own-secret"})
    shown = local_variables(caught.value)
    assert shown
    [security] = made
    for secret in (
        "an-own-secret",
        "a-long-token",
        security.tls_worker_key.splitlines()[3],
        str.__str__(packed_credentials(security)),
    ):
        assert secret not in shown.replace("SkahaCluster('', session=", "")


def test_the_command_of_a_worker_has_no_secret_and_each_option():
    words = [
        *program("/opt/conda/bin/python", {"OMP_NUM_THREADS": 4}),
        *worker_options(2, "3.5GiB", 90, ["--lifetime", "1 hour"]),
    ]
    assert words[0] == "env"
    assert "MKL_NUM_THREADS=1" in words
    assert not [word for word in words if word.startswith("OMP_NUM_THREADS")]
    line = shlex.join(words)
    for part in (
        "/opt/conda/bin/python -c",
        "--nthreads 2 --memory-limit 3.5GiB --no-nanny --no-dashboard --death-timeout 90",
        "--worker-class __main__.ClusterWorker --lifetime '1 hour'",
    ):
        assert part in line


# Batches.


def test_names_of_one_moment_are_one_batch():
    batches = []

    async def work(names):
        await asyncio.sleep(0)
        batches.append(names)

    async def add():
        batch = Batch(work)
        first = [asyncio.ensure_future(batch.add(name)) for name in "abc"]
        await asyncio.sleep(0)
        first[0].cancel()
        await asyncio.wait(first)
        await asyncio.gather(*map(batch.add, "de"))
        await batch.add("f")

    asyncio.run(add())
    assert batches == [["a", "b", "c"], ["d", "e"], ["f"]]


def test_a_failure_of_a_batch_reaches_all():
    async def work(names):
        raise ValueError(names)

    async def add():
        batch = Batch(work)
        return await asyncio.gather(*map(batch.add, "ab"), return_exceptions=True)

    assert [error.args for error in asyncio.run(add())] == [(["a", "b"],)] * 2


def test_the_security_of_the_user_is_used():
    security = Security(require_encryption=True)
    assert make_security(security) is security
