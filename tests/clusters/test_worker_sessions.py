"""The sessions of workers: one launch, no deletion on a guess, and reasons for each end."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from scripted import Response
from staged import IMAGE, Stage, record

from skaha import Retry, Session, errors
from skaha.dask import _worker_sessions
from skaha.dask._worker_sessions import WorkerSessions

ADDRESS = "tls://192.168.1.2:4321"
REFUSED = Response(400, "no more than 2 sessions for you")
EVENTS = """TYPE     REASON             MESSAGE                     FIRST-TIME  LAST-TIME
Normal   Scheduled          assigned to node-7          <nil>       <nil>
Warning  FailedScheduling   0/3 nodes are available     <nil>       <nil>
"""


@pytest.fixture
def at(scripted):
    """The sessions of a cluster at a scripted platform."""
    clients = []

    def make(stage, **settings):
        scripted.respond = stage
        clients.append(Session(server=scripted.url, token="t", **{"retry": False} | settings))
        return WorkerSessions(clients[-1], "c", job)

    yield make
    for client in clients:
        client.close()
    # The exit of the tests must not delete these sessions.
    _worker_sessions._alive.clear()


def job(name, address):
    return {"name": name, "image": IMAGE, "cmd": "worker", "args": address}


def test_the_workers_get_the_address_of_the_scheduler(at):
    stage = Stage([])
    sessions = at(stage)
    assert sessions.launch(["c-0", "c-1"], ADDRESS) == {}
    assert {form["args"][0] for form in stage.forms} == {ADDRESS}
    assert sessions.ids == {"c-0": "id-of-c-0", "c-1": "id-of-c-1"}


def test_a_refused_worker_has_its_error_and_the_others_their_ids(at):
    stage = Stage([])
    stage.overrides["POST c-1"] = REFUSED
    sessions = at(stage)
    [(name, error)] = sessions.launch(["c-0", "c-1", "c-2"], ADDRESS).items()
    assert name == "c-1"
    assert "no more than 2 sessions for you" in str(error)
    assert list(sessions.ids) == ["c-0", "c-2"]


@pytest.mark.parametrize("response", [REFUSED, Response(401, "who are you?"), Response(302), None])
def test_a_launch_without_any_session_raises_nothing(at, response):
    stage = Stage([])
    stage.overrides = {"POST c-0": response, "POST c-1": response}
    failures = at(stage).launch(["c-0", "c-1"], ADDRESS)
    assert list(failures) == ["c-0", "c-1"]
    assert {type(error) for error in failures.values()} <= {
        errors.BadRequestError,
        errors.AuthenticationError,
        errors.StatusError,
        errors.ConnectionFailedError,
    }


def test_a_launch_without_a_response_is_uncertain(at):
    stage = Stage([])
    stage.overrides["POST c-1"] = None
    sessions = at(stage)
    assert list(sessions.launch(["c-0", "c-1"], ADDRESS)) == ["c-1"]
    assert (list(sessions.ids), sessions.uncertain) == (["c-0"], {"c-1"})


def test_a_wrong_job_is_the_error_of_each_worker(at):
    sessions = at(Stage([]))
    failures = sessions.launch(["c-0", "_"], ADDRESS)
    assert {type(error) for error in failures.values()} == {errors.InvalidInputError}
    assert list(failures) == ["c-0", "_"]


def test_a_session_that_was_found_by_its_name_is_never_deleted(at, caplog):
    """The response to the launch was lost, so the session may belong to another program."""
    stage = Stage([], [record("found123", name="c-0", startTime="2099-01-01T00:00:00Z")])
    stage.overrides["POST c-0"] = None
    sessions = at(stage, retry=Retry(first_pause=0.01, settle=0.01))
    failures = sessions.launch(["c-0"], ADDRESS)
    assert failures == {}
    assert sessions.ids == {"c-0": "found123"}
    sessions.end_all()
    assert stage.deleted == []
    assert "found by their names: c-0 (found123)" in caplog.text
    assert sessions.ids == {}


def test_only_the_named_workers_end(at):
    stage = Stage([])
    sessions = at(stage)
    sessions.launch(["c-0", "c-1"], ADDRESS)
    sessions.end(["c-1", "nobody"])
    assert stage.deleted == ["id-of-c-1"]
    assert sessions.ids == {"c-0": "id-of-c-0"}
    assert sessions.not_ended == {}


def test_a_session_that_the_platform_does_not_know_has_ended(at):
    stage = Stage([])
    sessions = at(stage)
    sessions.launch(["c-0", "c-1"], ADDRESS)
    stage.overrides["DELETE id-of-c-0"] = Response(404, "session id-of-c-0 not found")
    sessions.end_all()
    assert sessions.ids == {}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("response", [Response(500, "broken"), None])
def test_each_session_that_could_not_be_ended_is_named_and_ended_later(at, caplog, response, count):
    """It does not matter whether all deletions fail or only some."""
    stage = Stage([])
    sessions = at(stage)
    sessions.launch(["c-0", "c-1"], ADDRESS)
    names = ["c-0", "c-1"][:count]
    stage.overrides = {f"DELETE id-of-{name}": response for name in names}
    sessions.end_all()
    ids = {name: f"id-of-{name}" for name in names}
    assert sessions.not_ended == sessions.ids == ids
    assert "cluster c could not end the sessions of c-0 (id-of-c-0)" in caplog.text
    stage.overrides = {}
    sessions.end_all()
    assert (sessions.not_ended, sessions.ids) == ({}, {})
    assert sorted(stage.deleted)[:1] == ["id-of-c-0"]


def test_the_exit_of_python_ends_the_remaining_sessions(at):
    stage = Stage([])
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    _worker_sessions._end_all_at_exit()
    assert stage.deleted == ["id-of-c-0"]
    assert _worker_sessions._alive == set()


def test_the_exit_of_a_child_process_ends_nothing(at, monkeypatch):
    stage = Stage([])
    at(stage).launch(["c-0"], ADDRESS)
    monkeypatch.setattr("os.getpid", lambda: 1)
    _worker_sessions._end_all_at_exit()
    assert stage.deleted == []


# Looks.


def test_a_look_without_an_end_finds_nothing(at):
    sessions = at(Stage([record("id-of-c-0", "Pending"), record("id-of-c-1", "Running")]))
    sessions.launch(["c-0", "c-1"], ADDRESS)
    assert sessions.look(["c-0"], ["c-1"]) == {}


def test_a_session_that_ended_gives_its_warnings_and_the_end_of_its_log(at):
    stage = Stage(
        [record("id-of-c-0", "Failed")],
        logs={"id-of-c-0": [b"\n".join(b"line %d" % number for number in range(100)) + b"\n"]},
    )
    stage.events["id-of-c-0"] = Response(200, EVENTS)
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    [(name, error)] = sessions.look(["c-0"]).items()
    assert name == "c-0"
    assert isinstance(error, errors.FailedSessionError)
    assert str(error).startswith(
        "worker c-0: its session id-of-c-0 ended as Failed; the platform's warnings: 0/3 nodes are "
        "available; the end of its log:\n    line 92\n"
    )
    # Its log can be read still.
    sessions.end_all()
    assert stage.deleted == []


def test_a_session_that_ended_has_a_reason_if_its_log_cannot_be_read(at):
    stage = Stage(
        [record("id-of-c-0", "Failed")], logs={"id-of-c-0": [Response(403, "no logs for you")]}
    )
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    [error] = sessions.look(["c-0"], []).values()
    assert "Failed" in str(error)


def test_the_unprintable_characters_of_a_log_are_replaced(at):
    stage = Stage(
        [record("id-of-c-0", "Completed")], logs={"id-of-c-0": [b"\x1b[2J" + b"a" * 5000]}
    )
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    text = str(sessions.look(["c-0"])["c-0"])
    assert "\x1b" not in text
    assert len(text) < 500


def test_a_lost_session_is_looked_up_twice(at):
    """A list may lack a session that runs."""
    stage = Stage([], [])
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    stage.records["id-of-c-0"] = [
        Response(500),
        Response(404, "session id-of-c-0 not found\n"),
        Response(404, "session id-of-c-0 not found\n"),
    ]
    assert sessions.look([], ["c-0"]) == {}
    assert sessions.look([], ["c-0"]) == {}
    assert "is gone" in str(sessions.look([], ["c-0"])["c-0"])
    assert stage.log_reads == []


def test_a_new_session_may_take_a_while_to_appear(at):
    stage = Stage([])
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    assert [sessions.look(["c-0"]) for _ in range(4)] == [{}] * 4


def test_an_outage_is_reported_once(at, caplog):
    stage = Stage(Response(503, "down"))
    sessions = at(stage)
    sessions.launch(["c-0"], ADDRESS)
    for _ in range(5):
        assert sessions.look(["c-0"]) == {}
    assert caplog.text.count("cluster c: the platform does not respond") == 1
    stage.listings = [[record("id-of-c-0", "Failed")]]
    assert list(sessions.look(["c-0"])) == ["c-0"]


def test_the_reasons_of_all_missing_workers_are_described(at):
    stage = Stage([record("id-of-c-0", "Pending"), record("id-of-c-2", "Running")])
    stage.overrides["POST c-1"] = REFUSED
    stage.events["id-of-c-0"] = Response(200, EVENTS)
    sessions = at(stage)
    sessions.add_failures(sessions.launch(["c-0", "c-1", "c-2"], ADDRESS))
    refused, pending, running = sessions.describe(["c-0", "c-2"])
    assert "launch of c-1" in refused
    assert "no more than 2 sessions" in refused
    assert pending.endswith("is Pending; the platform's warnings: 0/3 nodes are available")
    assert running == "worker c-2: its session id-of-c-2 is Running"


def test_a_look_does_not_disturb_a_description(at, scripted):
    """A caller waits for workers in one thread, and the cluster looks at them in another one."""
    stage = Stage([record("id-of-c-0", "Pending"), record("id-of-c-1", "Running")])
    sessions = at(stage)
    sessions.launch(["c-0", "c-1"], ADDRESS)
    asked, go = threading.Event(), threading.Event()

    def respond(request):
        is_first = request.method == "GET" and not asked.is_set()
        if is_first:
            asked.set()
            assert go.wait(10)
        return stage(request)

    scripted.respond = respond
    with ThreadPoolExecutor() as pool:
        described = pool.submit(sessions.describe, ["c-0", "c-1"])
        assert asked.wait(10)
        looked = pool.submit(sessions.look, ["c-1"])
        # Without its own turn, the look ends here, and has changed the sessions to describe.
        wait([looked], timeout=0.3)
        go.set()
        assert len(described.result(10)) == 2
        assert looked.result(10) == {}


def test_the_number_of_kept_failures_is_limited(at):
    sessions = at(Stage([]))
    for number in range(250):
        sessions.add_failures({f"c-{number}": errors.SkahaError(f"{number}")})
    assert list(sessions.failures) == [f"c-{number}" for number in range(150, 250)]
    sessions.remove_failure("c-249")
    sessions.remove_failure("c-249")
    assert len(sessions.failures) == 99


def test_no_secret_is_logged(at, caplog):
    caplog.set_level(logging.DEBUG)
    stage = Stage([])
    stage.overrides["POST c-0"] = Response(400, "env KEY=a-long-secret is wrong")
    sessions = at(stage)
    sessions._job = lambda name, address: job(name, address) | {"env": {"KEY": "a-long-secret"}}
    failures = sessions.launch(["c-0"], ADDRESS)
    assert "a-long-secret" not in caplog.text + str(failures) + repr(vars(sessions))
