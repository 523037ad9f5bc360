"""A launch on a bad network ends with exactly what was ordered, or with a true account."""

import itertools
import logging
from typing import Any

import pytest
from faults import faulty as f
from faults.conftest import IMAGE, QUICK, TIMEOUT
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
    TimedOutError,
)
from skaha.results import Launched

# The variants open a session for each example; the fixture's own state does not matter.
by_seed = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SEEDS = st.integers(0, 2**32)
DOUBTFUL = [
    *(f.refused(status) for status in (408, 429, 500, 502, 503, 504)),
    *f.CUTS,
    *f.GARBAGE,
    *f.STALLS,
]


def opened(variant: Any, platform: FaultyPlatform, **settings: Any) -> Any:
    settings = {"retry": QUICK, "timeout": TIMEOUT, "concurrency": 8} | settings
    return variant.open(server=platform.url, token="a-token", **settings)


def names(count: int, prefix: str = "run") -> list[str]:
    return [f"{prefix}-{number}" for number in range(1, count + 1)]


def check_exact(platform: FaultyPlatform, launched: Launched, wanted: list[str]) -> None:
    """Every name is there once, with the id that the call returned, and nothing else is."""
    on_server = platform.named("run")
    assert on_server == {name.lower(): [launched.names[name]] for name in wanted}
    assert list(launched) == [launched.names[name] for name in wanted]
    assert launched.failures == {}


@pytest.mark.parametrize("rate", [0.1, 0.3])
@by_seed
@given(seed=SEEDS, replicas=st.integers(1, 12), old=st.integers(0, 3))
def test_exactly_the_replicas_ordered(
    variant: Any, rate: float, seed: int, replicas: int, old: int
) -> None:
    with FaultyPlatform(seed, rate, unread=rate / 10) as platform:
        before = [platform.add(name) for name in names(old)]
        launched = variant.run(opened(variant, platform).create("run", IMAGE, replicas=replicas))
        # Nothing that was there before was taken for new, or destroyed.
        assert [platform.sessions.pop(one).name for one in before] == names(old)
        check_exact(platform, launched, names(replicas))
        assert launched.retries >= len(platform.seen("POST")) - replicas


@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
def test_what_failed_is_not_taken_for_what_replaces_it(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    session = opened(variant, faulty)
    first = variant.run(session.create("run", IMAGE, replicas=3))
    faulty.script("POST run-2", fault)
    again = variant.run(session.relaunch(first, failed=first.names["run-2"]))
    assert faulty.named("run-2") == {"run-2": [first.names["run-2"], *again]}
    assert len(again) == 1


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
    """What is in `partial` is on the server, and what is in its `failures` is not."""
    # What takes after the last look cannot be known.
    cuts = [fault for fault in f.CUTS if fault.doing is not f.Doing.AFTER_LIST]
    no_stalls = [*f.REFUSALS, *cuts, f.PAGE, f.NOT_HTTP]
    with FaultyPlatform(seed, 0.3, no_stalls) as platform:
        # A look that fails leaves a doubt: that is another test.
        platform.spared.add("GET session")
        for name in names(replicas)[::2]:
            platform.always(f"POST {name}", dead)
        quick = Retry(deadline=deadline, first_pause=0.005, longest_pause=0.02)
        with pytest.raises(SkahaError) as caught:
            variant.run(
                opened(variant, platform, retry=quick).create("run", IMAGE, replicas=replicas)
            )
        partial = caught.value.partial
        assert platform.named() == {name: [one] for name, one in partial.names.items()}
        assert sorted([*partial.names, *partial.failures]) == sorted(names(replicas))
        assert set(partial.failures) >= set(names(replicas)[::2])
        assert all(name in str(error) for name, error in partial.failures.items())


@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
def test_a_launch_is_repeated_only_after_a_look(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """Between two posts of one name there is a list request, whatever was wrong with the first."""
    for name in ("run-1", "run-3"):
        faulty.script(f"POST {name}", fault)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=4))
    check_exact(faulty, launched, names(4))
    words = faulty.words()
    for name in names(4):
        posts = [place for place, word in enumerate(words) if word == f"POST {name}"]
        for first, second in itertools.pairwise(posts):
            assert "GET session" in words[first:second]
    took = fault.doing is f.Doing.NOW or fault == f.LATE
    assert words.count("POST run-1") == (1 if took else 2)


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.refused(502), f.PAGE], ids=str)
def test_one_look_serves_a_whole_batch(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    """One list before the launch, one for all doubts; a third when something was sent twice."""
    for name in names(20):
        faulty.script(f"POST {name}", fault)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=20))
    check_exact(faulty, launched, names(20))
    repeated = len(faulty.seen("POST")) > 20
    assert len(faulty.seen("GET")) == 2 + repeated


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.RESET_UNDONE, f.TOO_LATE], ids=str)
def test_an_old_session_of_the_same_name_is_not_the_new_one(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    old = [faulty.add("run-1") for _ in range(3)]
    faulty.script("POST run-1", fault)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE))
    assert launched[0] not in old
    assert sorted(faulty.sessions) == sorted([*old, *launched])


def test_names_in_capitals_are_found_in_lower_case(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("POST Run-1", f.RESET_DONE)
    faulty.script("POST Run-2", f.TOO_LATE)
    launched = variant.run(opened(variant, faulty).create("Run", IMAGE, replicas=2))
    check_exact(faulty, launched, ["Run-1", "Run-2"])
    assert len(faulty.seen("POST Run-1")) == 1


def test_a_name_that_another_begins_with_is_not_the_other(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """`run-1` is there as `run-1-1`, and `run-1` as `run-1`: whole names count."""
    faulty.script("POST run-1-1", f.RESET_UNDONE, f.RESET_DONE)
    session = opened(variant, faulty)
    first = variant.run(session.create("run", IMAGE))
    second = variant.run(session.create("run-1", IMAGE))
    assert faulty.named() == {"run-1": list(first), "run-1-1": list(second)}


def test_what_comes_twice_is_ended(variant: Any, faulty: FaultyPlatform) -> None:
    """A launch that took after it was looked for and repeated leaves one session, not two."""
    for name in names(3):
        faulty.script(f"POST {name}", f.TOO_LATE)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))
    assert len(faulty.seen("DELETE")) == 3


@pytest.mark.parametrize("post", [1, 2], ids=["before the look", "after it"])
def test_what_a_refused_launch_cannot_have_made_is_anothers(
    variant: Any, faulty: FaultyPlatform, post: int
) -> None:
    """After a 429 a new session of that name is another launch's: neither taken nor ended."""
    faulty.script("POST run-1", f.refused(429))
    others: list[str] = []

    def launch_elsewhere(request: f.Received) -> None:
        if request.what == "POST run-1" and len(faulty.seen("POST run-1")) == post:
            others.append(faulty.add("run-1"))

    faulty.on_request = launch_elsewhere
    launched = variant.run(opened(variant, faulty).create("run", IMAGE))
    assert sorted(faulty.sessions) == sorted([*others, *launched])
    assert not set(others) & set(launched)


@pytest.mark.parametrize("fault", [f.PAGE, f.BINARY, f.refused(500), f.HALF_BODY], ids=str)
@pytest.mark.parametrize(
    "lists", [1, 2, 3], ids=["before the launch", "after it", "after the second one"]
)
def test_one_bad_list_changes_nothing(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault, lists: int
) -> None:
    """The list is read again, also when what came in its place was no list."""
    faulty.script("GET session", *[f.NONE] * (lists - 1), fault)
    faulty.script("POST run-2", f.LATE_504)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_a_list_that_fails_for_a_while_is_waited_for(variant: Any, faulty: FaultyPlatform) -> None:
    """While there is time the doubts are looked into, however often the look itself fails."""
    faulty.script("GET session", f.NONE, *[f.refused(503)] * 30)
    faulty.script("POST run-2", f.RESET_DONE)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    check_exact(faulty, launched, names(3))


def test_without_a_list_nothing_is_sent_twice(variant: Any, faulty: FaultyPlatform) -> None:
    """Who cannot look does not repeat, and says of which launches nothing is known."""
    faulty.always("GET session", f.refused(500))
    faulty.script("POST run-2", f.RESET_DONE)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(caught.value.partial.names) == ["run-1", "run-3"]
    assert list(caught.value.partial.failures) == ["run-2"]
    assert sorted(word for word in faulty.words() if "POST" in word) == [
        "POST run-1",
        "POST run-2",
        "POST run-3",
    ]


def test_a_look_that_fails_is_told(variant: Any, faulty: FaultyPlatform) -> None:
    """The account says of which launches nothing is known, and why."""
    faulty.script("GET session", f.NONE)
    faulty.always("GET session", f.refused(503))
    faulty.always("POST run-2", f.RESET_DONE)
    quick = Retry(deadline=0.2, first_pause=0.005, longest_pause=0.02)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(opened(variant, faulty, retry=quick).create("run", IMAGE, replicas=3))
    notes = "\n".join(caught.value.partial.failures["run-2"].__notes__)
    assert "may have been launched" in notes
    assert "503" in notes


def test_a_lasting_500_is_not_repeated_for_ever(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("POST run-2", f.refused(500))
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(launched.names) == ["run-1", "run-3"]
    assert isinstance(launched.failures["run-2"], ServerError)
    assert len(faulty.seen("POST run-2")) == 3


def test_the_last_500_may_have_taken_too(variant: Any, faulty: FaultyPlatform) -> None:
    """However often it fails: what is said not to be there is not there."""
    faulty.script("POST run-2", f.refused(500), f.refused(500), f.DONE_500)
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert launched.failures.keys() | launched.names.keys() == set(names(3))
    assert faulty.named() == {name: [one] for name, one in launched.names.items()}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413])
def test_a_refusal_is_final(variant: Any, faulty: FaultyPlatform, status: int) -> None:
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
    assert len(faulty.seen("POST run-2")) == 1
    assert faulty.named() == {name: [one] for name, one in launched.names.items()}


def test_a_refusal_because_the_lost_one_took(variant: Any, faulty: FaultyPlatform) -> None:
    """The lost launch takes late, and the repeated one is refused as one too many: found it is."""
    faulty.script("POST run-1", f.TOO_LATE, f.refused(400))
    launched = variant.run(opened(variant, faulty).create("run", IMAGE, kind="notebook"))
    assert faulty.named() == {"run-1": list(launched)}


def test_nothing_is_launched_by_one_that_raises_at_once(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """Without a connection at the start there is no launch, and the error says why."""
    faulty.always("GET session", f.RESET_UNDONE)
    quick = Retry(attempts=3, deadline=5, first_pause=0.001)
    with pytest.raises(ConnectionFailedError):
        variant.run(opened(variant, faulty, retry=quick).create("run", IMAGE, replicas=3))
    assert faulty.seen("POST") == []


@pytest.mark.parametrize("fault", [f.RESET_DONE, f.refused(503), f.STALL_DONE], ids=str)
def test_no_retry_in_one_word(variant: Any, faulty: FaultyPlatform, fault: f.Fault) -> None:
    """With `retry=False` each launch is one request, and nothing is looked up."""
    faulty.script("POST run-2", fault)
    with pytest.raises(SkahaError) as caught:
        variant.run(opened(variant, faulty, retry=False).create("run", IMAGE, replicas=3))
    launched = caught.value.partial
    assert list(launched.names) == ["run-1", "run-3"]
    assert list(launched.failures) == ["run-2"]
    assert launched.retries == 0
    assert sorted(faulty.words()) == [f"POST {name}" for name in names(3)]


def test_a_time_out_is_called_so(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("POST run-1", f.STALL_UNDONE)
    with pytest.raises(TimedOutError, match="launch of run-1: no answer in time"):
        variant.run(opened(variant, faulty, retry=False).create("run", IMAGE))


def test_repeated_launches_are_counted_and_seen(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.script("POST run-1", f.RESET_UNDONE, f.refused(503))
    faulty.script("POST run-2", f.refused(429))
    with caplog.at_level(logging.DEBUG, "skaha"):
        launched = variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert launched.retries == 3
    told = [record.getMessage() for record in caplog.records if record.name == "skaha"]
    assert sum("run-1" in text for text in told) >= 2
    assert sum("run-2" in text for text in told) >= 1


def test_a_relaunch_does_not_double_what_took_late(variant: Any, faulty: FaultyPlatform) -> None:
    """What `create` could not know of, `relaunch` finds before it launches it again."""
    faulty.script("GET session", f.NONE)
    faulty.always("GET session", f.refused(503))
    faulty.script("POST run-2", f.RESET_DONE)
    quick = Retry(deadline=0.2, first_pause=0.005, longest_pause=0.02)
    session = opened(variant, faulty, retry=quick)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(session.create("run", IMAGE, replicas=3))
    partial = caught.value.partial
    faulty.always("GET session", f.NONE)
    again = variant.run(session.relaunch(partial))
    assert faulty.named() == {name: [one] for name, one in (partial.names | again.names).items()}


def test_nothing_launched_raises(variant: Any, faulty: FaultyPlatform) -> None:
    for name in names(3):
        faulty.always(f"POST {name}", f.refused(400))
    with pytest.raises(BadRequestError) as caught:
        variant.run(opened(variant, faulty).create("run", IMAGE, replicas=3))
    assert list(caught.value.partial) == []
    assert list(caught.value.partial.failures) == names(3)


def test_a_relaunch_that_cannot_look_launches_nothing(variant: Any, faulty: FaultyPlatform) -> None:
    """What may be there already is not sent again on the chance that it is not."""
    faulty.script("GET session", f.NONE)
    faulty.always("GET session", f.refused(503))
    faulty.script("POST run-2", f.RESET_DONE)
    quick = Retry(deadline=0.2, first_pause=0.005, longest_pause=0.02)
    session = opened(variant, faulty, retry=quick)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(session.create("run", IMAGE, replicas=3))
    with pytest.raises(SkahaError) as again:
        variant.run(session.relaunch(caught.value.partial))
    assert list(again.value.partial.failures) == ["run-2"]
    assert len(faulty.seen("POST run-2")) == 1


def test_what_may_be_anothers_is_not_ended(variant: Any, faulty: FaultyPlatform) -> None:
    """One launch was lost, two sessions came: whose is whose nobody knows, so all stay."""
    faulty.script("POST run-1", f.RESET_UNDONE)
    others: list[str] = []

    def launch_elsewhere(request: f.Received) -> None:
        if request.what == "POST run-1" and len(faulty.seen("POST run-1")) == 2:
            others.extend(faulty.add("run-1") for _ in range(2))

    faulty.on_request = launch_elsewhere
    launched = variant.run(opened(variant, faulty).create("run", IMAGE))
    assert sorted(faulty.sessions) == sorted([*others, *launched])
