"""A launch on a bad network ends with exactly the requested replicas, or with a true account."""

import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from faults import faulty as f
from faults.conftest import IMAGE, LONG_TIMEOUT, QUICK, TIMEOUT, timeout_for
from faults.faulty import FaultyPlatform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skaha import Retry
from skaha.errors import (
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
# Long enough that no launch that is executed late is sent again, short enough for tests.
PATIENT = Retry(
    attempts=12, deadline=30, first_pause=0.01, longest_pause=0.05, settle=0.6, stop_look_up=0.5
)
SHORT = Retry(deadline=0.2, first_pause=0.005, longest_pause=0.02, settle=0.02)
OTHER_STATUSES = [f.refused(status) for status in (302, 307, 408, 418 + 81, 520, 524)]
CUT_ID = f.Fault("done, cut id", raw=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd")
UNCERTAIN = [
    *(f.refused(status) for status in (500, 502, 503, 504)),
    *OTHER_STATUSES,
    *f.CUTS,
    *f.GARBAGE,
    *f.STALLS,
    CUT_ID,
]
EXECUTED_LATE = [f.TOO_LATE, f.LATE_504]


def opened(variant: Any, platform: FaultyPlatform, **settings: Any) -> Any:
    settings = {"retry": QUICK, "timeout": LONG_TIMEOUT, "concurrency": 8} | settings
    return variant.open(server=platform.url, token="a-token", **settings)


def launched_or_partial(variant: Any, call: Any) -> Launched:
    """The result of a launch, or the `partial` of its error."""
    try:
        return variant.run(call())
    except SkahaError as error:
        return error.partial


def names(count: int, prefix: str = "run") -> list[str]:
    return [f"{prefix}-{number}" for number in range(1, count + 1)]


def check_exact(platform: FaultyPlatform, launched: Launched, wanted: list[str]) -> None:
    """Every name is on the server once, with the id that the call returned, and nothing else is."""
    on_server = platform.named("run")
    assert on_server == {name.lower(): [launched.names[name]] for name in wanted}
    assert list(launched) == [launched.names[name] for name in wanted]
    assert (launched.failures, launched.uncertain, launched.surplus) == ({}, [], {})


def check_account(platform: FaultyPlatform, launched: Launched, wanted: list[str]) -> None:
    """Nothing is deleted, and each session on the server is known, uncertain or surplus."""
    assert platform.seen("DELETE") == []
    assert sorted([*launched.names, *launched.failures]) == sorted(wanted)
    assert set(launched.uncertain) <= set(launched.failures)
    on_server = platform.named("run")
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
def test_exactly_the_requested_replicas(
    variant: Any, rate: float, seed: int, replicas: int, old: int
) -> None:
    # A launch that is executed after two looks is another test.
    faults = [fault for fault in f.ALL if fault not in EXECUTED_LATE]
    with FaultyPlatform(seed, rate, faults, unread=rate / 10) as platform:
        before = [platform.add(name) for name in names(old)]
        launched = variant.run(
            opened(variant, platform, timeout=TIMEOUT).create("run", IMAGE, replicas=replicas)
        )
        # No older session was taken for a new one, or deleted.
        assert [platform.sessions.pop(session_id).name for session_id in before] == names(old)
        check_exact(platform, launched, names(replicas))
        assert launched.retries >= len(platform.seen("POST")) - replicas


# Each platform, and how many sessions it may start besides the requested ones.
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
def test_the_account_is_exact_on_a_slow_or_odd_platform(
    variant: Any, platform_settings: dict[str, Any], seed: int, replicas: int
) -> None:
    with FaultyPlatform(seed, 0.3, [*f.CUTS, f.PAGE], **platform_settings) as platform:
        session = opened(variant, platform, retry=PATIENT, timeout=TIMEOUT)
        launched = launched_or_partial(
            variant, lambda: session.create("run", IMAGE, replicas=replicas)
        )
        check_account(platform, launched, names(replicas))
        assert len(platform.sessions) <= replicas + sum(map(len, launched.surplus.values()))


@pytest.mark.parametrize("replicas", [1, 6])
def test_a_platform_that_is_slower_than_the_time_out_starts_no_session_twice(
    variant: Any, replicas: int
) -> None:
    """No response comes in time, but every launch is executed."""
    with FaultyPlatform(launch_seconds=2 * TIMEOUT) as platform:
        launched = variant.run(
            opened(variant, platform, timeout=TIMEOUT).create("run", IMAGE, replicas=replicas)
        )
        check_exact(platform, launched, names(replicas))
        assert len(platform.seen("POST")) == replicas
        assert launched.found_by_name == launched.names


@pytest.mark.parametrize("status", [500, 0], ids=["500", "reset"])
def test_a_launch_that_is_executed_after_its_response_was_lost_is_found(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    ending = f.Ending.WHOLE if status else f.Ending.NOTHING
    late = f.Fault("done later", f.Doing.NEVER, ending, status=status, late=0.3)
    faulty.script("POST run-2", late)
    session = opened(variant, faulty, retry=PATIENT)
    launched = variant.run(session.create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))
    assert len(faulty.seen("POST run-2")) == 1
    assert launched.found_by_name == {"run-2": launched.names["run-2"]}


def test_a_list_that_lags_proves_nothing_until_it_has_the_acknowledged_launches(
    variant: Any,
) -> None:
    """A session that is missing from an old list is not launched again."""
    with FaultyPlatform(list_lag=0.8) as platform:
        platform.script("POST run-2", f.RESET_DONE)
        session = opened(variant, platform)
        launched = variant.run(session.create("run", IMAGE, replicas=3))
        check_exact(platform, launched, names(3))


@pytest.mark.parametrize("fault", UNCERTAIN, ids=str)
def test_an_old_failed_session_is_not_taken_for_its_replacement(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    session = opened(variant, faulty, timeout=timeout_for(fault))
    first = variant.run(session.create("run", IMAGE, replicas=3))
    faulty.script("POST run-2", fault)
    again = variant.run(session.relaunch(first, failed=first.names["run-2"]))
    on_server = faulty.named("run-2")["run-2"]
    assert on_server[:2] == [first.names["run-2"], *again]
    assert on_server[2:] == again.surplus.get("run-2", [])


@pytest.mark.slow
@by_seed
@given(
    seed=SEEDS,
    replicas=st.integers(1, 8),
    deadline=st.sampled_from([0.0001, 0.05, 0.2]),
    dead=st.sampled_from([f.RESET_UNDONE, f.refused(503), f.refused(429, 30), f.refused(502)]),
)
def test_a_deadline_gives_a_true_account(
    variant: Any, seed: int, replicas: int, deadline: float, dead: f.Fault
) -> None:
    no_stalls = [*f.REFUSALS, *f.CUTS, f.PAGE, f.NOT_HTTP]
    with FaultyPlatform(seed, 0.3, no_stalls) as platform:
        for name in names(replicas)[::2]:
            platform.always(f"POST {name}", dead)
        quick = Retry(deadline=deadline, first_pause=0.005, longest_pause=0.02, settle=0.01)
        session = opened(variant, platform, retry=quick)
        with pytest.raises(SkahaError) as caught:
            variant.run(session.create("run", IMAGE, replicas=replicas))
        partial = caught.value.partial
        check_account(platform, partial, names(replicas))
        assert set(partial.failures) >= set(names(replicas)[::2])
        assert all(name in str(error) for name, error in partial.failures.items())


@pytest.mark.parametrize("fault", UNCERTAIN, ids=str)
def test_an_uncertain_launch_is_sent_again_only_after_two_looks(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    for name in ("run-1", "run-3"):
        faulty.script(f"POST {name}", fault)
    launched = variant.run(
        opened(variant, faulty, timeout=timeout_for(fault)).create("run", IMAGE, replicas=4)
    )
    check_account(faulty, launched, names(4))
    assert list(launched.names) == names(4)
    words = faulty.words()
    for name in names(4):
        posts = [place for place, word in enumerate(words) if word == f"POST {name}"]
        for first, second in itertools.pairwise(posts):
            assert words[first:second].count("GET session") >= 2
    if fault.doing is f.Doing.NOW:
        check_exact(faulty, launched, names(4))
        assert words.count("POST run-1") == 1


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.refused(502), f.PAGE], ids=str)
def test_one_look_serves_a_whole_batch(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """There is no list before the launch, and not more lists for more replicas."""
    for name in names(20):
        faulty.script(f"POST {name}", fault)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=20))
    check_exact(faulty, launched, names(20))
    words = faulty.words()
    assert words.index("GET session") >= 20
    # A few looks serve all replicas.
    assert len(faulty.seen("GET")) < 20


def test_a_launch_without_a_fault_sends_one_request_for_each_replica(
    variant: Any, faulty: FaultyPlatform
) -> None:
    session = opened(variant, faulty)
    for _ in range(3):
        variant.run(session.create("run", IMAGE))
    variant.run(session.create("run", IMAGE, replicas=4))
    assert sorted(faulty.words()) == ["POST run-1"] * 4 + [f"POST run-{n}" for n in (2, 3, 4)]


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.RESET_UNDONE, f.TOO_LATE], ids=str)
def test_an_old_session_of_the_same_name_is_not_the_new_one(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    old = [faulty.add("run-1", age=age) for age in (3600, 60, 10)]
    faulty.script("POST run-1", fault)
    launched = variant.run(opened(variant, faulty, timeout=timeout_for(fault)).create("run", IMAGE))
    assert launched[0] not in old
    new = [*launched, *launched.surplus.get("run-1", [])]
    assert sorted(faulty.sessions) == sorted([*old, *new])


def test_a_session_of_an_earlier_call_is_not_the_new_one(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The start times cannot tell them apart, but this client received the id of the first."""
    session = opened(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    faulty.script("POST run-1", f.RESET_DONE)
    second = variant.run(session.create("run", IMAGE))
    assert faulty.named() == {"run-1": [*first, *second]}


@pytest.mark.parametrize(
    "missing", [{"has_dates": False}, {"has_start_times": False}], ids=["dates", "start times"]
)
def test_a_launch_whose_time_is_unknown_stays_uncertain(
    variant: Any, missing: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    """A session of this name may be old: it is not taken, and the launch is not sent again."""
    with FaultyPlatform(**missing) as platform:
        platform.add("run-1")
        platform.script("POST run-1", f.RESET_DONE)
        with pytest.raises(ConnectionFailedError) as caught:
            variant.run(opened(variant, platform).create("run", IMAGE))
        partial = caught.value.partial
        assert (partial.names, partial.uncertain) == ({}, ["run-1"])
        assert len(platform.seen("POST")) == 1
        assert "uncertain" in caplog.text
        assert "run-1" in caplog.text


def test_a_platform_without_dates_is_listed_before_the_next_launch(variant: Any) -> None:
    """The list before the launch tells old sessions from new ones."""
    with FaultyPlatform(has_dates=False) as platform:
        old = platform.add("run-1")
        session = opened(variant, platform)
        variant.run(session.fetch())
        platform.script("POST run-1", f.RESET_DONE)
        launched = variant.run(session.create("run", IMAGE))
        assert platform.named() == {"run-1": [old, *launched]}


def test_names_in_capitals_are_found_in_lower_case(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("POST Run-1", f.RESET_DONE)
    launched = variant.run(opened(variant, faulty).create("Run", IMAGE, replicas=2))
    check_exact(faulty, launched, ["Run-1", "Run-2"])
    assert len(faulty.seen("POST Run-1")) == 1


def test_a_longer_name_is_another_name(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("POST run-1-1", f.RESET_UNDONE, f.RESET_DONE)
    session = opened(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    second = variant.run(session.create("run-1", IMAGE))
    assert faulty.named() == {"run-1": list(first), "run-1-1": list(second)}


def test_surplus_sessions_are_reported_and_not_deleted(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform executes a launch after it was sent again: no client can know that earlier."""
    for name in names(3):
        faulty.script(f"POST {name}", f.AT_REPEAT)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_account(faulty, launched, names(3))
    assert {name: len(ids) for name, ids in launched.surplus.items()} == dict.fromkeys(names(3), 1)
    assert all(session_id in caplog.text for [session_id] in launched.surplus.values())
    # The surplus sessions do not count as missing.
    assert variant.run(opened(variant, faulty).relaunch(launched)) == []


@pytest.mark.parametrize("post", [1, 2], ids=["before the look", "after it"])
def test_a_session_after_a_clear_refusal_belongs_to_another_program(
    variant: Any, faulty: FaultyPlatform, post: int
) -> None:
    """A 429 was not executed: a new session of that name is neither taken nor deleted."""
    faulty.script("POST run-1", f.refused(429))
    others: list[str] = []

    def launch_elsewhere(request: f.Received) -> None:
        if request.what == "POST run-1" and len(faulty.seen("POST run-1")) == post:
            others.append(faulty.add("run-1", age=0))

    faulty.on_request = launch_elsewhere
    launched = variant.run(opened(variant, faulty).create("run", IMAGE))
    assert sorted(faulty.sessions) == sorted([*others, *launched])
    assert not set(others) & set(launched)


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.RESET_UNDONE, f.refused(503)], ids=str)
def test_two_programs_with_one_prefix_delete_nothing_of_each_other(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """Another program launches the same names at the same time."""
    others: list[str] = []

    def launch_elsewhere(request: f.Received) -> None:
        if request.method == "POST":
            others.append(faulty.add(request.form["name"][0], age=0))

    faulty.on_request = launch_elsewhere
    for name in names(4)[::2]:
        faulty.script(f"POST {name}", fault)
    session = opened(variant, faulty)
    launched = launched_or_partial(variant, lambda: session.create("run", IMAGE, replicas=4))
    assert faulty.seen("DELETE") == []
    assert set(others) <= set(faulty.sessions)
    reported = {*launched, *itertools.chain(*launched.surplus.values())}
    for name in launched.uncertain:
        reported.update(faulty.named(name).get(name, []))
    assert set(faulty.sessions) - set(others) <= reported


@pytest.mark.parametrize("fault", [f.PAGE, f.BINARY, f.refused(500), f.HALF_BODY], ids=str)
@pytest.mark.parametrize("lists", [1, 2], ids=["the first look", "the second look"])
def test_one_bad_list_changes_nothing(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault, lists: int
) -> None:
    faulty.script("GET session", *[f.NONE] * (lists - 1), fault)
    faulty.script("POST run-2", f.RESET_UNDONE)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_one_empty_list_changes_nothing(variant: Any, faulty: FaultyPlatform) -> None:
    """A list without the acknowledged launches proves nothing."""
    empty = f.Fault("empty list", body=b"[]", headers=(("Content-Type", "application/json"),))
    faulty.script("GET session", empty, empty)
    faulty.script("POST run-2", f.RESET_DONE)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_a_list_that_fails_for_a_while_is_read_again(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("GET session", *[f.refused(503)] * 30)
    faulty.script("POST run-2", f.RESET_DONE)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_without_a_list_nothing_is_sent_twice(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("GET session", f.refused(500))
    faulty.script("POST run-2", f.RESET_DONE)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(opened(variant, faulty, retry=SHORT).create("run", IMAGE, replicas=3))
    partial = caught.value.partial
    assert list(partial.names) == ["run-1", "run-3"]
    assert list(partial.failures) == partial.uncertain == ["run-2"]
    assert sorted(word for word in faulty.words() if "POST" in word) == [
        f"POST {name}" for name in names(3)
    ]
    notes = "\n".join(partial.failures["run-2"].__notes__)
    assert "may have been launched" in notes
    assert "500" in notes


@pytest.mark.parametrize("status", [302, 401, 403, 404], ids=str)
def test_a_look_that_is_refused_ends_the_launch_at_once(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    """A sign-in page or a wrong address does not go away."""
    faulty.always("GET session", f.refused(status))
    faulty.script("POST run-2", f.RESET_DONE)
    with pytest.raises(StatusError) as caught:
        variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert caught.value.status == status
    assert caught.value.partial.uncertain == ["run-2"]
    assert list(caught.value.partial.names) == ["run-1", "run-3"]


def test_a_lasting_500_is_not_repeated_for_ever(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("POST run-2", f.refused(500))
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(launched.names) == ["run-1", "run-3"]
    assert isinstance(launched.failures["run-2"], ServerError)
    assert launched.uncertain == []
    assert len(faulty.seen("POST run-2")) == 3


def test_the_last_500_may_be_executed_too(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("POST run-2", f.refused(500), f.refused(500), f.DONE_500)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413])
def test_a_clear_refusal_is_final(variant: Any, faulty: FaultyPlatform, status: int) -> None:
    faulty.always("POST run-2", f.refused(status))
    session = opened(variant, faulty)
    if status == 401:
        with pytest.raises(AuthenticationError) as caught:
            variant.run(session.create("run", IMAGE, replicas=3))
        launched = caught.value.partial
    else:
        launched = variant.run(session.create("run", IMAGE, replicas=3))
    assert list(launched.names) == ["run-1", "run-3"]
    assert launched.failures["run-2"].status == status
    assert launched.uncertain == []
    assert len(faulty.seen("POST run-2")) == 1
    assert faulty.named() == {name: [session_id] for name, session_id in launched.names.items()}


@pytest.mark.parametrize("status", [400, 404, 405, 429])
def test_a_page_is_no_clear_refusal(variant: Any, faulty: FaultyPlatform, status: int) -> None:
    """The page of another server may hide a launch that was executed."""
    page = f.Fault(
        "done, a page", status=status, headers=(("Content-Type", "text/html"),), body=f.PAGE.body
    )
    faulty.script("POST run-2", page)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))
    assert len(faulty.seen("POST run-2")) == 1


def test_a_refusal_because_the_lost_launch_was_executed(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """The second launch is refused as one too many: the first one was executed after all."""
    faulty.script("POST run-1", f.AT_REPEAT, f.refused(400))
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, kind="notebook"))
    assert faulty.named() == {"run-1": list(launched)}


# Ids that cannot be right.


def wrong_id(session_id: str) -> f.Fault:
    return f.Fault(f"done, id {session_id}", body=f"{session_id}\n".encode())


@pytest.fixture
def answered_ids(faulty: FaultyPlatform) -> Iterator[list[str]]:
    """Ids that earlier requests of this test answered with."""
    yield [faulty.add("other-1"), faulty.add("other-2")]
    assert faulty.seen("DELETE") == []


def test_an_id_that_this_client_received_before_is_not_accepted(
    variant: Any, faulty: FaultyPlatform
) -> None:
    session = opened(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    faulty.script("POST go-1", wrong_id(first[0]))
    second = variant.run(session.create("go", IMAGE, replicas=2))
    assert faulty.named() == {"run-1": list(first)} | {
        name: [session_id] for name, session_id in second.names.items()
    }
    assert list(second.found_by_name) == ["go-1"]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_id_of_another_replica_is_not_accepted(
    variant: Any, faulty: FaultyPlatform, order: tuple[int, int]
) -> None:
    """The platform answers two launches with one id, whichever comes first."""
    session_id = faulty.add("run-3", age=0)
    for number in order:
        faulty.script(f"POST run-{number}", wrong_id(session_id))
    launched = variant.run(opened(variant, faulty, concurrency=1).create("run", IMAGE, replicas=2))
    assert faulty.named("run") == {"run-3": [session_id]} | {
        name: [own_id] for name, own_id in launched.names.items()
    }


def test_an_id_that_is_listed_under_another_name_is_not_accepted(
    variant: Any, faulty: FaultyPlatform, answered_ids: list[str]
) -> None:
    faulty.script("POST run-1", wrong_id(answered_ids[0]))
    faulty.script("POST run-2", f.RESET_DONE)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


@pytest.mark.parametrize("odd_value", [None, "", 5, ["abcd1234"], {"a": 1}], ids=str)
@pytest.mark.parametrize("key", ["id", "name"])
def test_an_odd_record_does_not_stop_a_launch(
    variant: Any, faulty: FaultyPlatform, key: str, odd_value: object
) -> None:
    odd_record = {"id": "zzzz1234", "name": "run-2"} | {key: odd_value}
    faulty.script("POST run-2", f.RESET_DONE)
    faulty.script("GET session", f.Fault("odd", body=json.dumps([odd_record]).encode()))
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


@pytest.mark.parametrize(
    "body", [b"abcd", b"abcdefgh"], ids=["half an id", "a whole id without a line feed"]
)
def test_an_id_without_a_line_feed_may_be_cut_off(
    variant: Any, faulty: FaultyPlatform, body: bytes
) -> None:
    """The other responses end with a line feed."""
    faulty.script("POST run-2", f.Fault("done, cut id", body=body))
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


# Without retries, and errors.


def test_no_connection_at_the_start_raises(variant: Any, faulty: FaultyPlatform) -> None:
    for name in names(3):
        faulty.always(f"POST {name}", f.RESET_UNDONE)
    faulty.always("GET session", f.RESET_UNDONE)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(opened(variant, faulty, retry=SHORT).create("run", IMAGE, replicas=3))
    assert caught.value.partial.uncertain == names(3)


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.refused(503), f.STALL_DONE], ids=str)
def test_without_retries_each_launch_is_one_request(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    faulty.script("POST run-2", fault)
    with pytest.raises(SkahaError) as caught:
        variant.run(
            opened(variant, faulty, retry=False, timeout=timeout_for(fault)).create(
                "run", IMAGE, replicas=3
            )
        )
    launched = caught.value.partial
    assert list(launched.names) == ["run-1", "run-3"]
    assert list(launched.failures) == launched.uncertain == ["run-2"]
    assert launched.retries == 0
    assert sorted(faulty.words()) == [f"POST {name}" for name in names(3)]


def test_a_time_out_is_called_so(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("POST run-1", f.STALL_UNDONE)
    with pytest.raises(TimedOutError, match="launch of run-1: no answer in time"):
        variant.run(opened(variant, faulty, retry=False, timeout=TIMEOUT).create("run", IMAGE))


def test_repeated_launches_are_counted_and_logged(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.script("POST run-1", f.RESET_UNDONE, f.refused(503))
    faulty.script("POST run-2", f.refused(429))
    with caplog.at_level(logging.DEBUG, "skaha"):
        launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert launched.retries == 3
    messages = [record.getMessage() for record in caplog.records if record.name == "skaha"]
    assert sum("run-1" in message for message in messages) >= 2
    assert sum("run-2" in message for message in messages) >= 1


def test_nothing_launched_raises(variant: Any, faulty: FaultyPlatform) -> None:
    for name in names(3):
        faulty.always(f"POST {name}", f.refused(400))
    with pytest.raises(BadRequestError) as caught:
        variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(caught.value.partial) == []
    assert list(caught.value.partial.failures) == names(3)


# Relaunch.


@pytest.fixture
def partial(variant: Any, faulty: FaultyPlatform) -> Launched:
    """A launch of three replicas, of which the second is running and uncertain."""
    faulty.always("GET session", f.refused(503))
    faulty.script("POST run-2", f.RESET_DONE)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(opened(variant, faulty, retry=SHORT).create("run", IMAGE, replicas=3))
    assert caught.value.partial.uncertain == ["run-2"]
    return caught.value.partial


def test_a_relaunch_finds_the_uncertain_replicas(
    variant: Any, faulty: FaultyPlatform, partial: Launched
) -> None:
    faulty.always("GET session", f.NONE)
    again = variant.run(opened(variant, faulty).relaunch(partial))
    assert list(again.found_by_name) == ["run-2"]
    assert faulty.named() == {
        name: [session_id] for name, session_id in (partial.names | again.names).items()
    }


def test_a_relaunch_without_a_list_sends_nothing(
    variant: Any, faulty: FaultyPlatform, partial: Launched
) -> None:
    with pytest.raises(SkahaError) as caught:
        variant.run(opened(variant, faulty, retry=SHORT).relaunch(partial))
    assert list(caught.value.partial.failures) == ["run-2"]
    assert len(faulty.seen("POST run-2")) == 1
