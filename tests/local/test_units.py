"""Unit tests of behaviour that a running platform does not show."""

import asyncio
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from attrs import evolve

from skaha.local import Options, PlatformError, _machine
from skaha.local._api import _launch, _logs, _v1
from skaha.local._api._command import parse_command
from skaha.local._api._errors import BadRequestError, InternalServerError
from skaha.local._api._images import check_access
from skaha.local._api._platform import REGISTRY, Platform
from skaha.local._api._yaml_words import arrives_as_text, read_name
from skaha.local._faults import FaultInjector, Faults
from skaha.local._machine import Machine
from skaha.local._page import _routes
from skaha.local._runtimes import _process_tree, _shim, end_all_sessions
from skaha.local._runtimes._environment import inherited_variables
from skaha.local._runtimes._jupyter import make_platform_root
from skaha.local._scheduler import Scheduler
from skaha.local._session import Phase, Session
from skaha.local._store import Store
from skaha.local._usage import Usage, UsageMeter

ABOVE_ZERO = ("time_scale", "cores", "ram")
ZERO_OR_MORE = ("start_delay", "grace", "idle")
SESSION = Session(
    id="s1",
    name="a",
    image="i",
    kind="headless",
    cores=1,
    ram=1,
    cores_limit=1,
    ram_limit=1,
    fixed=True,
    created=0,
    lifetime=60,
)


def test_limits_of_a_container_count_as_the_size_of_the_machine(tmp_path, monkeypatch):
    """The limits of the control group may be smaller than the machine."""
    machine = _machine.measure()
    monkeypatch.setattr(_machine, "_CGROUP", tmp_path)
    assert _machine.measure() == machine
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{2**28}\n")
    assert _machine.measure() == Machine(0.5, 0.25)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert _machine.measure() == machine


@pytest.mark.parametrize(
    ("machine", "cores", "ram"),
    [(Machine(1, 2), 8, 32), (Machine(16, 60), 16, 56), (Machine(12.5, 1000), 12, 192)],
)
def test_options_reach_to_the_limits_of_the_platform_or_of_the_machine(machine, cores, ram):
    """The larger of both counts, so that scripts for a real platform run on a laptop."""
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
        # YAML folds lines.
        ("a\nb", ("a b",)),
        ("a\n\n\nb", ("a\n\nb",)),
    ],
)
def test_args_are_split_at_single_blanks(value, words):
    """Empty words at the end vanish, except the only word of an empty text."""
    assert parse_command(None, value, []).args == words


def test_more_words_of_cmd_come_before_args():
    """YAML reads such a text as several words, and only the first one is the program."""
    command = parse_command('sh", "-c', "ls", [])
    assert (command.cmd, command.args) == ("sh", ("-c", "ls"))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ("${}", BadRequestError, "0 length name"),
        ("${a", BadRequestError, "missing trailing"),
        ("${1a}", BadRequestError, "starts with digit"),
        ("${a}", BadRequestError, "No group with name"),
        (r"\\q", InternalServerError, "unknown escape character"),
        (f'{"a" * 99}"{"b" * 99}', InternalServerError, r" \.\.\. a+\"b+ \.\.\. "),
    ],
)
def test_args_that_break_the_template_name_the_problem(args, error, message):
    with pytest.raises(error, match=message):
        parse_command(None, args, [])


def test_escaped_codes_in_args_become_characters():
    assert parse_command(None, r"\\x41\\u00e9", []).args == ("A\u00e9",)


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
def test_env_keeps_only_entries_with_a_name_and_a_value(entry, kept):
    """The server drops all other entries."""
    assert parse_command(None, None, [entry]).env == kept


LONG = 500_000
LONG_VALUES = {
    "cores": f"{'1' * LONG}x",
    "hexadecimal cores": f"0x{'1' * LONG}x",
    "image": f"{REGISTRY}/a/{'b' * LONG}",
    "image with many colons": f"{REGISTRY}/a/{'b:' * LONG}",
    "word": f"+0{'8' * LONG}x",
    "blanks": "\t" * LONG,
}


@pytest.mark.parametrize("value", LONG_VALUES.values(), ids=list(LONG_VALUES))
def test_a_long_value_is_read_at_once(value):
    """The platform can do nothing else meanwhile, so each value takes linear time."""
    start = time.monotonic()
    _launch._double(value)
    with suppress(BadRequestError):
        check_access(value, None)
    arrives_as_text(value)
    with suppress(InternalServerError):
        read_name(value)
    parse_command(value, value, [f"A={value}"])
    assert time.monotonic() - start < 5


def test_many_variables_are_read_at_once():
    start = time.monotonic()
    env = [f"A{number}={'x' * 150}" for number in range(10_000)]
    assert len(parse_command(None, None, env).env) == 10_000
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_the_exit_of_a_process_is_noticed(has_pidfd, monkeypatch):
    """This works with and without process descriptors, and for a process that has ended."""
    if not has_pidfd:
        monkeypatch.setattr(_process_tree, "_open_pidfd", lambda _: None)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:

        async def wait():
            end = asyncio.create_task(_process_tree.wait_for_exit(child.pid))
            done, _ = await asyncio.wait([end], timeout=0.1)
            assert not done
            child.stdin.close()
            await asyncio.wait_for(end, 5)

        asyncio.run(wait())
    asyncio.run(_process_tree.wait_for_exit(child.pid))


def test_a_database_of_version_1_is_upgraded(tmp_path):
    """Its sessions get the limits that all sessions had at that time."""
    file = tmp_path / "platform.db"
    store = Store(file)
    fields = {"id": "a", "name": "a", "image": "i", "kind": "headless", "fixed": False}
    limits = {"cores_limit": 8.0, "ram_limit": 32.0}
    store.add(Session(cores=1, ram=1, created=0, lifetime=60, **fields, **limits), None)
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


@pytest.fixture
def open_scheduler(tmp_path):
    """Return a function that returns a scheduler and its store."""
    stores = []

    def _open(runtime, options=None):
        store, machine, injector = (
            Store(tmp_path / "platform.db"),
            Machine(2, 2),
            FaultInjector(None),
        )
        stores.append(store)
        options = options or Options()
        return Scheduler(store, runtime, machine, options, injector, "node", lambda: None), store

    yield _open
    for store in stores:
        store.close()


async def run_until_idle(scheduler):
    """Run until all sessions have ended."""
    scheduling = asyncio.create_task(scheduler.run())
    # The sessions run in tasks of their own.
    while not scheduler.idle:
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=0.01)
    scheduling.cancel()


def test_a_session_that_is_deleted_at_the_end_of_its_preparation_does_not_start(open_scheduler):
    deletions, started = [], []

    async def prepare(session):
        deletions.append(asyncio.create_task(scheduler.delete(session)))
        await asyncio.sleep(0)

    async def run():
        scheduler.submit(SESSION)
        await run_until_idle(scheduler)
        await asyncio.gather(*deletions)

    runtime = SimpleNamespace(prepare=prepare, start=started.append, remove_files=lambda _: None)
    scheduler, store = open_scheduler(runtime)
    asyncio.run(asyncio.wait_for(run(), 10))
    assert (len(deletions), started, store.all()) == (1, [], [])


class SlowWorkload:
    """A runtime and its only workload, which takes some seconds to start and to end."""

    def __init__(self, *, start=0.0, end=0.0):
        self._start, self._end = start, end
        self._ended = asyncio.Event()

    def start_events(self, _):
        return []

    schedule_events = start_events

    async def prepare(self, _):
        pass

    async def start(self, _):
        await asyncio.sleep(self._start)
        return self

    async def ready(self):
        pass

    async def wait(self):
        await self._ended.wait()
        return 0

    async def stop(self, _):
        await asyncio.sleep(self._end)
        self._ended.set()

    def remove_files(self, _):
        pass


@pytest.mark.parametrize(
    ("start", "reasons"),
    [(0, ["Scheduled", "Started", "DeadlineExceeded"]), (0.3, ["DeadlineExceeded"])],
    ids=["after the start", "during the start"],
)
def test_a_command_that_ends_well_at_its_expiry_has_failed(open_scheduler, start, reasons):
    scheduler, store = open_scheduler(SlowWorkload(start=start))
    session = evolve(SESSION, created=time.time(), started=time.time(), lifetime=0.1)
    scheduler.submit(session)
    asyncio.run(asyncio.wait_for(run_until_idle(scheduler), 10))
    (session,) = store.all()
    assert session.phase is Phase.FAILED
    assert [event.reason for event in store.events(session, 0)] == reasons


def test_the_scheduler_sleeps_while_nothing_is_due(open_scheduler, monkeypatch):
    """One session waits for the end of the other, whose record vanishes before it has ended."""
    looks = []
    read_due = Store.due
    monkeypatch.setattr(Store, "due", lambda *args: looks.append(args) or read_due(*args))
    options = Options(start_delay=0.1, time_scale=1e-6)
    scheduler, _ = open_scheduler(SlowWorkload(end=0.3), options)
    now = time.time()
    scheduler.submit(evolve(SESSION, started=now, lifetime=0.2))
    scheduler.submit(evolve(SESSION, id="s2", cores=2, created=now))
    asyncio.run(asyncio.wait_for(run_until_idle(scheduler), 10))
    assert len(looks) < 30


@pytest.fixture
def start(tmp_path):
    """Start a command under a shim; kill both after the test."""
    workloads = []

    def _start(*words, **environment):
        words = [shutil.which(words[0]), *words[1:]]
        session_id = f"s{len(workloads)}"
        environment = {_process_tree.SESSION_VARIABLE: session_id, **environment}
        command = _shim.Command(words, tmp_path, environment)
        workloads.append(_shim.start(session_id, tmp_path, command))
        return workloads[-1]

    yield _start
    for workload in workloads:
        asyncio.run(workload.stop(0))
        workload._child.wait()


def test_a_new_session_has_processes(start):
    """Otherwise, a stop directly after the start would not find its command."""
    for _ in range(5):
        workload = start("sleep", "60")
        (command,) = psutil.Process(workload._shim).children()
        assert command.environ()[_process_tree.SESSION_VARIABLE] == workload.session_id
        assert command.cmdline()[-1] == "60"


def test_a_command_that_cannot_start_leaves_no_process(tmp_path):
    program = tmp_path / "program"
    program.touch(mode=0o755)
    before = psutil.Process().children()
    with pytest.raises(OSError, match="program"):
        _shim.start("s1", tmp_path, _shim.Command([str(program)], tmp_path, {}))
    assert psutil.Process().children() == before


def test_a_session_whose_process_id_is_lost_has_had_processes(tmp_path):
    """Otherwise, it would start again. A full disk leaves an empty file."""
    assert _shim.find("no-such-session", tmp_path) is None
    (tmp_path / "pid").touch()
    workload = _shim.find("no-such-session", tmp_path)
    assert asyncio.run(workload.wait()) is None


def test_the_shim_adds_nothing_to_the_environment(start, tmp_path):
    """Python sets a variable for itself if there is no locale."""
    workload = start("env")
    assert asyncio.run(workload.wait()) == 0
    assert (tmp_path / "log").read_text() == f"{_process_tree.SESSION_VARIABLE}=s0\n"


def test_a_session_has_the_certificates_and_the_locale_of_the_daemon(monkeypatch):
    variables = {"SSL_CERT_FILE": "/etc/own.pem", "LC_TIME": "C"}
    for name, value in (variables | {"A_SECRET": "1"}).items():
        monkeypatch.setenv(name, value)
    inherited = inherited_variables()
    assert {name: inherited.get(name) for name in (*variables, "A_SECRET")} == variables | {
        "A_SECRET": None
    }


def test_a_container_that_cannot_be_removed_is_an_error(tmp_path):
    """Otherwise, a reset would delete its record."""
    directory = tmp_path / "s1"
    directory.mkdir()
    (directory / "pid").touch()
    (directory / "container").write_text("/no/such/engine\nskaha-headless-s1\n")
    with pytest.raises(FileNotFoundError, match="/no/such/engine"):
        end_all_sessions(tmp_path, 0)


def test_the_files_of_a_notebook_may_exist_already(tmp_path):
    """The daemon may be killed during the start, and starts the session again."""
    for name in ("old", "new"):
        root = make_platform_root(tmp_path, tmp_path / name, "vera")
        assert (root / "arc/home/vera").readlink() == tmp_path / name


def test_the_shim_forwards_the_request_to_end(start):
    """A stop may reach the shim before the command exists."""
    workload = start("sleep", "60")
    os.kill(workload._shim, signal.SIGTERM)
    assert asyncio.run(workload.wait()) == 128 + signal.SIGTERM


def test_a_shim_that_is_stopped_is_killed_after_its_command(start):
    workload = start("sleep", "60")
    (command,) = psutil.Process(workload._shim).children()
    os.kill(workload._shim, signal.SIGSTOP)
    command.kill()
    asyncio.run(asyncio.wait_for(workload.stop(0), 10))
    assert workload._child.wait() == -signal.SIGKILL


def test_processes_that_may_still_run_are_logged(start, monkeypatch, caplog):
    """Only the shim finds processes with an empty environment, and only on Linux."""
    assert asyncio.run(start("true").wait()) == 0
    monkeypatch.setattr(sys, "platform", "darwin")
    assert asyncio.run(start("true").wait()) == 0
    monkeypatch.undo()
    killed = start("sleep", "60")
    os.kill(killed._shim, signal.SIGKILL)
    assert asyncio.run(killed.wait()) == -signal.SIGKILL
    linux = [] if sys.platform == "linux" else ["s0"]
    assert [record.args[0] for record in caplog.records] == [*linux, "s1", "s2"]
    assert "not certain that all its processes have ended" in caplog.text


def test_processes_that_do_not_end_are_logged(monkeypatch, caplog):
    """They may have more rights than the platform."""
    monkeypatch.setattr(_process_tree, "_KILL_TIMEOUT", 0)
    monkeypatch.setattr(_process_tree, "_signal", lambda *_: None)
    environment = {_process_tree.SESSION_VARIABLE: "immortal", "PATH": os.defpath}
    with subprocess.Popen(["sleep", "60"], env=environment) as child:

        async def stop():
            end = asyncio.create_task(_process_tree.terminate_session("immortal", None, 0))
            while not caplog.records:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.01)
            child.kill()
            await asyncio.wait_for(end, 5)

        asyncio.run(asyncio.wait_for(stop(), 10))
    assert f"session immortal: its processes [{child.pid}] do not end" in caplog.text


def test_simultaneous_callers_share_a_snapshot(monkeypatch):
    """But no caller gets a snapshot that started before its call."""
    taken = []

    def take():
        taken.append(None)
        time.sleep(0.05)
        return len(taken)

    monkeypatch.setattr(_process_tree.ProcessSnapshot, "take", take)

    async def take_all():
        snapshots = _process_tree._SharedSnapshots()
        early = [asyncio.create_task(snapshots.take()) for _ in range(50)]
        await asyncio.sleep(0.02)
        late = [asyncio.create_task(snapshots.take()) for _ in range(50)]
        return set(await asyncio.gather(*early)), set(await asyncio.gather(*late))

    assert asyncio.run(take_all()) == ({1}, {2})


def test_processes_that_the_system_hides_are_left_out(monkeypatch):
    """Some systems show only the ids of the processes of other users."""
    read_status = psutil.Process.status

    def status(process):
        if process.pid != os.getpid():
            raise psutil.AccessDenied(process.pid)
        return read_status(process)

    monkeypatch.setattr(psutil.Process, "status", status)
    assert [*_process_tree.ProcessSnapshot.take().processes] == [os.getpid()]


@pytest.mark.parametrize("error", [OSError("too many open files"), psutil.AccessDenied(1)])
def test_a_measurement_that_fails_is_no_error_of_a_request(error, caplog):
    session = evolve(SESSION, phase=Phase.RUNNING, seq=1)
    usages = [{1: _process_tree.ProcessUsage(1.0, 10**9, 2.0)}, error, {}]

    def measure(_):
        usage = usages.pop(0)
        if isinstance(usage, Exception):
            raise usage
        return usage

    async def refresh_twice():
        store = SimpleNamespace(with_processes=lambda: [session])
        meter = UsageMeter(store, SimpleNamespace(measure=measure))
        await meter.refresh()
        first = meter.of(session)
        meter._valid_until = 0
        await meter.refresh()
        await meter.refresh()
        return first, meter.of(session)

    assert asyncio.run(refresh_twice()) == (Usage(0.5, 10**9), None)
    assert str(error) in caplog.text
    # A failed measurement is not repeated immediately.
    assert usages == [{}]


def test_faults_are_read_after_each_change(tmp_path):
    """A change resets the counters."""
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
    file.mkdir()
    with pytest.raises(PlatformError, match="the file of the faults cannot be read"):
        _ = injector.faults


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{", '{"no": 1}', '{"delay": "long"}', '{"delay": null}', '{"delay": -1}'),
        *('{"delay": NaN}', '{"broken": Infinity}', '{"log_rate": "fast"}', '{"flap": "often"}'),
    ],
)
def test_wrong_faults_are_refused(text):
    """The error lists the allowed names."""
    with pytest.raises(PlatformError, match=r"invalid faults: .*; allowed are delay, "):
        Faults.from_json(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *[({name: 0}, f"{name} must be a number above 0; not 0") for name in ABOVE_ZERO],
        *[({name: -1.5}, f"{name} must be a number above 0; not -1.5") for name in ABOVE_ZERO],
        *[({name: math.nan}, f"{name} must be a number above 0; not nan") for name in ABOVE_ZERO],
        *[({name: math.inf}, f"{name} must be a number above 0; not inf") for name in ABOVE_ZERO],
        *[({name: -1}, f"{name} must be a number, 0 or more; not -1") for name in ZERO_OR_MORE],
        *[({name: math.nan}, f"{name} must be a number, 0 or more; ") for name in ZERO_OR_MORE],
        ({"cores": "4"}, "cores must be a number above 0; not '4'"),
        ({"grace": None}, "grace must be a number, 0 or more; not None"),
        ({"profile": "v9"}, "profile must be v1 or v0; not 'v9'"),
        ({"runtime": "vm"}, "runtime must be process or container; not 'vm'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    """The error names the option and its allowed values."""
    with pytest.raises(PlatformError, match=message):
        Options(**options)


@pytest.mark.parametrize("read", [lambda log: b"".join(_logs._read_blocks(log)), _routes._log_end])
def test_a_log_may_be_removed_while_it_is_read(tmp_path, monkeypatch, read):
    """The session may be deleted at any time."""
    log = tmp_path / "log"
    log.write_text("text\n")
    opened = Path.open

    def open_and_remove(path, *arguments):
        file = opened(path, *arguments)
        path.unlink()
        return file

    monkeypatch.setattr(Path, "open", open_and_remove)
    assert read(log) in (b"text\n", ("text\n", 0))


@pytest.mark.parametrize(
    ("cores", "text"),
    [(0.0, "0.000"), (1.25, "1.250"), (2.147483647, "2.147"), (2.147483648, "2147483648n")],
)
def test_many_cores_in_use_are_the_text_of_kubernetes(cores, text):
    """The server cannot convert a number of billionths that is larger than an `int` of Java."""
    assert _v1.cores_in_use(cores) == text


def test_a_job_has_only_letters_that_kubernetes_allows():
    """The name of the user may have others."""
    platform = SimpleNamespace(user="Jane.Doe_2")
    session = SimpleNamespace(id="h2u5kd7n", appid="", kind="headless", name="a")
    assert Platform.job_name(platform, session) == "skaha-headless-jane-doe-2-h2u5kd7n"
    session.appid, session.name = "k4b", "t" * 60
    assert Platform.job_name(platform, session) == f"h2u5kd7n-k4b-jane-doe-2-{'t' * 33}"
