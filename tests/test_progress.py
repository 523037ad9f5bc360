"""Progress of calls with many items: the number of finished items, in the caller's thread."""

import contextvars
import inspect
import threading

import hypothesis.strategies as st
import pytest
from faults.conftest import QUICK
from faults.faulty import FaultyPlatform
from hypothesis import HealthCheck, given, settings
from scripted import Response, json_response
from staged import IMAGE, Stage, listing

from skaha import errors

IDS = ["a1", "b2", "c3"]
# Each call with many items, here with three items.
CALLS = {
    "create_many": lambda session, _, progress: session.create_many(
        [{"name": f"fit-{number}", "image": IMAGE} for number in (1, 2, 3)], progress=progress
    ),
    "create": lambda session, _, progress: session.create(
        "fit", IMAGE, replicas=3, progress=progress
    ),
    "destroy": lambda session, _, progress: session.destroy(IDS, progress=progress),
    "destroy_with": lambda session, _, progress: session.destroy_with("name-", progress=progress),
    "destroy_all": lambda session, _, progress: session.destroy_all(progress=progress),
    "logs": lambda session, _, progress: session.logs(IDS, progress=progress),
    "save_logs": lambda session, folder, progress: session.save_logs(
        IDS, folder, progress=progress
    ),
    "info": lambda session, _, progress: session.info(IDS, progress=progress),
    "events": lambda session, _, progress: session.events(IDS, progress=progress),
    "parsed_events": lambda session, _, progress: session.parsed_events(IDS, progress=progress),
    "renew": lambda session, _, progress: session.renew(IDS, progress=progress),
    "connect": lambda session, _, progress: session.connect(IDS, browser=False, progress=progress),
}
MARK = contextvars.ContextVar("mark", default="another context")


def all_reports(total):
    """Return the reports of a call with this number of items."""
    return [(done, total) for done in range(total + 1)]


@pytest.mark.parametrize("call", CALLS)
def test_each_finished_item_is_reported_in_the_thread_of_the_caller(
    variant, scripted, scripted_session, tmp_path, call
):
    scripted.respond = stage = Stage(listing(dict.fromkeys(IDS, "Completed")))
    stage.records = {
        key: [json_response({"id": key, "status": "Completed"})] for key in ("a1", "c3")
    }
    stage.logs = {key: [b"a line\n"] for key in ("a1", "c3")}
    stage.events = dict.fromkeys(IDS, Response(200, "<none>\n"))
    # One item is missing or refused; it counts as finished, too.
    for method, key in (("GET", "b2"), ("POST", "b2"), ("DELETE", "b2"), ("POST", "fit-2")):
        stage.overrides[f"{method} {key}"] = Response(404, "not there")
    reports, threads = [], set()

    def progress(done, total):
        reports.append((done, total))
        threads.add(threading.current_thread())

    result = variant.run(CALLS[call](scripted_session, tmp_path, progress))
    assert reports == all_reports(3)
    assert threads == {threading.current_thread()}
    assert len(result.failures) == (3 if call == "connect" else 1)


def test_every_call_with_many_items_has_the_parameter_progress(variant):
    """The table of calls in this file is complete, too."""
    methods = {
        name
        for name, method in inspect.getmembers(variant.Session, inspect.isfunction)
        if not name.startswith("_") and "progress" in inspect.signature(method).parameters
    }
    # `wait` and `run` report statuses.
    assert methods == {*CALLS, "relaunch"} | {"wait", "run"}


def test_run_reports_the_statuses_of_its_wait(variant, session):
    reports = []
    variant.run(
        session.run("report", IMAGE, cmd="true", replicas=2, timeout=60, progress=reports.append)
    )
    assert set(reports[-1].values()) == {"Completed"}
    assert len(reports[-1]) == 2


def test_relaunch_counts_only_the_missing_replicas(variant, scripted, scripted_session):
    scripted.respond = stage = Stage([])
    stage.overrides = {f"POST fit-{n}": Response(400, "quota exceeded") for n in (2, 4)}
    launched = variant.run(scripted_session.create("fit", IMAGE, replicas=5))
    stage.overrides.clear()
    reports = []
    variant.run(
        scripted_session.relaunch(launched, progress=lambda *report: reports.append(report))
    )
    assert reports == all_reports(2)


def test_a_call_without_items_reports_nothing(variant, scripted, scripted_session):
    scripted.respond = Stage([])
    assert variant.run(scripted_session.info([], progress=None)) == []
    assert variant.run(scripted_session.destroy([], progress=pytest.fail)) == {}
    assert variant.run(scripted_session.destroy_all(progress=pytest.fail)) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(1, 30),
    concurrency=st.integers(1, 40),
    missing=st.sets(st.integers(0, 29)),
)
def test_every_item_is_reported_for_any_number_and_concurrency(
    variant, scripted, count, concurrency, missing
):
    ids = [f"a{number}" for number in range(count)]
    scripted.respond = stage = Stage(listing(dict.fromkeys(ids, "Running")))
    stage.overrides = {f"GET a{number}": Response(404, "not there") for number in missing}
    session = variant.open(server=scripted.url, token="t", retry=False, concurrency=concurrency)
    reports, marks = [], set()

    def progress(*report):
        reports.append(report)
        marks.add(MARK.get())

    async def call_info():
        MARK.set("the caller's context")
        await session.info(ids, progress=progress)

    if variant.name == "sync":
        MARK.set("the caller's context")
        session.info(ids, progress=progress)
    else:
        variant.run(call_info())
    assert reports == all_reports(count)
    assert marks == {"the caller's context"}


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), replicas=st.integers(1, 12))
def test_a_launch_on_a_bad_network_counts_each_replica_once(variant, seed, replicas):
    """An uncertain replica does not count as done, even if it is sent again."""
    reports = []
    with FaultyPlatform(seed, 0.4) as platform:
        session = variant.open(server=platform.url, token="t", retry=QUICK, timeout=0.3)
        variant.run(
            session.create(
                "run", IMAGE, replicas=replicas, progress=lambda *report: reports.append(report)
            )
        )
    counts = [done for done, _ in reports]
    assert (counts[0], counts[-1]) == (0, replicas)
    assert counts == sorted(set(counts))
    assert {total for _, total in reports} == {replicas}


def test_a_launch_in_waves_reports_all_waves_together(variant, scripted, scripted_session):
    stage = Stage([])

    def respond(request):
        launched = [f"id-of-{form['name'][0]}" for form in stage.forms]
        stage.listings = [listing(dict.fromkeys(launched, "Completed"))]
        return stage(request)

    scripted.respond = respond
    reports = []
    variant.run(
        scripted_session.create(
            "fit", IMAGE, replicas=5, at_most=2, progress=lambda *report: reports.append(report)
        )
    )
    assert reports == all_reports(5)
    assert len(stage.listing_times) == 3


class LimitedStage:
    """Answers `limit` launches and deletions; the others wait until `release` is called."""

    def __init__(self, stage, limit):
        self._stage = stage
        self._permits = threading.Semaphore(limit)

    def __call__(self, request):
        if request.method != "GET":
            self._permits.acquire()
        return self._stage(request)

    def release(self):
        self._permits.release(100)


@pytest.mark.parametrize("call", ["create", "destroy"])
def test_an_error_of_progress_ends_the_call_and_keeps_the_results(variant, scripted, call):
    stage = Stage([])
    scripted.respond = limited = LimitedStage(stage, limit=3)
    session = variant.open(server=scripted.url, token="t", retry=False, concurrency=2)
    counts = []

    def progress(done, _):
        counts.append(done)
        if done == 2:
            raise ZeroDivisionError

    ids = [f"a{number}" for number in range(9)]
    calls = {
        "create": lambda: session.create("fit", IMAGE, replicas=9, progress=progress),
        "destroy": lambda: session.destroy(ids, progress=progress),
    }
    with pytest.raises(ZeroDivisionError) as caught:
        variant.run(calls[call]())
    limited.release()
    # Two items were reported. The response for a third item may have come in the meantime.
    assert 2 <= len(caught.value.partial) <= 3
    assert counts[:3] == [0, 1, 2]
    assert max(counts) <= 3
    # Later responses are not reported any more, and the next call works.
    assert variant.run(session.info("c3")).failures.keys() == {"c3"}
    assert max(counts) <= 3


def test_an_error_of_progress_ends_a_wait_and_has_the_last_statuses(
    variant, scripted, scripted_session
):
    scripted.respond = Stage(listing({"a1": "Running", "b2": "Completed"}))

    def progress(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        variant.run(scripted_session.wait(["a1", "b2"], progress=progress))
    assert caught.value.partial == {"a1": "Running", "b2": "Completed"}


def test_progress_that_is_not_callable_is_refused_before_a_request_is_sent(
    variant, scripted, scripted_session
):
    with pytest.raises(errors.InvalidInputError, match="progress"):
        variant.run(scripted_session.destroy(IDS, progress=7))
    assert scripted.received == []
