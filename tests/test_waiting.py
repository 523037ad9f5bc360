"""Waiting: one list a round, however many sessions there are, until each is where it should be."""

import itertools
import threading
import time

import httpx
import hypothesis.strategies as st
import pytest
import samples
from hypothesis import HealthCheck, given, settings
from scripted import Answer, json_answer
from staged import IMAGE, Stage, listing, record

from skaha import Retry, errors

NAMED = {"ids": "id", "until": "until|status"}
QUICK = {"poll": 0.001, "longest_poll": 0.002}
PATIENCE = 20


def waited(variant, scripted, listings, ids, **options):
    scripted.answer = Stage(*listings)
    session = variant.open(server=scripted.url, token="t", retry=False)
    return variant.run(session.wait(ids, **QUICK | options))


def test_it_ends_with_the_last_session_and_tells_how_each_ended(variant, scripted):
    """Well, by both words for it, or not."""
    listings = [
        listing({"a1": "Pending", "b2": "Running", "c3": "Running", "d4": "Pending"}),
        listing({"a1": "Running", "b2": "Succeeded", "c3": "Failed", "d4": "Running"}),
        listing({"a1": "Completed", "b2": "Succeeded", "c3": "Failed", "d4": "Error"}),
    ]
    ended = waited(variant, scripted, listings, ["c3", "b2", "a1", "d4"])
    assert list(ended.items()) == [
        ("c3", "Failed"),
        ("b2", "Succeeded"),
        ("a1", "Completed"),
        ("d4", "Error"),
    ]
    assert ended.failures == {}
    assert len(scripted.received) == 3


def test_it_is_told_by_the_embedded_platform(variant, session):
    good = variant.run(session.create("good", IMAGE, cmd="true", replicas=2))
    bad = variant.run(session.create("bad", IMAGE, cmd="false"))
    try:
        ended = variant.run(session.wait([*good, *bad], timeout=PATIENCE))
        assert list(ended.values()) == ["Completed", "Completed", "Failed"]
    finally:
        variant.run(session.destroy([*good, *bad]))


def test_any_number_of_sessions_takes_one_request_a_round(variant, scripted):
    ids = [f"a{number}" for number in range(500)]
    listings = [
        listing(dict.fromkeys(ids, status))
        for status in ("Pending", "Pending", "Running", "Failed")
    ]
    assert waited(variant, scripted, listings, ids) == dict.fromkeys(ids, "Failed")
    assert [(request.method, request.path, request.query) for request in scripted.received] == [
        ("GET", "/skaha/v1/session", {})
    ] * 4


def test_nothing_is_asked_for_the_sake_of_no_session(variant, scripted):
    assert waited(variant, scripted, [[]], []) == {}
    assert scripted.received == []


@pytest.mark.parametrize(
    ("until", "rounds"),
    [
        ("finished", 5),
        ("running", 2),
        ("Running", 2),
        (["Running"], 2),
        ({"Terminating", "Running"}, 2),
        ("Terminating", 3),
        (["Unknown", "Terminating"], 3),
        # One word for success stands for both.
        ("Succeeded", 5),
        (("Completed",), 5),
        ("Failed", 5),
    ],
)
def test_it_lasts_until_one_of_the_wanted_statuses_or_the_end(variant, scripted, until, rounds):
    statuses = ["Pending", "Running", "Terminating", "Dreaming", "Succeeded"]
    listings = [listing({"a1": status}) for status in statuses]
    found = waited(variant, scripted, listings, "a1", until=until)
    assert found == {"a1": statuses[rounds - 1]}
    assert len(scripted.received) == rounds


def test_what_has_ended_is_not_waited_for_until_it_runs(variant, scripted):
    listings = [
        listing({"a1": "Failed", "b2": "Pending"}),
        listing({"a1": "Failed", "b2": "Running"}),
    ]
    found = waited(variant, scripted, listings, ["a1", "b2"], until="running")
    assert found == {"a1": "Failed", "b2": "Running"}


ENDS = {"Succeeded", "Completed", "Failed", "Error"}
ODD = st.text(max_size=8).filter(lambda text: text.strip() not in {"Gone", "Unseen", *ENDS})
LISTED = (
    st.sampled_from(["Pending", "Running", "Terminating", "Unknown", "<none>", "", *ENDS]) | ODD
)


def warnings_of(caplog):
    return [message.getMessage() for message in caplog.records if message.levelname == "WARNING"]


def told(rounds, wanted):
    """Return the expected statuses of a session, from its statuses in one list after another."""
    status, ended_in, missing = "Unseen", len(rounds), 0
    for number, listed in enumerate(rounds):
        if listed is not None:
            nothing = listed.strip() in {"", "<none>", "<nil>", "<unknown>", "null"}
            status = "Unknown" if nothing or listed.strip() == "not-applicable" else listed
            missing = 0
        elif any(status is not None for status in rounds[:number]):
            missing += 1
            status = "Gone" if missing == 2 else status
        if status in ENDS | {"Gone"} | wanted:
            return status, number + 1
    return status, ended_in


@pytest.mark.usefixtures("quick_look_ups")
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        st.sampled_from(["a1", "b2", "c3"]),
        st.lists(st.none() | LISTED, max_size=4),
        min_size=1,
    ),
    st.sampled_from(["finished", "running", "Terminating"]),
)
def test_whatever_the_lists_say_each_session_is_told_by_its_own(variant, scripted, shown, until):
    """The law: listed late, gone, unknown words, no words, in any order, for any number."""
    longest = max(len(rounds) for rounds in shown.values()) + 1
    # Whoever is still there at the end has ended.
    whole = {
        one: [*rounds, *[rounds[-1] if rounds else None] * (longest - len(rounds)), "Completed"]
        for one, rounds in shown.items()
    }
    wanted = {"finished": set(), "running": {"Running"}}.get(until, {until})
    expected = {one: told(rounds, wanted) for one, rounds in whole.items()}
    listings = [
        listing({one: rounds[number] for one, rounds in whole.items()})
        for number in range(longest + 1)
    ]
    scripted.received.clear()
    found = waited(variant, scripted, listings, list(whole), until=until, appear=PATIENCE)
    assert found == {one: status for one, (status, _) in expected.items()}
    assert lists(scripted) == max(rounds for _, rounds in expected.values())


@pytest.mark.parametrize(
    ("statuses", "name"),
    [
        (["Dreaming", "Dreaming"], "'Dreaming'"),
        ([None, None], "no status"),
        (["<none>", ""], "no status"),
        ([{"word": "Completed"}] * 2, "Completed"),
    ],
)
def test_an_unknown_status_is_not_the_end_and_causes_one_warning(
    variant, scripted, caplog, statuses, name
):
    odd = [record(one, status) for one, status in zip(("a1", "b2"), statuses, strict=True)]
    listings = [odd, odd, listing({"a1": "Completed", "b2": "Completed"})]
    assert waited(variant, scripted, listings, ["a1", "b2"]) == {
        "a1": "Completed",
        "b2": "Completed",
    }
    [warning] = warnings_of(caplog)
    assert warning.startswith("session a1 has an unknown status, ")
    assert name in warning
    assert warning.endswith(": it counts as not finished")


# Not there yet, and not there any more.


def lists(scripted):
    """The number of lists that were requested."""
    return sum(request.path.endswith("/session") for request in scripted.received)


def look_ups(scripted):
    """The ids that were looked up, in this order."""
    ids = [request.path.rpartition("/")[2] for request in scripted.received if not request.query]
    return [session_id for session_id in ids if session_id != "session"]


FAILED_AND_STARTED_AGAIN = ["Running", "Failed", "Failed", "Pending", "Running", "Completed"]


@pytest.mark.parametrize("kind", ["notebook", "desktop", "a-new-kind", None])
def test_a_failed_session_that_the_platform_starts_again_has_not_ended(variant, scripted, kind):
    listings = [[record("a1", status, type=kind)] for status in FAILED_AND_STARTED_AGAIN]
    assert waited(variant, scripted, listings, "a1") == {"a1": "Completed"}


def test_a_failed_headless_session_has_ended(variant, scripted):
    listings = [listing({"a1": status}) for status in FAILED_AND_STARTED_AGAIN]
    assert waited(variant, scripted, listings, "a1") == {"a1": "Failed"}
    assert lists(scripted) == 2


@pytest.mark.parametrize("options", [{"restart": 0}, {"restart": 0.02}, {"until": "Failed"}])
def test_a_session_that_stays_failed_has_ended(variant, scripted, options):
    listings = [[record("a1", "Failed", type="notebook")]]
    assert waited(variant, scripted, listings, "a1", **options) == {"a1": "Failed"}


def test_a_session_that_fails_again_has_the_whole_time_again(variant, scripted):
    """It fails for longer than `restart`, but not without a break."""
    statuses = ["Failed", "Failed", "Running"] * 10 + ["Completed"]
    listings = [[record("a1", status, type="notebook")] for status in statuses]
    found = waited(variant, scripted, listings, "a1", poll=0.02, longest_poll=0.02, restart=0.2)
    assert found == {"a1": "Completed"}


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_vanishes_is_looked_up_twice_before_it_is_gone(variant, scripted):
    listings = [listing({"a1": "Running", "b2": "Running"}), listing({"b2": "Running"})]
    listings += [listing({"b2": "Running"}), listing({"b2": "Completed"})]
    found = waited(variant, scripted, listings, ["a1", "b2"])
    assert found == {"a1": "Gone", "b2": "Completed"}
    assert look_ups(scripted) == ["a1", "a1"]
    assert lists(scripted) == len(listings)


def test_a_session_may_be_missing_from_a_list(variant, scripted):
    """A list that is empty by accident costs no further request."""
    running = listing({"a1": "Running", "b2": "Running"})
    listings = [running, [], [], running[:1], listing({"a1": "Completed", "b2": "Failed"})]
    found = waited(variant, scripted, listings, ["a1", "b2"])
    assert found == {"a1": "Completed", "b2": "Failed"}
    assert len(scripted.received) == len(listings)


@pytest.mark.usefixtures("quick_look_ups")
def test_the_id_tells_the_status_of_a_session_that_no_list_has(variant, scripted):
    seen = []
    scripted.answer = stage = Stage(listing({"a1": "Pending"}), [])
    statuses = ["Running", "Running", "Completed"]
    stage.records["a1"] = [json_answer(record("a1", status)) for status in statuses]
    session = variant.open(server=scripted.url, token="t", retry=False)
    found = variant.run(session.wait("a1", **QUICK, progress=lambda told: seen.append(told["a1"])))
    assert found == {"a1": "Completed"}
    assert seen == ["Pending", "Running", "Completed"]


PAGE = Answer(404, "<html>no such host</html>", "text/html")
NO_PROOFS = {
    "the page of an ingress": [PAGE, PAGE, PAGE],
    "the text of an ingress": [Answer(404, "404 page not found\n")] * 3,
    "an outage": [Answer(503, "busy"), None, Answer(500, "oops")],
    "other answers": [Answer(200, "ok"), Answer(401, "expired"), Answer(302, "")],
    "refusals of a session that exists": [
        Answer(400, "cannot read now\n"),
        Answer(409, "session is being updated\n"),
        Answer(423, "locked\n"),
    ],
    "one refusal": [Answer(404, "session a1 not found\n")],
    "refusals, but not in a row": [
        *[Answer(404, "session a1 not found\n"), json_answer(record("a1", "Running"))] * 3
    ],
    "the app of a desktop": [json_answer(record("a1", "Failed", type="desktop-app"))] * 3,
}


@pytest.mark.parametrize("answers", NO_PROOFS.values(), ids=list(NO_PROOFS))
@pytest.mark.usefixtures("quick_look_ups")
def test_only_the_platform_can_say_that_a_session_is_gone(variant, scripted, answers):
    scripted.answer = stage = Stage(listing({"a1": "Running"}), [])
    stage.records["a1"] = [*answers, json_answer(record("a1", "Completed"))]
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Completed"}


@pytest.mark.parametrize(
    "refusal",
    [
        Answer(404, "session a1 not found\n"),
        Answer(410, "gone\n"),
        Answer(400, "canfar.net/id label value exceeds 63 characters"),
    ],
    ids=lambda refusal: str(refusal.status),
)
@pytest.mark.usefixtures("quick_look_ups")
def test_the_platform_says_that_a_session_is_gone(variant, scripted, refusal):
    scripted.answer = stage = Stage(listing({"a1": "Running"}), [])
    stage.records["a1"] = [refusal]
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Gone"}


def test_what_never_appears_is_gone_in_the_end(variant, scripted):
    before = time.monotonic()
    assert waited(variant, scripted, [[]], "a1", appear=0.05) == {"a1": "Gone"}
    assert time.monotonic() - before >= 0.05
    assert lists(scripted) > 1
    assert look_ups(scripted) == ["a1", "a1"]


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_is_destroyed_meanwhile_is_gone(variant, session, platform):
    [session_id] = variant.run(session.create("long", IMAGE, cmd="sleep", args="60"))
    seen = []

    def destroy(statuses):
        seen.append(dict(statuses))
        if statuses[session_id] == "Running":
            httpx.delete(
                f"{platform.url}/v1/session/{session_id}",
                headers={"Authorization": f"Bearer {platform.token}"},
            )

    ended = variant.run(
        session.wait(session_id, timeout=PATIENCE, poll=0.01, longest_poll=0.1, progress=destroy)
    )
    assert ended == {session_id: "Gone"}
    assert seen[-2:] == [{session_id: "Running"}, {session_id: "Gone"}]


def test_an_app_is_not_taken_for_its_desktop(variant, scripted):
    """Older platforms list apps, too, and an app bears the id of its desktop."""
    running = {**samples.SESSIONS_A[1], "status": "Running"}
    listings = [samples.SESSIONS_A, [running, samples.SESSIONS_A[2]]]
    assert samples.SESSIONS_A[1]["status"] == "Pending"
    found = waited(variant, scripted, listings, "d8waits0", until="running")
    assert found == {"d8waits0": "Running"}
    assert len(scripted.received) == 2


# Time.


@pytest.mark.parametrize("name", ["Run-1", "run-1"])
def test_a_name_in_the_place_of_an_id_is_refused_at_once(variant, scripted, name):
    listings = [[*listing({"a1": "Running"}), record("b2", "Running", name="run-1")]]
    with pytest.raises(errors.InvalidInputError, match=f"'{name}' is the name .* id, 'b2'"):
        waited(variant, scripted, listings, ["a1", name])


def test_a_time_out_tells_the_state_of_all(variant, scripted):
    ids = [f"a{number}" for number in range(12)]
    statuses = dict.fromkeys(ids, "Running") | {"a0": "Completed", "a1": None}
    with pytest.raises(errors.WaitTimeoutError) as caught:
        waited(variant, scripted, [listing(statuses)], ids, timeout=0.05)
    assert caught.value.partial == statuses | {"a1": "Unseen"}
    assert list(caught.value.partial) == ids
    assert isinstance(caught.value, TimeoutError)
    told = str(caught.value)
    assert told.startswith("wait: after 0.05 s, a1 is not listed yet, a2 is Running, ")
    assert told.endswith("a10 is Running and 1 more")
    assert "a0 " not in told


def test_no_time_is_enough_for_one_look(variant, scripted):
    assert waited(variant, scripted, [listing({"a1": "Failed"})], "a1", timeout=0) == {
        "a1": "Failed"
    }
    with pytest.raises(errors.WaitTimeoutError, match="after 0 s, a1 is Running"):
        waited(variant, scripted, [listing({"a1": "Running"})], "a1", timeout=0)
    assert len(scripted.received) == 2


def test_the_last_look_is_at_the_end_of_the_time(variant, scripted):
    """Also when the next one would be due much later."""
    before = time.monotonic()
    poll = {"poll": PATIENCE, "longest_poll": PATIENCE}
    with pytest.raises(errors.WaitTimeoutError):
        waited(variant, scripted, [listing({"a1": "Running"})], "a1", timeout=0.1, **poll)
    assert 0.1 <= time.monotonic() - before < PATIENCE / 2
    assert len(scripted.received) == 2


def test_the_time_is_kept_while_the_platform_is_overloaded(variant, scripted):
    """Whatever it asks for by `Retry-After`; and what was known by then is told."""
    scripted.answer = stage = Stage(listing({"a1": "Running", "b2": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=Retry(attempts=2, longest_pause=3))

    def overload(_):
        stage.overrides["GET session"] = Answer(503, "busy", headers={"Retry-After": "3"})

    before = time.monotonic()
    with pytest.raises((errors.WaitTimeoutError, errors.ServerError)) as caught:
        variant.run(session.wait(["a1", "b2"], timeout=0.2, progress=overload, **QUICK))
    assert time.monotonic() - before < 2
    assert caught.value.partial == {"a1": "Running", "b2": "Completed"}


def test_a_platform_that_is_lost_on_the_way_does_not_take_what_was_known(variant, scripted):
    scripted.answer = stage = Stage(listing({"a1": "Running", "b2": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=False)

    def lose(_):
        stage.overrides["GET session"] = None

    with pytest.raises(errors.ConnectionFailedError) as caught:
        variant.run(session.wait(["a1", "b2"], progress=lose, **QUICK))
    assert caught.value.partial == {"a1": "Running", "b2": "Completed"}


# Outages.

QUICK_RETRY = Retry(first_pause=0.01, longest_pause=0.02)
BUSY = Answer(503, "<html><title>Service Unavailable</title></html>", "text/html")
TEMPORARY = {
    "busy": BUSY,
    "lost connections": None,
    "a dead API server": Answer(500, "unexpected exception: ConnectException"),
    "too many requests": Answer(429, "slow down", headers={"Retry-After": "0"}),
    "the page of an ingress": Answer(404, "<html>no such host</html>", "text/html"),
    "the text of an ingress": Answer(404, "default backend - 404"),
    "a page of maintenance": Answer(200, "<html>back soon</html>", "text/html"),
    "a redirection": Answer(302, "", headers={"Location": "https://status.example.org/"}),
}


@pytest.mark.parametrize("answer", TEMPORARY.values(), ids=list(TEMPORARY))
@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_a_wait_survives_an_outage_and_tells_its_begin_and_its_end(
    variant, scripted, caplog, answer, timeout
):
    outage = [answer] * 12
    scripted.answer = Stage(listing({"a1": "Running"}), *outage, listing({"a1": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    assert variant.run(session.wait("a1", timeout=timeout, **QUICK)) == {"a1": "Completed"}
    begin, end = warnings_of(caplog)
    assert begin.startswith("wait: the platform does not respond since ")
    assert "GET " in begin
    assert end.startswith("wait: the platform responds again, after ")


def test_a_single_lost_response_is_no_outage(variant, scripted, caplog):
    scripted.answer = Stage(listing({"a1": "Running"}), None, listing({"a1": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Completed"}
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("first", [[], [listing({"a1": "Running"})]], ids=["always", "later"])
def test_a_wait_ends_by_its_own_time_out(variant, scripted, first):
    scripted.answer = Stage(*first, BUSY)
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait("a1", timeout=0.5, **QUICK))
    assert "after 0.5 s, a1 is " in str(caught.value)
    assert "the platform does not respond: " in str(caught.value)
    assert "503" in str(caught.value)
    assert len(scripted.received) > QUICK_RETRY.attempts
    assert caught.value.partial == {"a1": "Running" if first else "Unseen"}


def test_a_platform_that_never_responds_is_given_up_at_the_deadline(variant, scripted):
    scripted.answer = Stage(BUSY)
    retry = Retry(attempts=2, first_pause=0.01, longest_pause=0.02, deadline=0.3)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    before = time.monotonic()
    with pytest.raises(errors.ServerError):
        variant.run(session.wait("a1", **QUICK))
    assert time.monotonic() - before >= 0.3
    assert len(scripted.received) > retry.attempts


@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, "Token has expired"),
        Answer(403, "Not authorized to use the skaha system"),
        Answer(400, "no"),
    ],
)
def test_a_lasting_refusal_ends_a_wait_at_once(variant, scripted, answer):
    scripted.answer = Stage(listing({"a1": "Running"}), answer)
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.StatusError) as caught:
        variant.run(session.wait("a1", **QUICK))
    assert len(scripted.received) == 2
    assert caught.value.partial == {"a1": "Running"}


@pytest.mark.parametrize("name", ["a page of maintenance", "the page of an ingress"])
def test_a_page_at_the_wrong_address_ends_a_wait_at_once(variant, scripted, name):
    scripted.answer = Stage(TEMPORARY[name])
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises((errors.AnswerError, errors.NotFoundError)):
        variant.run(session.wait("a1", timeout=PATIENCE, **QUICK))
    assert len(scripted.received) == 1


@pytest.mark.parametrize("name", ["a page of maintenance", "the page of an ingress"])
def test_a_page_in_place_of_the_platform_ends_a_wait_at_the_deadline(variant, scripted, name):
    scripted.answer = Stage(listing({"a1": "Running"}), TEMPORARY[name])
    retry = Retry(first_pause=0.01, longest_pause=0.02, deadline=0.3)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    before = time.monotonic()
    with pytest.raises((errors.AnswerError, errors.NotFoundError)):
        variant.run(session.wait("a1", timeout=PATIENCE, **QUICK))
    assert 0.3 <= time.monotonic() - before < PATIENCE / 2


def test_a_silent_platform_does_not_prolong_a_wait(variant, scripted, monkeypatch):
    monkeypatch.setattr("skaha._sansio.call_context._MIN_TIMEOUT", 0.1)
    over = threading.Event()

    def answer(_):
        if len(scripted.received) > 1:
            over.wait(PATIENCE)
        return json_answer(listing({"a1": "Running"}))

    scripted.answer = answer
    session = variant.open(server=scripted.url, token="t", timeout=PATIENCE, retry=QUICK_RETRY)
    before = time.monotonic()
    try:
        with pytest.raises(errors.WaitTimeoutError, match="a1 is Running; the platform does not"):
            variant.run(session.wait("a1", timeout=0.5, **QUICK))
    finally:
        over.set()
    assert time.monotonic() - before < PATIENCE / 2


# Sessions that stay pending.

NOT_PULLED = Answer(
    200,
    """TYPE      REASON   MESSAGE                                   FIRST-TIME   LAST-TIME
Normal    Pulling  Pulling image "images.canfar.net/a/b:c"   <nil>        <nil>
Warning   Failed   Failed to pull image: not found           <nil>        <nil>
Warning   Failed   Error: ImagePullBackOff                   <nil>        <nil>
Warning   Failed   Error: ImagePullBackOff                   <nil>        <nil>
""",
)
REASON = "Failed to pull image: not found; Error: ImagePullBackOff"


def test_a_time_out_tells_why_a_session_is_still_pending(variant, scripted):
    scripted.answer = stage = Stage(listing({"a1": "Running", "b2": "Pending"}))
    stage.events["b2"] = NOT_PULLED
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait(["a1", "b2"], timeout=0.1, **QUICK))
    expected = f"b2 is Pending; the platform's warnings about name-of-b2 (b2): {REASON}"
    assert str(caught.value).endswith(expected)


@pytest.mark.parametrize(
    "events", [Answer(404, "session b2 not found."), Answer(200, "<none>\n"), BUSY, None]
)
def test_a_time_out_without_events_is_a_plain_one(variant, scripted, events):
    scripted.answer = stage = Stage(listing({"b2": "Pending"}))
    stage.events["b2"] = events
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait("b2", timeout=0.1, **QUICK))
    assert str(caught.value).endswith("b2 is Pending")


def test_a_long_wait_warns_once_why_sessions_are_pending(variant, scripted, caplog, monkeypatch):
    for name in ("async", "sync"):
        monkeypatch.setattr(f"skaha._{name}._poller._SECONDS_BETWEEN_EVENTS", 0)
    pending = listing({"a1": "Pending", "b2": "Pending"})
    listings = [pending, pending, pending, listing({"a1": "Completed", "b2": "Completed"})]
    scripted.answer = stage = Stage(*listings)
    stage.events["a1"] = NOT_PULLED
    session = variant.open(server=scripted.url, token="t", retry=False)
    variant.run(session.wait(["a1", "b2"], **QUICK))
    assert warnings_of(caplog) == [f"name-of-a1 (a1) is still pending, like 1 more: {REASON}"]


# The pauses.


def test_the_longest_pause_also_bounds_the_first_one(variant, scripted):
    before = time.monotonic()
    listings = [listing({"a1": "Running"}), listing({"a1": "Completed"})]
    waited(variant, scripted, listings, "a1", poll=PATIENCE, longest_poll=0.001)
    assert time.monotonic() - before < PATIENCE / 2


def test_looks_become_rarer_up_to_a_bound(variant, scripted):
    rounds = [listing({"a1": "Running"})] * 6 + [listing({"a1": "Failed"})]
    scripted.answer = stage = Stage(*rounds)
    session = variant.open(server=scripted.url, token="t")
    variant.run(session.wait("a1", poll=0.04, longest_poll=0.1))
    gaps = [after - before for before, after in itertools.pairwise(stage.listing_times)]
    least = [0.04, 0.06, 0.09, 0.1, 0.1, 0.1]
    assert len(gaps) == len(least)
    for gap, pause in zip(gaps, least, strict=True):
        assert pause - 0.02 < gap < pause + 1
    # Without the growth it would be 0.24, without the bound 0.83.
    assert 0.48 < sum(gaps) < 0.8


# Progress.


@pytest.mark.usefixtures("quick_look_ups")
def test_progress_is_told_after_looks_that_found_something_new(variant, scripted):
    listings = [
        [],
        listing({"a1": "Pending"}),
        listing({"a1": "Pending"}),
        listing({"a1": "Running", "b2": "Pending"}),
        listing({"a1": "Running", "b2": "Pending"}),
        listing({"a1": "Completed"}),
    ]
    seen = []
    waited(variant, scripted, listings, ["a1", "b2"], progress=seen.append)
    assert seen == [
        {"a1": "Pending", "b2": "Unseen"},
        {"a1": "Running", "b2": "Pending"},
        {"a1": "Completed", "b2": "Pending"},
        {"a1": "Completed", "b2": "Gone"},
    ]


def test_what_progress_does_to_the_statuses_does_not_matter(variant, scripted):
    listings = [listing({"a1": "Running"}), listing({"a1": "Running"}), listing({"a1": "Failed"})]
    assert waited(variant, scripted, listings, "a1", progress=dict.clear) == {"a1": "Failed"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("until", "sleeping"),
        ("until", []),
        ("until", ["Running", "sleeping"]),
        ("until", 7),
        ("until", None),
        ("poll", 0),
        ("poll", -1),
        ("poll", float("nan")),
        ("poll", None),
        ("longest_poll", 0),
        ("longest_poll", "1"),
        ("longest_poll", None),
        ("timeout", float("nan")),
        ("timeout", "1"),
        ("appear", None),
        ("restart", None),
        ("appear", float("nan")),
        ("ids", "a 1"),
        ("ids", 7),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_asked(variant, scripted, name, value):
    scripted.answer = lambda _: json_answer([record("a1", "Failed")])
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.InvalidInputError, match=NAMED.get(name, name)):
        variant.run(session.wait(**{"ids": "a1"} | {name: value}))
    assert scripted.received == []
