"""Look-ups after lost launches: how long they take, and which session belongs to a launch."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from faults import faulty as f
from faults.conftest import IMAGE, QUICK
from faults.faulty import FaultyPlatform
from scripted import Received, Response, ScriptedServer
from staged import Stage, record

from skaha import Retry
from skaha.errors import SkahaError
from skaha.results import Launched

LOST = Response(502, "bad gateway")
FIRST = record("id-of-run-1", name="run-1")
OLD = record("old1", name="run-1")
SECOND = record("new2", name="run-2")
NAMELESS = record("new2", name=None)


def started(session: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return a record with a start time of so many seconds from now."""
    moment = time.gmtime(time.time() + seconds)
    return session | {"startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)}


class TimedStage(Stage):
    """A scripted platform with a clock of its own: each request of the list takes one second.

    Attributes:
        seconds: The duration of each launch, by its name.
        now: The time in seconds.
        keys: `list`, or the name of a launch, for each request.
        lost: The number of launches of `run-2` whose responses are lost.
    """

    def __init__(self, *listings: list[dict[str, Any]] | Response) -> None:
        super().__init__(*listings)
        self.seconds: dict[str, float] = {}
        self.now = 1000.0
        self.keys: list[str] = []
        self.lost = 1

    def __call__(self, request: Received) -> Response | None:
        name = request.form.get("name", ["list"])[0]
        self.keys.append(name)
        self.now += 1 if name == "list" else self.seconds.get(name, 0)
        response = super().__call__(request)
        return LOST if name == "run-2" and self.keys.count(name) <= self.lost else response


@pytest.fixture
def open_on(variant: Any, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that opens a session on such a platform."""

    def open_session(stage: TimedStage, settle: float) -> Any:
        clock = SimpleNamespace(monotonic=lambda: stage.now)
        for module in ("launch", "replica"):
            monkeypatch.setattr(f"skaha._sansio.{module}.time", clock)
        monkeypatch.setattr(f"skaha._{variant.name}._launch._LONGEST_LOOK", 0.001)
        scripted.respond = stage
        retry = Retry(first_pause=0.001, longest_pause=0.001, settle=settle)
        return variant.open(server=scripted.url, token="t", retry=retry, concurrency=1)

    return open_session


def launch(variant: Any, session: Any) -> Launched:
    """Launch two replicas, one after the other; return the result or the partial result."""
    try:
        return variant.run(session.create("run", IMAGE, replicas=2))
    except SkahaError as error:
        return error.partial


@pytest.mark.parametrize(
    ("settle", "seconds", "lists_without_the_first", "looks"),
    [
        # Two looks at least.
        (0, {}, 0, 2),
        # `settle` seconds.
        (5, {}, 0, 5),
        # Twice the duration of the slowest launch that was answered.
        (0, {"run-1": 3}, 0, 6),
        # The duration of the lost launch itself.
        (0, {"run-2": 4}, 0, 4),
        # Twice the time after which a session appeared in the list.
        (0, {}, 3, 6),
    ],
)
def test_a_lost_launch_has_enough_time_to_appear_before_it_is_sent_again(
    variant: Any,
    open_on: Any,
    settle: float,
    seconds: Any,
    lists_without_the_first: int,
    looks: int,
) -> None:
    """The second attempt has as much time as the first one."""
    stage = TimedStage(*[[]] * lists_without_the_first, [FIRST])
    stage.seconds, stage.lost = seconds, 2
    launched = launch(variant, open_on(stage, settle))
    attempt = ["run-2", *["list"] * looks]
    # After a repeated launch, the library looks once more for the sessions of earlier attempts.
    assert stage.keys == ["run-1", *attempt, *attempt, "run-2", "list"]
    assert launched.names == {"run-1": "id-of-run-1", "run-2": "id-of-run-2"}
    assert launched.retries == 2


def test_the_own_session_may_appear_after_the_session_of_another_program(
    variant: Any, open_on: Any
) -> None:
    """Both have the same name, so both are reported."""
    other, own = started(SECOND | {"id": "other2"}, 5), started(SECOND, 5)
    stage = TimedStage([FIRST, other], [FIRST, other], [FIRST, other, own])
    launched = launch(variant, open_on(stage, 4))
    assert launched.found_by_name == {"run-2": "other2"}
    assert launched.surplus == {"run-2": ["new2"]}
    assert stage.keys == ["run-1", "run-2", *["list"] * 4]
    assert stage.deleted == []


def test_a_relaunch_finds_the_session_of_the_first_of_two_attempts(
    variant: Any, open_on: Any
) -> None:
    """It started long before the second attempt. The list was refused in between."""
    late = started(SECOND, -15)
    stage = TimedStage(*[[FIRST]] * 20, Response(401, "expired"), [FIRST, late])
    stage.lost = 2
    launched = launch(variant, open_on(stage, 20))
    assert launched.uncertain == ["run-2"]
    assert variant.run(open_on(stage, 0).relaunch(launched)).names == {"run-2": "new2"}
    assert stage.keys.count("run-2") == 2


LISTS: dict[str, tuple[list[list[dict[str, Any]]], bool]] = {
    "the only session of its name": ([[FIRST, SECOND]], True),
    "an older run has the same names": ([[FIRST, OLD, SECOND]], False),
    "two sessions have its name": ([[FIRST, SECOND, SECOND | {"id": "new3"}]], False),
    "missing from the first complete list": ([[FIRST, OLD], [FIRST, OLD, SECOND]], True),
    "missing from a list that is not complete": ([[], [FIRST, OLD, SECOND]], False),
    "without a name at first": ([*[[FIRST, NAMELESS]] * 6, [FIRST, SECOND]], True),
}


@pytest.mark.parametrize(("listings", "is_found"), LISTS.values(), ids=list(LISTS))
def test_a_session_without_a_start_time_is_used_only_if_it_must_be_new(
    variant: Any, open_on: Any, listings: list[list[dict[str, Any]]], is_found: bool
) -> None:
    """Otherwise the launch stays uncertain. In both cases, it is not sent again."""
    stage = TimedStage(*listings)
    launched = launch(variant, open_on(stage, 3))
    assert launched.found_by_name == ({"run-2": "new2"} if is_found else {})
    assert launched.uncertain == ([] if is_found else ["run-2"])
    assert stage.keys.count("run-2") == 1


@pytest.mark.parametrize(("age", "is_new"), [(1, True), (4, False)])
def test_a_session_that_started_two_seconds_before_the_launch_may_be_new(
    variant: Any, faulty: FaultyPlatform, age: float, is_new: bool
) -> None:
    """The times of the platform have whole seconds only."""
    ids: list[str] = []

    def execute_earlier(request: f.Received) -> None:
        if request.fault is f.RESET_NOT_EXECUTED:
            ids.append(faulty.add("run-1", age=age))

    faulty.on_request = execute_earlier
    faulty.script("POST run-1", f.RESET_NOT_EXECUTED)
    session = variant.open(server=faulty.url, token="t", retry=QUICK)
    assert (variant.run(session.create("run", IMAGE)) == ids) is is_new


def test_without_retries_a_launch_requests_no_list(variant: Any) -> None:
    """Without dates, a list before the launch would be needed only to look a launch up."""
    with FaultyPlatform(has_dates=False) as platform:
        session = variant.open(server=platform.url, token="t", retry=False)
        for _ in range(2):
            variant.run(session.create("run", IMAGE))
        assert platform.request_keys() == ["POST run-1"] * 2


def test_a_relaunch_does_not_take_the_lost_session_for_an_older_one(variant: Any) -> None:
    """Without dates, the library compares lists, but only if no launch is uncertain before."""
    with FaultyPlatform(has_dates=False) as platform:
        platform.script("POST run-2", f.RESET_EXECUTED)
        session = variant.open(server=platform.url, token="t", retry=False)
        with pytest.raises(SkahaError) as caught:
            variant.run(session.create("run", IMAGE, replicas=2))
        launched = caught.value.partial
        session = variant.open(server=platform.url, token="t", retry=QUICK)
        variant.run(session.fetch())
        with pytest.raises(SkahaError) as caught:
            variant.run(session.relaunch(launched))
        assert caught.value.partial.uncertain == ["run-2"]
        assert len(platform.requests("POST run-2")) == 1


def test_a_relaunch_by_another_client_finds_the_new_session(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The sessions of all earlier launches have the same name and the same start time."""
    launched = variant.run(variant.open(server=faulty.url, token="t").create("run", IMAGE))
    ids = list(launched)
    for _ in range(2):
        faulty.script("POST run-1", f.RESET_EXECUTED)
        session = variant.open(server=faulty.url, token="t", retry=QUICK)
        launched = variant.run(session.relaunch(launched, failed=launched))
        ids += launched
        assert launched.surplus == {}
    assert faulty.ids_by_name() == {"run-1": ids}


def test_an_uncertain_launch_stops_the_waves_after_it(
    variant: Any, scripted: ScriptedServer
) -> None:
    """Its session may be active, so the limit could be exceeded."""
    scripted.respond = stage = Stage([record("old1", "Completed", name="run-1")])
    stage.overrides["POST run-1"] = LOST
    session = variant.open(server=scripted.url, token="t", retry=QUICK)
    with pytest.raises(SkahaError) as caught:
        variant.run(session.create("run", IMAGE, replicas=3, at_most=1))
    assert caught.value.partial.uncertain == ["run-1"]
    assert caught.value.partial.retries == 0
    assert [form["name"] for form in stage.forms] == [["run-1"]]


def test_lists_that_are_pages_now_and_then_do_not_end_a_launch(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """Three looks without a list end it only if they follow each other."""
    pages = [f.PAGE] * 6
    faulty.script("GET session", *pages, f.NONE, *pages, f.NONE)
    faulty.script("POST run-2", f.RESET_NOT_EXECUTED)
    session = variant.open(server=faulty.url, token="t", retry=QUICK)
    launched = variant.run(session.create("run", IMAGE, replicas=2))
    assert list(launched.names) == ["run-1", "run-2"]


def test_a_launch_of_two_kinds_is_looked_up_among_all_sessions(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The platform can filter its list by one kind only."""
    jobs = [{"name": kind, "image": IMAGE, "kind": kind} for kind in ("headless", "notebook")]
    for job in jobs:
        faulty.script(f"POST {job['name']}", f.RESET_EXECUTED)
    session = variant.open(server=faulty.url, token="t", retry=QUICK)
    launched = variant.run(session.create_many(jobs))
    assert faulty.ids_by_name() == {name: [key] for name, key in launched.names.items()}


def test_a_launch_is_looked_up_once_more_when_its_time_is_over(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The next pause would be too long."""
    faulty.script("POST run-1", f.RESET_EXECUTED)
    retry = Retry(deadline=5, first_pause=60, longest_pause=60)
    session = variant.open(server=faulty.url, token="t", retry=retry)
    launched = variant.run(session.create("run", IMAGE))
    assert faulty.ids_by_name() == {"run-1": list(launched)}


def test_a_relaunch_finds_the_session_whose_id_another_replica_got_later(
    variant: Any, scripted: ScriptedServer
) -> None:
    """The id proves nothing then, but the name does."""
    own = started(record("own1", "Completed", name="run-1"), 5)
    scripted.respond = stage = Stage([], [own], Response(401, "expired"), [own])
    stage.overrides = {f"POST run-{number}": Response(200, "own1\n") for number in (1, 2)}
    session = variant.open(server=scripted.url, token="t", retry=QUICK)
    with pytest.raises(SkahaError) as caught:
        variant.run(session.create("run", IMAGE, replicas=2, at_most=1))
    launched = caught.value.partial
    assert launched.uncertain == ["run-1", "run-2"]
    stage.overrides.clear()
    relaunched = variant.run(session.relaunch(launched))
    assert relaunched.names == {"run-1": "own1", "run-2": "id-of-run-2"}
