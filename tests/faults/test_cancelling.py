"""Whoever stops a call gets control back at once, an account of what was done, and nothing else."""

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

import skaha
from skaha import Retry

# Far beyond what stopping takes, far below the time-outs that would end it by themselves.
SOON = 5
WAITING = [f.STALL_DONE, f.STALL_UNDONE, f.STALL_MIDWAY]
ALL_RUNS: dict[str, Any] = {"prefix": "run-", "status": None, "dry_run": True}
SETTINGS: dict[str, Any] = {"token": "a-token", "timeout": 60, "concurrency": 4, "retry": QUICK}


def names(first: int, last: int) -> list[str]:
    return [f"run-{number}" for number in range(first, last + 1)]


def stall_from(platform: FaultyPlatform, first: int, last: int, fault: f.Fault) -> None:
    for name in names(first, last):
        platform.always(f"POST {name}", fault)


def wait_until_stuck(platform: FaultyPlatform, word: str, count: int) -> None:
    """Wait until so many requests were read, of which the last ones get no answer."""
    platform.wait_for(lambda: len(platform.seen(word)) == count)


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SOON
    end = time.monotonic() + 1
    while left := {one for one in set(threading.enumerate()) - before if one.name != "faulty"}:
        assert time.monotonic() < end, left
        time.sleep(0.01)


def interrupt(platform: FaultyPlatform, word: str, count: int) -> subprocess.CompletedProcess[str]:
    """Run the program, and interrupt it when so many requests were read."""
    script = Path(__file__).with_name("interrupted.py")
    action = {"POST": "create", "GET": "info", "DELETE": "destroy"}.get(word, word)
    command = [sys.executable, str(script), platform.url, action]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        try:
            wait_until_stuck(platform, word.rpartition(" ")[2].replace("create", "POST"), count)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            out, err = process.communicate(timeout=20)
            assert time.monotonic() - start < SOON
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def is_executed(fault: f.Fault) -> bool:
    return fault.doing is f.Doing.NOW


@pytest.mark.parametrize("fault", WAITING, ids=str)
@pytest.mark.parametrize("action", ["POST", "async create"], ids=["sync", "async"])
def test_ctrl_c_in_a_launch(faulty: FaultyPlatform, fault: f.Fault, action: str) -> None:
    """The program looks for the launches in flight, and ends soon with a true account."""
    stall_from(faulty, 9, 40, fault)
    done = interrupt(faulty, action, 12)
    result = json.loads(done.stdout)
    assert result["left"] == ["MainThread"]
    on_server = faulty.named()
    known, uncertain = (names(1, 12), []) if is_executed(fault) else (names(1, 8), names(9, 12))
    assert result["launched"] == {name: on_server[name][0] for name in known}
    assert sorted(result["failed"]) == sorted(uncertain)
    assert set(on_server) == set(known)
    assert len(faulty.seen("POST")) == 12
    # One line names the uncertain replicas.
    lines = done.stderr.splitlines()
    assert len(lines) == bool(uncertain)
    assert all(name in line for line in lines for name in uncertain)


def test_a_second_ctrl_c_ends_the_look_up(faulty: FaultyPlatform) -> None:
    stall_from(faulty, 9, 40, f.STALL_UNDONE)
    faulty.always("GET session", f.STALL_DONE)
    script = Path(__file__).with_name("interrupted.py")
    command = [sys.executable, str(script), faulty.url, "create patiently"]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        wait_until_stuck(faulty, "POST", 12)
        process.send_signal(signal.SIGINT)
        wait_until_stuck(faulty, "GET session", 1)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, _ = process.communicate(timeout=20)
        assert time.monotonic() - start < SOON
    result = json.loads(out)
    assert sorted(result["launched"]) == sorted(names(1, 8))
    assert sorted(result["failed"]) == sorted(names(9, 12))


@pytest.mark.parametrize("word", ["GET", "DELETE"])
@pytest.mark.parametrize("fault", [f.STALL_DONE, f.refused(503, 60)], ids=str)
def test_ctrl_c_while_reading_or_ending(faulty: FaultyPlatform, word: str, fault: f.Fault) -> None:
    """It ends at once, be it in the middle of a request or of the pause after it."""
    ids = sorted(faulty.add(f"run-{number}") for number in range(20))
    for one in ids[6:]:
        faulty.always(f"{word} {one}", fault)
    count = 10 + (word == "GET")
    done = interrupt(faulty, word, count)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["left"] == ["MainThread"]
    assert list(told["partial"]) == ids[:6]
    assert len(faulty.seen(word)) == count


@pytest.fixture
def main_thread() -> Iterator[Any]:
    """Interrupts the main thread as Ctrl-C does, also where Ctrl-C is ignored."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main == threading.get_ident()
    yield lambda: signal.pthread_kill(main, signal.SIGINT)
    signal.signal(signal.SIGINT, old)


def test_ctrl_c_at_any_request(main_thread: Any) -> None:
    """Whenever it comes, what is known to be launched is there, and the session is of use."""
    for moment in range(1, 16):
        with FaultyPlatform() as platform:

            def on_request(
                _: f.Received, platform: FaultyPlatform = platform, moment: int = moment
            ) -> None:
                if len(platform.received) == moment:
                    main_thread()

            platform.on_request = on_request
            with skaha.Session(server=platform.url, **SETTINGS) as session:
                with nothing_left_behind(), pytest.raises(KeyboardInterrupt) as caught:
                    launch_and_linger(session)
                check_account(platform, getattr(caught.value, "partial", None))
                for found in looks(platform):
                    found |= {one["id"] for one in session.destroy_with(**ALL_RUNS)}


def launch_and_linger(session: skaha.Session) -> None:
    session.create("run", IMAGE, replicas=40)
    # It may take until after the last answer to be noticed.
    time.sleep(SOON)


def looks(platform: FaultyPlatform) -> Iterator[set[str]]:
    """Yield sets to fill with what is found, until it is all there is: some may be on its way."""
    end = time.monotonic() + SOON
    found: set[str] = set()
    yield found
    while found != set(platform.sessions):
        assert time.monotonic() < end
        yield found


def check_account(platform: FaultyPlatform, partial: Any) -> None:
    """Sessions in the result exist; of the others, at most those in flight exist."""
    launched = {} if partial is None else partial.names
    on_server = platform.named()
    assert launched.items() <= {name: ids[0] for name, ids in on_server.items()}.items()
    assert all(len(ids) == 1 for ids in on_server.values())
    assert len(on_server) - len(launched) <= SETTINGS["concurrency"]


def test_cancelled_at_any_request() -> None:
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
            check_account(platform, getattr(caught.value, "partial", None))
            for found in looks(platform):
                found |= {one["id"] for one in await session.destroy_with(**ALL_RUNS)}

    for moment in range(1, 40, 3):
        with FaultyPlatform() as platform, nothing_left_behind():
            asyncio.run(cancel_at(moment, platform))


def test_a_second_cancellation_ends_the_look_up(faulty: FaultyPlatform) -> None:
    stall_from(faulty, 9, 40, f.STALL_UNDONE)
    faulty.always("GET session", f.STALL_DONE)
    settings = SETTINGS | {"retry": Retry(stop_look_up=60)}

    async def cancel_twice() -> None:
        async with skaha.AsyncSession(server=faulty.url, **settings) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=40))
            await asyncio.to_thread(wait_until_stuck, faulty, "POST", 12)
            call.cancel()
            await asyncio.to_thread(wait_until_stuck, faulty, "GET session", 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert sorted(caught.value.partial.names) == sorted(names(1, 8))
            assert sorted(caught.value.partial.uncertain) == sorted(names(9, 12))

    with nothing_left_behind():
        asyncio.run(cancel_twice())


@pytest.mark.parametrize("fault", WAITING, ids=str)
def test_a_cancelled_launch(faulty: FaultyPlatform, fault: f.Fault) -> None:
    """A task that is stuck ends at once, and its exception has what was launched."""
    stall_from(faulty, 9, 40, fault)

    async def cancel() -> Any:
        async with skaha.AsyncSession(server=faulty.url, **SETTINGS) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=40))
            await asyncio.to_thread(wait_until_stuck, faulty, "POST", 12)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return caught.value.partial

    before = time.monotonic()
    partial = asyncio.run(cancel())
    assert time.monotonic() - before < SOON
    on_server = faulty.named()
    known = names(1, 12) if is_executed(fault) else names(1, 8)
    assert partial.names == {name: on_server[name][0] for name in known}
    assert set(on_server) == set(known)


@pytest.mark.parametrize("fault", WAITING, ids=str)
def test_a_cancelled_launch_is_completed_without_a_session_twice(
    faulty: FaultyPlatform, fault: f.Fault
) -> None:
    stall_from(faulty, 9, 12, fault)

    async def cancel_and_relaunch() -> None:
        async with skaha.AsyncSession(server=faulty.url, **SETTINGS) as session:
            call = asyncio.ensure_future(session.create("run", IMAGE, replicas=20))
            await asyncio.to_thread(wait_until_stuck, faulty, "POST", 12)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            partial = caught.value.partial
            failed = [] if is_executed(fault) else names(9, 12)
            assert sorted(partial.failures) == sorted(failed)
            stall_from(faulty, 9, 12, f.NONE)
            again = await session.relaunch(partial)
        on_server = faulty.named()
        assert {name: [one] for name, one in (partial.names | again.names).items()} == on_server
        assert sorted(on_server) == sorted(names(1, 20))

    asyncio.run(cancel_and_relaunch())


@pytest.mark.parametrize("how", [asyncio.wait_for, asyncio.timeout], ids=["wait_for", "timeout"])
def test_a_time_out_around_a_launch(faulty: FaultyPlatform, how: Any) -> None:
    """The account is on the cancellation that the time-out was made of."""
    stall_from(faulty, 9, 40, f.STALL_DONE)

    async def launch_in_time() -> None:
        async with skaha.AsyncSession(server=faulty.url, **SETTINGS) as session:
            launch = session.create("run", IMAGE, replicas=40)
            try:
                if how is asyncio.wait_for:
                    await asyncio.wait_for(launch, 0.7)
                else:
                    async with asyncio.timeout(0.7):
                        await launch
            finally:
                assert asyncio.all_tasks() == {asyncio.current_task()}

    with nothing_left_behind(), pytest.raises(TimeoutError) as caught:
        asyncio.run(launch_in_time())
    on_server = faulty.named()
    cause = caught.value.__cause__
    assert cause.partial.names == {name: on_server[name][0] for name in names(1, 12)}


def test_a_cancelled_pause(faulty: FaultyPlatform) -> None:
    """Nobody waits for the end of a pause between two attempts."""
    ids = [faulty.add(f"run-{number}") for number in range(8)]
    for one in ids:
        faulty.always(f"GET {one}", f.refused(503, 60))

    async def cancel() -> None:
        settings = SETTINGS | {"retry": Retry(longest_pause=60)}
        async with skaha.AsyncSession(server=faulty.url, **settings) as session:
            call = asyncio.ensure_future(session.info(ids))
            await asyncio.to_thread(faulty.wait_for, lambda: len(faulty.received) >= 4)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert asyncio.all_tasks() == {asyncio.current_task()}

    with nothing_left_behind():
        asyncio.run(cancel())


def test_a_failure_of_ours_stops_the_fan_out(variant: Any, faulty: FaultyPlatform) -> None:
    """No thread stays behind after a call that ended by itself, either."""
    ids = [faulty.add(f"run-{number}") for number in range(12)]
    for one in ids[::2]:
        faulty.script(f"GET {one}", f.RESET_UNDONE, f.refused(429))
    session = variant.open(server=faulty.url, **SETTINGS)
    with nothing_left_behind():
        assert len(variant.run(session.info(ids))) == 12
