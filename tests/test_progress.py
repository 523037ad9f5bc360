"""Calls with many items tell how many are done: from the caller's thread, and never of less."""

import contextvars
import inspect
import threading

import hypothesis.strategies as st
import pytest
from faults.conftest import QUICK
from faults.faulty import FaultyPlatform
from hypothesis import HealthCheck, given, settings
from scripted import Answer, json_answer
from staged import IMAGE, Stage, listing

from skaha import errors

IDS = ["a1", "b2", "c3"]
# Each call with many items, here with three of them.
CALLS = {
    "create_many": lambda session, _, told: session.create_many(
        [{"name": f"fit-{number}", "image": IMAGE} for number in (1, 2, 3)], progress=told
    ),
    "create": lambda session, _, told: session.create("fit", IMAGE, replicas=3, progress=told),
    "destroy": lambda session, _, told: session.destroy(IDS, progress=told),
    "destroy_with": lambda session, _, told: session.destroy_with("name-", progress=told),
    "destroy_all": lambda session, _, told: session.destroy_all(progress=told),
    "logs": lambda session, _, told: session.logs(IDS, progress=told),
    "save_logs": lambda session, folder, told: session.save_logs(IDS, folder, progress=told),
    "info": lambda session, _, told: session.info(IDS, progress=told),
    "events": lambda session, _, told: session.events(IDS, progress=told),
    "parsed_events": lambda session, _, told: session.parsed_events(IDS, progress=told),
    "renew": lambda session, _, told: session.renew(IDS, progress=told),
    "connect": lambda session, _, told: session.connect(IDS, browser=False, progress=told),
}
MARK = contextvars.ContextVar("mark", default="another context")


def counted(total):
    return [(done, total) for done in range(total + 1)]


@pytest.mark.parametrize("call", CALLS)
def test_each_item_is_told_of_as_it_is_done(variant, scripted, scripted_session, tmp_path, call):
    scripted.answer = stage = Stage(listing(dict.fromkeys(IDS, "Completed")))
    stage.records = {key: [json_answer({"id": key, "status": "Completed"})] for key in ("a1", "c3")}
    stage.logs = {key: [b"a line\n"] for key in ("a1", "c3")}
    stage.events = dict.fromkeys(IDS, Answer(200, "<none>\n"))
    # One of them is not there, or is refused: it is done, too.
    for method, key in (("GET", "b2"), ("POST", "b2"), ("DELETE", "b2"), ("POST", "fit-2")):
        stage.overrides[f"{method} {key}"] = Answer(404, "not there")
    told, threads = [], set()

    def progress(done, total):
        told.append((done, total))
        threads.add(threading.current_thread())

    returned = variant.run(CALLS[call](scripted_session, tmp_path, progress))
    assert told == counted(3)
    assert threads == {threading.current_thread()}
    assert len(returned.failures) == (3 if call == "connect" else 1)


def test_every_call_with_many_items_tells(variant):
    """So that none is forgotten here, or there."""
    telling = {
        name
        for name, method in inspect.getmembers(variant.Session, inspect.isfunction)
        if not name.startswith("_") and "progress" in inspect.signature(method).parameters
    }
    # These two tell of statuses.
    assert telling == {*CALLS, "relaunch"} | {"wait", "run"}


def test_a_run_tells_as_its_wait_does(variant, session):
    told = []
    variant.run(
        session.run("told", IMAGE, cmd="true", replicas=2, timeout=20, progress=told.append)
    )
    assert set(told[-1].values()) == {"Completed"}
    assert len(told[-1]) == 2


def test_only_what_is_missing_is_counted_when_it_is_launched_again(
    variant, scripted, scripted_session
):
    scripted.answer = stage = Stage([])
    stage.overrides = {f"POST fit-{n}": Answer(400, "quota exceeded") for n in (2, 4)}
    launched = variant.run(scripted_session.create("fit", IMAGE, replicas=5))
    stage.overrides.clear()
    told = []
    variant.run(scripted_session.relaunch(launched, progress=lambda *now: told.append(now)))
    assert told == counted(2)


def test_nobody_is_told_of_nothing(variant, scripted, scripted_session):
    scripted.answer = Stage([])
    assert variant.run(scripted_session.info([], progress=None)) == []
    assert variant.run(scripted_session.destroy([], progress=pytest.fail)) == {}
    assert variant.run(scripted_session.destroy_all(progress=pytest.fail)) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(1, 30),
    width=st.integers(1, 40),
    missing=st.sets(st.integers(0, 29)),
)
def test_all_are_told_of_however_many_and_however_wide(variant, scripted, count, width, missing):
    ids = [f"a{number}" for number in range(count)]
    scripted.answer = stage = Stage(listing(dict.fromkeys(ids, "Running")))
    stage.overrides = {f"GET a{number}": Answer(404, "not there") for number in missing}
    session = variant.open(server=scripted.url, token="t", retry=False, concurrency=width)
    told, marks = [], set()

    def progress(*now):
        told.append(now)
        marks.add(MARK.get())

    async def listen():
        MARK.set("the caller's context")
        await session.info(ids, progress=progress)

    if variant.name == "sync":
        MARK.set("the caller's context")
        session.info(ids, progress=progress)
    else:
        variant.run(listen())
    assert told == counted(count)
    assert marks == {"the caller's context"}


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), replicas=st.integers(1, 12))
def test_a_launch_on_a_bad_network_counts_no_replica_twice(variant, seed, replicas):
    """An uncertain replica does not count as done, even if it is sent again."""
    told = []
    with FaultyPlatform(seed, 0.4) as platform:
        session = variant.open(server=platform.url, token="t", retry=QUICK, timeout=0.3)
        variant.run(
            session.create("run", IMAGE, replicas=replicas, progress=lambda *now: told.append(now))
        )
    done = [now for now, _ in told]
    assert (done[0], done[-1]) == (0, replicas)
    assert done == sorted(set(done))
    assert {total for _, total in told} == {replicas}


def test_a_launch_in_waves_is_counted_as_a_whole(variant, scripted, scripted_session):
    stage = Stage([])

    def answer(request):
        launched = [f"id-of-{form['name'][0]}" for form in stage.forms]
        stage.listings = [listing(dict.fromkeys(launched, "Completed"))]
        return stage(request)

    scripted.answer = answer
    told = []
    variant.run(
        scripted_session.create(
            "fit", IMAGE, replicas=5, at_most=2, progress=lambda *now: told.append(now)
        )
    )
    assert told == counted(5)
    assert len(stage.listing_times) == 3


class Fed:
    """Answers launches and deletions, as many as were let through."""

    def __init__(self, stage, free):
        self._stage = stage
        self._free = threading.Semaphore(free)

    def __call__(self, request):
        if request.method != "GET":
            self._free.acquire()
        return self._stage(request)

    def release(self):
        self._free.release(100)


@pytest.mark.parametrize("call", ["create", "destroy"])
def test_what_progress_raises_ends_the_call_and_loses_nothing(variant, scripted, call):
    stage = Stage([])
    scripted.answer = fed = Fed(stage, free=3)
    session = variant.open(server=scripted.url, token="t", retry=False, concurrency=2)
    told = []

    def progress(done, _):
        told.append(done)
        if done == 2:
            raise ZeroDivisionError

    ids = [f"a{number}" for number in range(9)]
    calls = {
        "create": lambda: session.create("fit", IMAGE, replicas=9, progress=progress),
        "destroy": lambda: session.destroy(ids, progress=progress),
    }
    with pytest.raises(ZeroDivisionError) as caught:
        variant.run(calls[call]())
    fed.release()
    # Two were told of, and of a third the answer may have come meanwhile.
    assert 2 <= len(caught.value.partial) <= 3
    assert told[:3] == [0, 1, 2]
    assert max(told) <= 3
    # Whatever comes later is not heard any more, and the next call works.
    assert variant.run(session.info("c3")).failures.keys() == {"c3"}
    assert max(told) <= 3


def test_what_stops_a_wait_has_what_was_known(variant, scripted, scripted_session):
    scripted.answer = Stage(listing({"a1": "Running", "b2": "Completed"}))

    def progress(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        variant.run(scripted_session.wait(["a1", "b2"], progress=progress))
    assert caught.value.partial == {"a1": "Running", "b2": "Completed"}


def test_what_is_no_function_is_refused_before_anything_is_sent(
    variant, scripted, scripted_session
):
    with pytest.raises(errors.InvalidInputError, match="progress"):
        variant.run(scripted_session.destroy(IDS, progress=7))
    assert scripted.received == []
