"""Launches on a bad network: exactly the requested replicas, or a complete report of failures."""

import itertools
import json
import logging
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from faults import faulty as f
from faults.conftest import IMAGE, LONG_TIMEOUT, QUICK, TIMEOUT, timeout_for
from faults.faulty import FaultyPlatform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import Received, Response, ScriptedServer
from staged import Stage, record

from skaha import Retry
from skaha.errors import (
    AnswerError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ServerError,
    SkahaError,
    StatusError,
    TimedOutError,
)
from skaha.results import Launched

# The variants open a session for each example; the state of the fixture does not matter.
by_seed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SEEDS = st.integers(0, 2**32)
# `settle` is longer than the delay of late launches, so that they are not sent again.
PATIENT = Retry(
    attempts=12, deadline=30, first_pause=0.01, longest_pause=0.05, settle=0.6, stop_look_up=0.5
)
SHORT = Retry(deadline=0.2, first_pause=0.005, longest_pause=0.02, settle=0.02)
OTHER_STATUSES = [f.refusal(status) for status in (302, 307, 408, 418 + 81, 520, 524)]
CUT_ID = f.Fault("executed, cut id", raw=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd")
UNCERTAIN = [
    *(f.refusal(status) for status in (500, 502, 503, 504)),
    *OTHER_STATUSES,
    *f.CUTS,
    *f.INVALID_RESPONSES,
    *f.STALLS,
    CUT_ID,
]
EXECUTED_LATE = [f.TOO_LATE, f.LATE_504]


def open_session(variant: Any, platform: FaultyPlatform, **settings: Any) -> Any:
    settings = {"retry": QUICK, "timeout": LONG_TIMEOUT, "concurrency": 8} | settings
    return variant.open(server=platform.url, token="a-token", **settings)


def launched_or_partial(variant: Any, call: Any) -> Launched:
    """Return the result of a launch, or the partial result of its error."""
    try:
        return variant.run(call())
    except SkahaError as error:
        return error.partial


def names(count: int, prefix: str = "run") -> list[str]:
    return [f"{prefix}-{number}" for number in range(1, count + 1)]


def check_exact(platform: FaultyPlatform, launched: Launched, wanted: list[str]) -> None:
    """Check that the server has exactly these names, each once, with the returned ids."""
    on_server = platform.ids_by_name("run")
    assert on_server == {name.lower(): [launched.names[name]] for name in wanted}
    assert list(launched) == [launched.names[name] for name in wanted]
    assert (launched.failures, launched.uncertain, launched.surplus) == ({}, [], {})


def check_report(platform: FaultyPlatform, launched: Launched, wanted: list[str]) -> None:
    """Check that nothing is deleted, and that each session is known, uncertain or surplus."""
    assert platform.requests("DELETE") == []
    assert sorted([*launched.names, *launched.failures]) == sorted(wanted)
    assert set(launched.uncertain) <= set(launched.failures)
    on_server = platform.ids_by_name("run")
    for name, session_id in launched.names.items():
        assert session_id in on_server[name.lower()]
    surplus = {name.lower(): set(ids) for name, ids in launched.surplus.items()}
    uncertain = {name.lower() for name in launched.uncertain}
    known = {name.lower(): session_id for name, session_id in launched.names.items()}
    for name, ids in on_server.items():
        unknown = set(ids) - {known.get(name)} - surplus.get(name, set())
        assert not unknown or name in uncertain, (name, unknown)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.1, 0.3])
@by_seed
@given(seed=SEEDS, replicas=st.integers(1, 12), old=st.integers(0, 3))
def test_a_launch_starts_exactly_the_requested_replicas(
    variant: Any, rate: float, seed: int, replicas: int, old: int
) -> None:
    # Other tests have launches that are executed after they were looked up twice.
    faults = [fault for fault in f.ALL if fault not in EXECUTED_LATE]
    with FaultyPlatform(seed, rate, faults, reset_rate=rate / 10) as platform:
        old_ids = [platform.add(name) for name in names(old)]
        launched = variant.run(
            open_session(variant, platform, timeout=TIMEOUT).create("run", IMAGE, replicas=replicas)
        )
        # No older session was mistaken for a new one or deleted.
        assert [platform.sessions.pop(session_id).name for session_id in old_ids] == names(old)
        check_exact(platform, launched, names(replicas))
        assert launched.retries >= len(platform.requests("POST")) - replicas


PLATFORMS: dict[str, dict[str, Any]] = {
    "lists that lag": {"list_lag": 0.4},
    "launches slower than the time-out": {"launch_seconds": 2 * TIMEOUT},
    "no dates": {"has_dates": False},
    "no start times": {"has_start_times": False},
    "neither dates nor start times": {"has_dates": False, "has_start_times": False},
}


@pytest.mark.slow
@pytest.mark.parametrize("platform_settings", PLATFORMS.values(), ids=list(PLATFORMS))
@settings(by_seed, max_examples=8)
@given(seed=SEEDS, replicas=st.integers(2, 8))
def test_the_report_is_complete_on_a_slow_or_unusual_platform(
    variant: Any, platform_settings: dict[str, Any], seed: int, replicas: int
) -> None:
    with FaultyPlatform(seed, 0.3, [*f.CUTS, f.PAGE], **platform_settings) as platform:
        session = open_session(variant, platform, retry=PATIENT, timeout=TIMEOUT)
        launched = launched_or_partial(
            variant, lambda: session.create("run", IMAGE, replicas=replicas)
        )
        check_report(platform, launched, names(replicas))
        assert len(platform.sessions) <= replicas + sum(map(len, launched.surplus.values()))


@pytest.mark.parametrize("replicas", [1, 6])
def test_a_launch_that_takes_longer_than_the_time_out_is_not_repeated(
    variant: Any, replicas: int
) -> None:
    """No response comes in time, but every launch is executed."""
    with FaultyPlatform(launch_seconds=1.5 * TIMEOUT) as platform:
        launched = variant.run(
            open_session(variant, platform, timeout=TIMEOUT).create("run", IMAGE, replicas=replicas)
        )
        check_exact(platform, launched, names(replicas))
        assert len(platform.requests("POST")) == replicas
        assert launched.found_by_name == launched.names


@pytest.mark.parametrize("status", [500, 0], ids=["500", "reset"])
def test_a_launch_that_is_executed_after_its_response_was_lost_is_found(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    ending = f.Ending.COMPLETE if status else f.Ending.RESET
    late = f.Fault("executed later", f.Execution.NEVER, ending, status=status, delay=0.3)
    faulty.script("POST run-2", late)
    session = open_session(variant, faulty, retry=PATIENT)
    launched = variant.run(session.create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))
    assert len(faulty.requests("POST run-2")) == 1
    assert launched.found_by_name == {"run-2": launched.names["run-2"]}


def test_a_list_without_the_acknowledged_launches_is_not_current(
    variant: Any,
) -> None:
    """A session that is missing from an old list is not launched again."""
    with FaultyPlatform(list_lag=0.8) as platform:
        platform.script("POST run-2", f.RESET_EXECUTED)
        session = open_session(variant, platform)
        launched = variant.run(session.create("run", IMAGE, replicas=3))
        check_exact(platform, launched, names(3))


@pytest.mark.parametrize("fault", UNCERTAIN, ids=str)
def test_an_old_failed_session_is_not_mistaken_for_its_replacement(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    session = open_session(variant, faulty, timeout=timeout_for(fault))
    first = variant.run(session.create("run", IMAGE, replicas=3))
    faulty.script("POST run-2", fault)
    second = variant.run(session.relaunch(first, failed=first.names["run-2"]))
    on_server = faulty.ids_by_name("run-2")["run-2"]
    assert on_server[:2] == [first.names["run-2"], *second]
    assert on_server[2:] == second.surplus.get("run-2", [])


@pytest.mark.slow
@by_seed
@given(
    seed=SEEDS,
    replicas=st.integers(1, 8),
    deadline=st.sampled_from([0.0001, 0.05, 0.2]),
    lasting_fault=st.sampled_from(
        [f.RESET_NOT_EXECUTED, f.refusal(503), f.refusal(429, 30), f.refusal(502)]
    ),
)
def test_the_error_at_the_deadline_has_a_complete_report(
    variant: Any, seed: int, replicas: int, deadline: float, lasting_fault: f.Fault
) -> None:
    no_stalls = [*f.REFUSALS, *f.CUTS, f.PAGE, f.NOT_HTTP]
    with FaultyPlatform(seed, 0.3, no_stalls) as platform:
        for name in names(replicas)[::2]:
            platform.always(f"POST {name}", lasting_fault)
        quick = Retry(deadline=deadline, first_pause=0.005, longest_pause=0.02, settle=0.01)
        session = open_session(variant, platform, retry=quick)
        with pytest.raises(SkahaError) as caught:
            variant.run(session.create("run", IMAGE, replicas=replicas))
        partial = caught.value.partial
        check_report(platform, partial, names(replicas))
        assert set(partial.failures) >= set(names(replicas)[::2])
        assert all(name in str(error) for name, error in partial.failures.items())


@pytest.mark.parametrize("fault", UNCERTAIN, ids=str)
def test_an_uncertain_launch_is_sent_again_only_after_two_look_ups(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    for name in ("run-1", "run-3"):
        faulty.script(f"POST {name}", fault)
    launched = variant.run(
        open_session(variant, faulty, timeout=timeout_for(fault)).create("run", IMAGE, replicas=4)
    )
    check_report(faulty, launched, names(4))
    assert list(launched.names) == names(4)
    keys = faulty.request_keys()
    for name in names(4):
        positions = [position for position, key in enumerate(keys) if key == f"POST {name}"]
        for first, second in itertools.pairwise(positions):
            assert keys[first:second].count("GET session") >= 2
    if fault.execution is f.Execution.NOW:
        check_exact(faulty, launched, names(4))
        assert keys.count("POST run-1") == 1


@pytest.mark.parametrize("fault", [f.RESET_EXECUTED, f.refusal(502), f.PAGE], ids=str)
def test_one_list_is_used_for_all_uncertain_replicas(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """The list is not requested before the launch, and not once per replica."""
    for name in names(20):
        faulty.script(f"POST {name}", fault)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=20))
    check_exact(faulty, launched, names(20))
    assert faulty.request_keys().index("GET session") >= 20
    assert len(faulty.requests("GET")) < 20


def test_a_launch_without_a_fault_sends_one_request_for_each_replica(
    variant: Any, faulty: FaultyPlatform
) -> None:
    session = open_session(variant, faulty)
    for _ in range(3):
        variant.run(session.create("run", IMAGE))
    variant.run(session.create("run", IMAGE, replicas=4))
    assert sorted(faulty.request_keys()) == ["POST run-1"] * 4 + [
        f"POST run-{n}" for n in (2, 3, 4)
    ]


@pytest.mark.parametrize("fault", [f.RESET_EXECUTED, f.RESET_NOT_EXECUTED, f.TOO_LATE], ids=str)
def test_an_old_session_of_the_same_name_is_not_mistaken_for_the_new_one(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    old = [faulty.add("run-1", age=age) for age in (3600, 60, 10)]
    faulty.script("POST run-1", fault)
    launched = variant.run(
        open_session(variant, faulty, timeout=timeout_for(fault)).create("run", IMAGE)
    )
    assert launched[0] not in old
    new = [*launched, *launched.surplus.get("run-1", [])]
    assert sorted(faulty.sessions) == sorted([*old, *new])


@pytest.mark.parametrize("fault", [f.NONE, f.RESET_EXECUTED], ids=str)
def test_a_session_of_an_earlier_call_is_not_mistaken_for_the_new_one(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """Both have the same start time, but this client knows the id of the first session."""
    faulty.script("POST run-1", fault, f.RESET_EXECUTED)
    session = open_session(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    second = variant.run(session.create("run", IMAGE))
    assert faulty.ids_by_name() == {"run-1": [*first, *second]}
    assert second.surplus == {}


@pytest.mark.parametrize(
    "missing", [{"has_dates": False}, {"has_start_times": False}], ids=["dates", "start times"]
)
def test_a_launch_stays_uncertain_if_times_are_unknown(
    variant: Any, missing: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    """The session of this name may be old, so it is not used, and the launch is not repeated."""
    with FaultyPlatform(**missing) as platform:
        platform.add("run-1")
        platform.script("POST run-1", f.RESET_EXECUTED)
        with pytest.raises(ConnectionFailedError) as caught:
            variant.run(open_session(variant, platform).create("run", IMAGE))
        partial = caught.value.partial
        assert (partial.names, partial.uncertain) == ({}, ["run-1"])
        assert len(platform.requests("POST")) == 1
        assert "uncertain" in caplog.text
        assert "run-1" in caplog.text


def test_a_platform_without_dates_is_listed_before_the_next_launch(variant: Any) -> None:
    """The library compares the list before the launch with the list after it."""
    with FaultyPlatform(has_dates=False) as platform:
        old = platform.add("run-1")
        session = open_session(variant, platform)
        variant.run(session.fetch())
        platform.script("POST run-1", f.RESET_EXECUTED)
        launched = variant.run(session.create("run", IMAGE))
        assert platform.ids_by_name() == {"run-1": [old, *launched]}


def test_a_relaunch_at_a_platform_without_dates_uses_the_list_before_the_launch(
    variant: Any,
) -> None:
    with FaultyPlatform(has_dates=False) as platform:
        old = platform.add("run-1")
        session = open_session(variant, platform)
        variant.run(session.fetch())
        platform.script("POST run-2", f.refusal(400))
        launched = variant.run(session.create("run", IMAGE, replicas=2))
        lists = len(platform.requests("GET session"))
        again = variant.run(session.relaunch(launched))
        assert platform.ids_by_name() == {"run-1": [old, *launched], "run-2": [*again]}
        assert len(platform.requests("GET session")) == lists


def test_a_launch_is_reported_as_uncertain_if_each_list_is_a_page(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.script("POST run-2", f.RESET_EXECUTED)
    faulty.always("GET session", f.PAGE)
    with pytest.raises(AnswerError) as caught:
        variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=2))
    assert list(caught.value.partial.names) == ["run-1"]
    assert caught.value.partial.uncertain == ["run-2"]


def test_names_with_capital_letters_are_found_in_lower_case(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.script("POST Run-1", f.RESET_EXECUTED)
    launched = variant.run(open_session(variant, faulty).create("Run", IMAGE, replicas=2))
    check_exact(faulty, launched, ["Run-1", "Run-2"])
    assert len(faulty.requests("POST Run-1")) == 1


def test_a_longer_name_is_not_mistaken_for_the_name(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("POST run-1-1", f.RESET_NOT_EXECUTED, f.RESET_EXECUTED)
    session = open_session(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    second = variant.run(session.create("run-1", IMAGE))
    assert faulty.ids_by_name() == {"run-1": list(first), "run-1-1": list(second)}


def test_surplus_sessions_are_reported_and_not_deleted(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform executes a launch after it was sent again; no client can know this before."""
    for name in names(3):
        faulty.script(f"POST {name}", f.AT_REPEAT)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_report(faulty, launched, names(3))
    assert {name: len(ids) for name, ids in launched.surplus.items()} == dict.fromkeys(names(3), 1)
    assert all(session_id in caplog.text for [session_id] in launched.surplus.values())
    # The surplus sessions do not count as missing.
    assert variant.run(open_session(variant, faulty).relaunch(launched)) == []


def test_an_error_that_the_program_handles_does_not_change_the_outcome(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """Python sets the handled error as the context of all errors inside of the launch."""
    handled = ssl.SSLCertVerificationError("self-signed certificate")
    handled.verify_code = 18
    faulty.script("POST run-1", f.RESET_EXECUTED)
    try:
        raise handled
    except ssl.SSLError:
        launched = variant.run(open_session(variant, faulty).create("run", IMAGE))
    assert faulty.ids_by_name() == {"run-1": list(launched)}


def test_a_relaunch_reports_the_late_session_of_the_earlier_call(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The platform executes the launch of the earlier call after the relaunch sent it again."""
    faulty.script("POST run-1", f.AT_REPEAT)
    with pytest.raises(SkahaError) as caught:
        variant.run(open_session(variant, faulty, retry=False).create("run", IMAGE))
    launched = variant.run(open_session(variant, faulty).relaunch(caught.value.partial))
    check_report(faulty, launched, names(1))
    assert len(launched.surplus["run-1"]) == 1


def test_an_app_of_a_launched_desktop_is_not_mistaken_for_the_desktop(
    variant: Any, scripted: ScriptedServer
) -> None:
    """A list of all sessions may contain apps. The id of an app is the id of its desktop."""
    app = record("id-of-desk", type="desktop-app", name="terminal", appid="k4b")
    stage = Stage([record("id-of-desk", type="desktop", name="desk"), app])

    def respond(request: Received) -> Response | None:
        is_first = not any("late" in form["name"] for form in stage.forms)
        response = stage(request)
        return None if is_first and stage.forms and "late" in stage.forms[-1]["name"] else response

    scripted.respond = respond
    jobs = [{"name": "desk", "image": IMAGE, "kind": "desktop"}, {"name": "late", "image": IMAGE}]
    session = variant.open(server=scripted.url, token="t", retry=QUICK, concurrency=1)
    launched = variant.run(session.create_many(jobs))
    assert launched.names == {"desk": "id-of-desk", "late": "id-of-late"}
    assert launched.found_by_name == {}


@pytest.mark.parametrize("post", [1, 2], ids=["before the look-up", "after it"])
def test_a_session_after_a_clear_refusal_belongs_to_another_program(
    variant: Any, faulty: FaultyPlatform, post: int
) -> None:
    """After a 429, a new session of this name is neither used nor deleted."""
    faulty.script("POST run-1", f.refusal(429))
    others: list[str] = []

    def launch_by_another_program(request: f.Received) -> None:
        if request.key == "POST run-1" and len(faulty.requests("POST run-1")) == post:
            others.append(faulty.add("run-1", age=0))

    faulty.on_request = launch_by_another_program
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE))
    assert sorted(faulty.sessions) == sorted([*others, *launched])
    assert not set(others) & set(launched)


@pytest.mark.parametrize("fault", [f.RESET_EXECUTED, f.RESET_NOT_EXECUTED, f.refusal(503)], ids=str)
def test_two_programs_with_the_same_names_do_not_delete_sessions_of_each_other(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """Another program launches the same names at the same time."""
    others: list[str] = []

    def launch_by_another_program(request: f.Received) -> None:
        if request.method == "POST":
            others.append(faulty.add(request.form["name"][0], age=0))

    faulty.on_request = launch_by_another_program
    for name in names(4)[::2]:
        faulty.script(f"POST {name}", fault)
    session = open_session(variant, faulty)
    launched = launched_or_partial(variant, lambda: session.create("run", IMAGE, replicas=4))
    assert faulty.requests("DELETE") == []
    assert set(others) <= set(faulty.sessions)
    reported = {*launched, *itertools.chain(*launched.surplus.values())}
    for name in launched.uncertain:
        reported.update(faulty.ids_by_name(name).get(name, []))
    assert set(faulty.sessions) - set(others) <= reported


@pytest.mark.parametrize("fault", [f.PAGE, f.BINARY, f.refusal(500), f.HALF_BODY], ids=str)
@pytest.mark.parametrize("lists", [1, 2], ids=["the first list", "the second list"])
def test_one_unreadable_list_changes_nothing(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault, lists: int
) -> None:
    faulty.script("GET session", *[f.NONE] * (lists - 1), fault)
    faulty.script("POST run-2", f.RESET_NOT_EXECUTED)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_one_empty_list_changes_nothing(variant: Any, faulty: FaultyPlatform) -> None:
    """A list without the acknowledged launches proves nothing."""
    empty = f.Fault("empty list", body=b"[]", headers=(("Content-Type", "application/json"),))
    faulty.script("GET session", empty, empty)
    faulty.script("POST run-2", f.RESET_EXECUTED)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_a_list_that_fails_for_a_while_is_read_again(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("GET session", *[f.refusal(503)] * 30)
    faulty.script("POST run-2", f.RESET_EXECUTED)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_without_a_list_no_launch_is_repeated(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("GET session", f.refusal(500))
    faulty.script("POST run-2", f.RESET_EXECUTED)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(open_session(variant, faulty, retry=SHORT).create("run", IMAGE, replicas=3))
    partial = caught.value.partial
    assert list(partial.names) == ["run-1", "run-3"]
    assert list(partial.failures) == partial.uncertain == ["run-2"]
    assert sorted(key for key in faulty.request_keys() if "POST" in key) == [
        f"POST {name}" for name in names(3)
    ]
    [note] = partial.failures["run-2"].__notes__
    assert "may have been launched" in note
    assert "500" in note


@pytest.mark.parametrize("status", [302, 401, 403, 404], ids=str)
def test_a_refusal_of_the_list_ends_the_launch_at_once(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    """A repeated request would get the same sign-in page or the same refusal."""
    faulty.always("GET session", f.refusal(status))
    faulty.script("POST run-2", f.RESET_EXECUTED)
    with pytest.raises(StatusError) as caught:
        variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    assert caught.value.status == status
    assert caught.value.partial.uncertain == ["run-2"]
    assert list(caught.value.partial.names) == ["run-1", "run-3"]


def test_a_launch_that_always_gets_500_is_sent_three_times(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.always("POST run-2", f.refusal(500))
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(launched.names) == ["run-1", "run-3"]
    assert isinstance(launched.failures["run-2"], ServerError)
    assert launched.uncertain == []
    assert len(faulty.requests("POST run-2")) == 3


def test_a_launch_that_was_executed_with_the_last_500_is_found(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.script("POST run-2", f.refusal(500), f.refusal(500), f.EXECUTED_500)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413])
def test_a_launch_is_not_repeated_after_a_clear_refusal(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    faulty.always("POST run-2", f.refusal(status))
    session = open_session(variant, faulty)
    if status == 401:
        with pytest.raises(AuthenticationError) as caught:
            variant.run(session.create("run", IMAGE, replicas=3))
        launched = caught.value.partial
    else:
        launched = variant.run(session.create("run", IMAGE, replicas=3))
    assert list(launched.names) == ["run-1", "run-3"]
    assert launched.failures["run-2"].status == status
    assert launched.uncertain == []
    assert len(faulty.requests("POST run-2")) == 1
    assert faulty.ids_by_name() == {
        name: [session_id] for name, session_id in launched.names.items()
    }


@pytest.mark.parametrize("status", [400, 404, 405, 429])
def test_an_html_page_is_not_a_clear_refusal(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    """The page of another server may hide a launch that was executed."""
    page = f.Fault(
        "executed, HTML page",
        status=status,
        headers=(("Content-Type", "text/html"),),
        body=f.PAGE.body,
    )
    faulty.script("POST run-2", page)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))
    assert len(faulty.requests("POST run-2")) == 1


def test_a_launch_is_found_if_its_repetition_is_refused(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The repetition exceeds the limit of sessions, because the first launch was executed."""
    faulty.script("POST run-1", f.AT_REPEAT, f.refusal(400))
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, kind="notebook"))
    assert faulty.ids_by_name() == {"run-1": list(launched)}


# Invalid ids in responses to launches.


def wrong_id(session_id: str) -> f.Fault:
    return f.Fault(f"executed, id {session_id}", body=f"{session_id}\n".encode())


@pytest.fixture
def other_ids(faulty: FaultyPlatform) -> Iterator[list[str]]:
    """Add other sessions, and check at the end that nothing was deleted; yield their ids."""
    yield [faulty.add("other-1"), faulty.add("other-2")]
    assert faulty.requests("DELETE") == []


def test_the_id_of_an_earlier_launch_is_not_accepted(variant: Any, faulty: FaultyPlatform) -> None:
    session = open_session(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    faulty.script("POST go-1", wrong_id(first[0]))
    second = variant.run(session.create("go", IMAGE, replicas=2))
    assert faulty.ids_by_name() == {"run-1": list(first)} | {
        name: [session_id] for name, session_id in second.names.items()
    }
    assert list(second.found_by_name) == ["go-1"]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_id_of_another_replica_is_not_accepted(
    variant: Any, faulty: FaultyPlatform, order: tuple[int, int]
) -> None:
    """The platform answers two launches with the same id, in either order."""
    session_id = faulty.add("run-3", age=0)
    for number in order:
        faulty.script(f"POST run-{number}", wrong_id(session_id))
    launched = variant.run(
        open_session(variant, faulty, concurrency=1).create("run", IMAGE, replicas=2)
    )
    assert faulty.ids_by_name("run") == {"run-3": [session_id]} | {
        name: [own_id] for name, own_id in launched.names.items()
    }


def test_an_id_that_is_listed_under_another_name_is_not_accepted(
    variant: Any, faulty: FaultyPlatform, other_ids: list[str]
) -> None:
    faulty.script("POST run-1", wrong_id(other_ids[0]))
    faulty.script("POST run-2", f.RESET_EXECUTED)
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


@pytest.mark.parametrize("odd_value", [None, "", 5, ["abcd1234"], {"a": 1}], ids=str)
@pytest.mark.parametrize("key", ["id", "name"])
def test_an_odd_record_does_not_stop_a_launch(
    variant: Any, faulty: FaultyPlatform, key: str, odd_value: object
) -> None:
    odd_record = {"id": "zzzz1234", "name": "run-2"} | {key: odd_value}
    faulty.script("POST run-2", f.RESET_EXECUTED)
    faulty.script("GET session", f.Fault("odd", body=json.dumps([odd_record]).encode()))
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


@pytest.mark.parametrize(
    "body", [b"abcd", b"abcdefgh"], ids=["half an id", "a whole id without a line feed"]
)
def test_an_id_without_a_line_feed_may_be_cut_off(
    variant: Any, faulty: FaultyPlatform, body: bytes
) -> None:
    """The other responses end with a line feed."""
    faulty.script("POST run-2", f.Fault("executed, cut id", body=body))
    launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


# Without retries, and errors.


def test_a_launch_without_any_connection_raises_an_error(
    variant: Any, faulty: FaultyPlatform
) -> None:
    for name in names(3):
        faulty.always(f"POST {name}", f.RESET_NOT_EXECUTED)
    faulty.always("GET session", f.RESET_NOT_EXECUTED)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(open_session(variant, faulty, retry=SHORT).create("run", IMAGE, replicas=3))
    assert caught.value.partial.uncertain == names(3)


@pytest.mark.parametrize("fault", [f.RESET_EXECUTED, f.refusal(503), f.STALL_EXECUTED], ids=str)
def test_without_retries_each_launch_is_one_request(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    faulty.script("POST run-2", fault)
    with pytest.raises(SkahaError) as caught:
        variant.run(
            open_session(variant, faulty, retry=False, timeout=timeout_for(fault)).create(
                "run", IMAGE, replicas=3
            )
        )
    launched = caught.value.partial
    assert list(launched.names) == ["run-1", "run-3"]
    assert list(launched.failures) == launched.uncertain == ["run-2"]
    assert launched.retries == 0
    assert sorted(faulty.request_keys()) == [f"POST {name}" for name in names(3)]


def test_a_time_out_of_a_launch_raises_its_own_error(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("POST run-1", f.STALL_NOT_EXECUTED)
    with pytest.raises(TimedOutError, match="launch of run-1: no answer in time"):
        variant.run(
            open_session(variant, faulty, retry=False, timeout=TIMEOUT).create("run", IMAGE)
        )


def test_a_launch_does_not_use_a_connection_that_the_server_has_closed(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """Otherwise the launch would be uncertain."""
    session = open_session(variant, faulty, retry=False)
    variant.run(session.fetch())
    faulty.close_connections()
    check_exact(faulty, variant.run(session.create("run", IMAGE)), names(1))


def test_repeated_launches_are_counted_and_logged(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.script("POST run-1", f.RESET_NOT_EXECUTED, f.refusal(503))
    faulty.script("POST run-2", f.refusal(429))
    with caplog.at_level(logging.DEBUG, "skaha"):
        launched = variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    assert launched.retries == 3
    messages = [record.getMessage() for record in caplog.records if record.name == "skaha"]
    assert sum("run-1" in message for message in messages) >= 2
    assert sum("run-2" in message for message in messages) >= 1


def test_a_launch_without_any_session_raises_the_error(
    variant: Any, faulty: FaultyPlatform
) -> None:
    for name in names(3):
        faulty.always(f"POST {name}", f.refusal(400))
    with pytest.raises(BadRequestError) as caught:
        variant.run(open_session(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(caught.value.partial) == []
    assert list(caught.value.partial.failures) == names(3)


# Relaunch.


@pytest.fixture
def partial(variant: Any, faulty: FaultyPlatform) -> Launched:
    """Return the partial result of three launches; the second replica runs, but is uncertain."""
    faulty.always("GET session", f.refusal(503))
    faulty.script("POST run-2", f.RESET_EXECUTED)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(open_session(variant, faulty, retry=SHORT).create("run", IMAGE, replicas=3))
    assert caught.value.partial.uncertain == ["run-2"]
    return caught.value.partial


def test_a_relaunch_finds_the_uncertain_replicas(
    variant: Any, faulty: FaultyPlatform, partial: Launched
) -> None:
    faulty.always("GET session", f.NONE)
    relaunched = variant.run(open_session(variant, faulty).relaunch(partial))
    assert list(relaunched.found_by_name) == ["run-2"]
    assert faulty.ids_by_name() == {
        name: [session_id] for name, session_id in (partial.names | relaunched.names).items()
    }


def test_a_relaunch_without_a_list_sends_no_launch(
    variant: Any, faulty: FaultyPlatform, partial: Launched
) -> None:
    with pytest.raises(SkahaError) as caught:
        variant.run(open_session(variant, faulty, retry=SHORT).relaunch(partial))
    assert list(caught.value.partial.failures) == ["run-2"]
    assert len(faulty.requests("POST run-2")) == 1
