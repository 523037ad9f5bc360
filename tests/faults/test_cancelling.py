"""Ctrl-C and cancellation end a call immediately; the exception has the results so far."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import faulty as f
from faults.conftest import IMAGE, QUICK
from faults.faulty import FaultyPlatform
from scripted import Received, Response, ScriptedServer
from staged import Stage, record

import skaha
from skaha import Retry

# Seconds. Stopping takes much less, and the time-outs that would end a call are much longer.
SOON = 20
STALLS = [f.STALL_EXECUTED, f.STALL_NOT_EXECUTED, f.STALL_MIDWAY]
ALL_RUNS: dict[str, Any] = {"prefix": "run-", "status": None, "dry_run": True}
SETTINGS: dict[str, Any] = {"token": "a-token", "timeout": 60, "concurrency": 4, "retry": QUICK}


def names(first: int, last: int) -> list[str]:
    return [f"run-{number}" for number in range(first, last + 1)]


def stall_from(platform: FaultyPlatform, first: int, last: int, fault: f.Fault) -> None:
    for name in names(first, last):
        platform.always(f"POST {name}", fault)


def wait_for_requests(platform: FaultyPlatform, key: str, count: int) -> None:
    """Wait until the platform has read this number of requests whose key starts with `key`."""
    platform.wait_for(lambda: len(platform.requests(key)) == count)


@contextlib.contextmanager
def ends_soon_without_threads() -> Iterator[None]:
    """Check that the block ends soon and leaves no thread."""
    before = set(threading.enumerate())
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SOON
    end = time.monotonic() + 1
    while threads := {
        thread for thread in set(threading.enumerate()) - before if thread.name != "faulty"
    }:
        assert time.monotonic() < end, threads
        time.sleep(0.01)


def interrupt(
    platform: FaultyPlatform, method: str, count: int, action: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the program, and interrupt it after this number of requests with this method."""
    script = Path(__file__).with_name("interrupted.py")
    action = action or {"POST": "create", "GET": "info", "DELETE": "destroy"}[method]
    command = [sys.executable, str(script), platform.url, action]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        try:
            wait_for_requests(platform, method, count)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            out, err = process.communicate(timeout=60)
            assert time.monotonic() - start < SOON
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def is_executed(fault: f.Fault) -> bool:
    return fault.execution is f.Execution.NOW


@pytest.mark.parametrize("fault", STALLS, ids=str)
@pytest.mark.parametrize("action", ["create", "async create"], ids=["sync", "async"])
def test_ctrl_c_during_a_launch(faulty: FaultyPlatform, fault: f.Fault, action: str) -> None:
    """The program looks for the launches in flight, and ends soon with a correct result."""
    stall_from(faulty, 9, 40, fault)
    finished = interrupt(faulty, "POST", 12, action)
    result = json.loads(finished.stdout)
    assert result["threads"] == ["MainThread"]
    on_server = faulty.ids_by_name()
    known, uncertain = (names(1, 12), []) if is_executed(fault) else (names(1, 8), names(9, 12))
    assert result["launched"] == {name: on_server[name][0] for name in known}
    assert sorted(result["failed"]) == sorted(uncertain)
    assert set(on_server) == set(known)
    assert len(faulty.requests("POST")) == 12
    # One line names the uncertain replicas.
    lines = finished.stderr.splitlines()
    assert len(lines) == bool(uncertain)
    assert all(name in line for line in lines for name in uncertain)


def test_a_second_ctrl_c_ends_the_look_up(faulty: FaultyPlatform) -> None:
    stall_from(faulty, 9, 40, f.STALL_NOT_EXECUTED)
    faulty.always("GET session", f.STALL_EXECUTED)
    script = Path(__file__).with_name("interrupted.py")
    command = [sys.executable, str(script), faulty.url, "create patiently"]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        wait_for_requests(faulty, "POST", 12)
        process.send_signal(signal.SIGINT)
        wait_for_requests(faulty, "GET session", 1)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, _ = process.communicate(timeout=60)
        assert time.monotonic() - start < SOON
    result = json.loads(out)
    assert sorted(result["launched"]) == sorted(names(1, 8))
    assert sorted(result["failed"]) == sorted(names(9, 12))


@pytest.mark.parametrize("action", ["create", "async create"], ids=["sync", "async"])
def test_ctrl_c_during_a_launch_if_the_look_up_is_refused(
    faulty: FaultyPlatform, action: str
) -> None:
    stall_from(faulty, 9, 40, f.STALL_NOT_EXECUTED)
    faulty.always("GET session", f.refusal(401))
    result = json.loads(interrupt(faulty, "POST", 12, action).stdout)
    assert sorted(result["launched"]) == sorted(names(1, 8))
    assert sorted(result["failed"]) == sorted(names(9, 12))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("fault", [f.STALL_EXECUTED, f.refusal(503, 60)], ids=str)
def test_ctrl_c_during_a_request_or_a_pause(
    faulty: FaultyPlatform, method: str, fault: f.Fault
) -> None:
    ids = sorted(faulty.add(f"run-{number}") for number in range(20))
    for session_id in ids[6:]:
        faulty.always(f"{method} {session_id}", fault)
    count = 10 + (method == "GET")
    finished = interrupt(faulty, method, count)
    assert finished.stderr == ""
    result = json.loads(finished.stdout)
    assert result["threads"] == ["MainThread"]
    assert list(result["partial"]) == ids[:6]
    assert len(faulty.requests(method)) == count


@pytest.fixture
def interrupt_main_thread() -> Iterator[Any]:
    """Return a function that interrupts the main thread as Ctrl-C does, even if it is ignored."""
    previous_handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main == threading.get_ident()
    yield lambda: signal.pthread_kill(main, signal.SIGINT)
    signal.signal(signal.SIGINT, previous_handler)


def test_ctrl_c_at_any_request(interrupt_main_thread: Any) -> None:
    """The partial result is correct, and the client can be used afterwards."""
    for moment in range(1, 16):
        with FaultyPlatform() as platform:

            def on_request(
                _: f.Received, platform: FaultyPlatform = platform, moment: int = moment
            ) -> None:
                if len(platform.received) == moment:
                    interrupt_main_thread()

            platform.on_request = on_request
            with skaha.Session(server=platform.url, **SETTINGS) as session:
                with ends_soon_without_threads(), pytest.raises(KeyboardInterrupt) as caught:
                    launch_and_wait(session)
                check_partial(platform, getattr(caught.value, "partial", None))
                for ids in lists_until_complete(platform):
                    ids |= {record["id"] for record in session.destroy_with(**ALL_RUNS)}


def launch_and_wait(session: skaha.Session) -> None:
    session.create("run", IMAGE, replicas=40)
    # Python may handle the interrupt only after the last response.
    time.sleep(SOON)


def lists_until_complete(platform: FaultyPlatform) -> Iterator[set[str]]:
    """Yield a set of ids, to which the caller adds, until it contains all sessions.

    Some launches may still be on their way to the platform.
    """
    end = time.monotonic() + SOON
    ids: set[str] = set()
    yield ids
    while ids != set(platform.sessions):
        assert time.monotonic() < end
        yield ids


def check_partial(platform: FaultyPlatform, partial: Any) -> None:
    """Check that the sessions in the result exist, and that not too many others exist."""
    launched = {} if partial is None else partial.names
    on_server = platform.ids_by_name()
    assert launched.items() <= {name: ids[0] for name, ids in on_server.items()}.items()
    assert all(len(ids) == 1 for ids in on_server.values())
    assert len(on_server) - len(launched) <= SETTINGS["concurrency"]


def test_cancellation_at_any_request() -> None:
    async def cancel_at(moment: int, platform: FaultyPlatform) -> None:
        loop = asyncio.get_running_loop()
        async with skaha.AsyncSession(server=platform.url, **SETTINGS) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=40))

            def on_request(_: f.Received) -> None:
                if len(platform.received) == moment:
                    loop.call_soon_threadsafe(call.cancel)

            platform.on_request = on_request
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert asyncio.all_tasks() == {asyncio.current_task()}
            check_partial(platform, getattr(caught.value, "partial", None))
            for ids in lists_until_complete(platform):
                ids |= {record["id"] for record in await session.destroy_with(**ALL_RUNS)}

    for moment in range(1, 40, 3):
        with FaultyPlatform() as platform, ends_soon_without_threads():
            asyncio.run(cancel_at(moment, platform))


# The request at which a call is interrupted, the call, and its partial result.
LATE_INTERRUPTS: dict[str, tuple[str, Any, Any]] = {
    "the deletion after a run": (
        "DELETE",
        lambda session: session.run("say", IMAGE, replicas=3),
        {f"say-{number}": f"I am {number}\n" for number in range(1, 4)},
    ),
    "the list after deletions": (
        "GET session",
        lambda session: session.destroy(["a1", "a2", "a3"], verify=True),
        {"a1": True, "a2": True, "a3": True},
    ),
    "a look-up after deletions": (
        "GET a3",
        lambda session: session.destroy(["a1", "a2", "a3"], verify=True),
        {"a1": True, "a2": True, "a3": True},
    ),
}


@pytest.mark.parametrize("name", LATE_INTERRUPTS)
def test_ctrl_c_in_the_last_step_of_a_call_keeps_its_result(
    variant: Any,
    scripted: ScriptedServer,
    scripted_session: Any,
    interrupt_main_thread: Any,
    name: str,
) -> None:
    moment, call, expected = LATE_INTERRUPTS[name]
    ids = [f"id-of-say-{number}" for number in range(1, 4)]
    records = [record(session_id, "Completed") for session_id in ids]
    logs = {session_id: [f"I am {session_id[-1]}\n".encode()] for session_id in ids}
    stage = Stage(records if "run" in name else [], logs=logs)
    interrupted, stopped = threading.Lock(), threading.Event()

    def respond(request: Received) -> Response | None:
        if f"{request.method} {request.path.rpartition('/')[2]}".startswith(moment):
            # Several requests may come at once. A second interrupt would end the test run.
            if interrupted.acquire(blocking=False):
                interrupt_main_thread()
            stopped.wait(SOON)
        return stage(request)

    scripted.respond = respond
    with pytest.raises(KeyboardInterrupt) as caught:
        variant.run(call(scripted_session))
    stopped.set()
    stop = caught.value if variant.name == "sync" else caught.value.__context__
    assert getattr(stop, "partial", None) == expected


def test_a_second_cancellation_ends_the_look_up(faulty: FaultyPlatform) -> None:
    stall_from(faulty, 9, 40, f.STALL_NOT_EXECUTED)
    faulty.always("GET session", f.STALL_EXECUTED)
    settings = SETTINGS | {"retry": Retry(stop_look_up=60)}

    async def cancel_twice() -> None:
        async with skaha.AsyncSession(server=faulty.url, **settings) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=40))
            await asyncio.to_thread(wait_for_requests, faulty, "POST", 12)
            call.cancel()
            await asyncio.to_thread(wait_for_requests, faulty, "GET session", 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert sorted(caught.value.partial.names) == sorted(names(1, 8))
            assert sorted(caught.value.partial.uncertain) == sorted(names(9, 12))

    with ends_soon_without_threads():
        asyncio.run(cancel_twice())


@pytest.mark.parametrize("fault", STALLS, ids=str)
def test_a_stalled_launch_can_be_cancelled(faulty: FaultyPlatform, fault: f.Fault) -> None:
    """The task ends immediately, and its exception has the launched sessions."""
    stall_from(faulty, 9, 40, fault)

    async def cancel() -> Any:
        async with skaha.AsyncSession(server=faulty.url, **SETTINGS) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=40))
            await asyncio.to_thread(wait_for_requests, faulty, "POST", 12)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return caught.value.partial

    before = time.monotonic()
    partial = asyncio.run(cancel())
    assert time.monotonic() - before < SOON
    on_server = faulty.ids_by_name()
    known = names(1, 12) if is_executed(fault) else names(1, 8)
    assert partial.names == {name: on_server[name][0] for name in known}
    assert set(on_server) == set(known)


@pytest.mark.parametrize("fault", STALLS, ids=str)
def test_a_cancelled_launch_can_be_completed_without_surplus_sessions(
    faulty: FaultyPlatform, fault: f.Fault
) -> None:
    stall_from(faulty, 9, 12, fault)

    async def cancel_and_relaunch() -> None:
        async with skaha.AsyncSession(server=faulty.url, **SETTINGS) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=20))
            await asyncio.to_thread(wait_for_requests, faulty, "POST", 12)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            partial = caught.value.partial
            failed = [] if is_executed(fault) else names(9, 12)
            assert sorted(partial.failures) == sorted(failed)
            stall_from(faulty, 9, 12, f.NONE)
            relaunched = await session.relaunch(partial)
        on_server = faulty.ids_by_name()
        launched = partial.names | relaunched.names
        assert {name: [session_id] for name, session_id in launched.items()} == on_server
        assert sorted(on_server) == sorted(names(1, 20))

    asyncio.run(cancel_and_relaunch())


def test_the_ids_are_checked_after_a_cancellation(faulty: FaultyPlatform) -> None:
    """The platform answers with the id of an earlier launch."""

    async def cancel() -> None:
        settings = SETTINGS | {"concurrency": 1, "retry": Retry(stop_look_up=0)}
        async with skaha.AsyncSession(server=faulty.url, **settings) as session:
            (earlier_id,) = await session.create("run", IMAGE)
            faulty.script("POST fit-1", f.Fault("wrong id", body=f"{earlier_id}\n".encode()))
            faulty.always("POST fit-2", f.STALL_EXECUTED)
            call = asyncio.ensure_future(session.create("fit", IMAGE, replicas=2))
            await asyncio.to_thread(wait_for_requests, faulty, "POST fit", 2)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
        assert caught.value.partial.names == {}
        assert caught.value.partial.uncertain == ["fit-1", "fit-2"]

    asyncio.run(cancel())


@pytest.mark.parametrize("limit", [asyncio.wait_for, asyncio.timeout], ids=["wait_for", "timeout"])
def test_a_time_out_around_a_launch(faulty: FaultyPlatform, limit: Any) -> None:
    """The partial result is on the cancellation, which is the cause of the time-out error."""
    stall_from(faulty, 9, 40, f.STALL_EXECUTED)

    async def launch_in_time() -> None:
        async with skaha.AsyncSession(server=faulty.url, **SETTINGS) as session:
            launch = session.create("run", IMAGE, replicas=40)
            try:
                if limit is asyncio.wait_for:
                    await asyncio.wait_for(launch, 0.7)
                else:
                    async with asyncio.timeout(0.7):
                        await launch
            finally:
                assert asyncio.all_tasks() == {asyncio.current_task()}

    with ends_soon_without_threads(), pytest.raises(TimeoutError) as caught:
        asyncio.run(launch_in_time())
    on_server = faulty.ids_by_name()
    cause = caught.value.__cause__
    assert cause.partial.names == {name: on_server[name][0] for name in names(1, 12)}


def test_a_pause_between_attempts_can_be_cancelled(faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(8)]
    for session_id in ids:
        faulty.always(f"GET {session_id}", f.refusal(503, 60))

    async def cancel() -> None:
        settings = SETTINGS | {"retry": Retry(longest_pause=60)}
        async with skaha.AsyncSession(server=faulty.url, **settings) as session:
            call = asyncio.ensure_future(session.info(ids))
            await asyncio.to_thread(faulty.wait_for, lambda: len(faulty.received) >= 4)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert asyncio.all_tasks() == {asyncio.current_task()}

    with ends_soon_without_threads():
        asyncio.run(cancel())


def test_a_call_that_was_not_stopped_leaves_no_thread(variant: Any, faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(12)]
    for session_id in ids[::2]:
        faulty.script(f"GET {session_id}", f.RESET_NOT_EXECUTED, f.refusal(429))
    session = variant.open(server=faulty.url, **SETTINGS)
    with ends_soon_without_threads():
        assert len(variant.run(session.info(ids))) == 12
