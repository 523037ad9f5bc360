"""Waiting: one request of the list per round, until each session has a wanted status."""

import json
import threading
import time
from types import SimpleNamespace

import httpx
import hypothesis.strategies as st
import pytest
import samples
from hypothesis import HealthCheck, given, settings
from scripted import Response, json_response
from staged import IMAGE, Stage, listing, record

from skaha import Retry, errors

QUICK = {"poll": 0.001, "longest_poll": 0.002}
TIMEOUT = 60  # seconds


def wait(variant, scripted, listings, ids, **options):
    scripted.respond = Stage(*listings)
    session = variant.open(server=scripted.url, token="t", retry=False)
    return variant.run(session.wait(ids, **QUICK | options))


def test_wait_ends_with_the_last_session_and_returns_all_statuses(variant, scripted):
    listings = [
        listing({"a1": "Pending", "b2": "Running", "c3": "Running", "d4": "Pending"}),
        listing({"a1": "Running", "b2": "Succeeded", "c3": "Failed", "d4": "Running"}),
        listing({"a1": "Completed", "b2": "Succeeded", "c3": "Failed", "d4": "Error"}),
    ]
    statuses = wait(variant, scripted, listings, ["c3", "b2", "a1", "d4"])
    assert list(statuses.items()) == [
        ("c3", "Failed"),
        ("b2", "Succeeded"),
        ("a1", "Completed"),
        ("d4", "Error"),
    ]
    assert statuses.failures == {}
    assert len(scripted.received) == 3


def test_wait_on_the_embedded_platform(variant, session):
    good = variant.run(session.create("good", IMAGE, cmd="true", replicas=2))
    bad = variant.run(session.create("bad", IMAGE, cmd="false"))
    try:
        statuses = variant.run(session.wait([*good, *bad], timeout=TIMEOUT))
        assert list(statuses.values()) == ["Completed", "Completed", "Failed"]
    finally:
        variant.run(session.destroy([*good, *bad]))


def test_any_number_of_sessions_needs_one_request_per_round(variant, scripted):
    ids = [f"a{number}" for number in range(500)]
    listings = [
        listing(dict.fromkeys(ids, status))
        for status in ("Pending", "Pending", "Running", "Failed")
    ]
    assert wait(variant, scripted, listings, ids) == dict.fromkeys(ids, "Failed")
    assert [(request.method, request.path, request.query) for request in scripted.received] == [
        ("GET", "/skaha/v1/session", {})
    ] * 4


def test_without_ids_no_request_is_sent(variant, scripted):
    assert wait(variant, scripted, [[]], []) == {}
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
        # `Succeeded` and `Completed` mean the same.
        ("Succeeded", 5),
        (("Completed",), 5),
        ("Failed", 5),
    ],
)
def test_wait_lasts_until_a_wanted_status_or_the_end_of_the_session(
    variant, scripted, until, rounds
):
    statuses = ["Pending", "Running", "Terminating", "Dreaming", "Succeeded"]
    listings = [listing({"a1": status}) for status in statuses]
    assert wait(variant, scripted, listings, "a1", until=until) == {"a1": statuses[rounds - 1]}
    assert len(scripted.received) == rounds


def test_an_ended_session_is_not_waited_for_until_it_runs(variant, scripted):
    listings = [
        listing({"a1": "Failed", "b2": "Pending"}),
        listing({"a1": "Failed", "b2": "Running"}),
    ]
    statuses = wait(variant, scripted, listings, ["a1", "b2"], until="running")
    assert statuses == {"a1": "Failed", "b2": "Running"}


END_STATUSES = {"Succeeded", "Completed", "Failed", "Error"}
OTHER_STATUSES = st.text(max_size=8).filter(
    lambda text: text.strip() not in {"Gone", "Unseen", *END_STATUSES}
)
LISTED_STATUSES = (
    st.sampled_from(["Pending", "Running", "Terminating", "Unknown", "<none>", "", *END_STATUSES])
    | OTHER_STATUSES
)


def warnings_of(caplog):
    return [message.getMessage() for message in caplog.records if message.levelname == "WARNING"]


UNKNOWN_STATUSES = {"", "<none>", "<nil>", "<unknown>", "null", "not-applicable"}


def expected_end(rounds, wanted):
    """Return the last status of a session and the number of rounds until then.

    Args:
        rounds: The status of the session in one list after another; `None` if it is missing.
        wanted: The statuses that end the wait.
    """
    status, times_missing = "Unseen", 0
    for number, listed in enumerate(rounds):
        if listed is not None:
            status = "Unknown" if listed.strip() in UNKNOWN_STATUSES else listed
            times_missing = 0
        elif any(status is not None for status in rounds[:number]):
            times_missing += 1
            status = "Gone" if times_missing == 2 else status
        if status in END_STATUSES | {"Gone"} | wanted:
            return status, number + 1
    return status, len(rounds)


@pytest.mark.usefixtures("quick_look_ups")
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        st.sampled_from(["a1", "b2", "c3"]),
        st.lists(st.none() | LISTED_STATUSES, max_size=4),
        min_size=1,
    ),
    st.sampled_from(["finished", "running", "Terminating"]),
)
def test_the_result_of_each_session_follows_from_its_own_statuses(variant, scripted, listed, until):
    """Sessions are listed late, vanish, or have an unknown status or none, in any order."""
    longest = max(len(rounds) for rounds in listed.values()) + 1
    # The last list ends the sessions that have not ended before.
    rounds_by_id = {
        key: [*rounds, *[rounds[-1] if rounds else None] * (longest - len(rounds)), "Completed"]
        for key, rounds in listed.items()
    }
    wanted = {"finished": set(), "running": {"Running"}}.get(until, {until})
    expected = {key: expected_end(rounds, wanted) for key, rounds in rounds_by_id.items()}
    listings = [
        listing({key: rounds[number] for key, rounds in rounds_by_id.items()})
        for number in range(longest + 1)
    ]
    scripted.received.clear()
    statuses = wait(variant, scripted, listings, list(rounds_by_id), until=until, appear=TIMEOUT)
    assert statuses == {key: status for key, (status, _) in expected.items()}
    assert list_requests(scripted) == max(number for _, number in expected.values())


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
    records = [record(key, status) for key, status in zip(("a1", "b2"), statuses, strict=True)]
    listings = [records, records, listing({"a1": "Completed", "b2": "Completed"})]
    assert wait(variant, scripted, listings, ["a1", "b2"]) == {
        "a1": "Completed",
        "b2": "Completed",
    }
    [warning] = warnings_of(caplog)
    assert warning.startswith("session a1 has an unknown status, ")
    assert name in warning
    assert warning.endswith(": it counts as not finished")


def test_a_status_with_a_reason_is_the_end(variant, scripted, caplog):
    """Servers of release 1.0 add the reason."""
    statuses = {"a1": "Failed (DeadlineExceeded)", "b2": "Complete (CompletionsReached)"}
    result = wait(variant, scripted, [listing(statuses)], ["a1", "b2"])
    assert result == {"a1": "Failed", "b2": "Completed"}
    assert warnings_of(caplog) == []


# Sessions that are not listed, or not listed any more, or started again.


def list_requests(scripted):
    """Return the number of requests of the list."""
    return sum(request.path.endswith("/session") for request in scripted.received)


def look_ups(scripted):
    """Return the ids that were looked up, in this order."""
    ids = [request.path.rpartition("/")[2] for request in scripted.received if not request.query]
    return [session_id for session_id in ids if session_id != "session"]


FAILED_AND_STARTED_AGAIN = ["Running", "Failed", "Failed", "Pending", "Running", "Completed"]


@pytest.mark.parametrize("kind", ["notebook", "desktop", "a-new-kind", None])
def test_a_failed_session_that_the_platform_starts_again_has_not_ended(variant, scripted, kind):
    listings = [[record("a1", status, type=kind)] for status in FAILED_AND_STARTED_AGAIN]
    assert wait(variant, scripted, listings, "a1") == {"a1": "Completed"}


def test_a_failed_headless_session_has_ended(variant, scripted):
    listings = [listing({"a1": status}) for status in FAILED_AND_STARTED_AGAIN]
    assert wait(variant, scripted, listings, "a1") == {"a1": "Failed"}
    assert list_requests(scripted) == 2


@pytest.mark.parametrize("options", [{"restart": 0}, {"restart": 0.02}, {"until": "Failed"}])
def test_a_session_that_stays_failed_has_ended(variant, scripted, options):
    listings = [[record("a1", "Failed", type="notebook")]]
    assert wait(variant, scripted, listings, "a1", **options) == {"a1": "Failed"}


def test_a_session_that_fails_repeatedly_has_the_whole_time_after_each_failure(
    variant, scripted, monkeypatch
):
    """All failures together last longer than `restart`, but each of them is shorter."""
    # One second passes between two lists, however busy the machine is.
    clock = SimpleNamespace(monotonic=lambda: list_requests(scripted))
    monkeypatch.setattr("skaha._sansio.status_tracker.time", clock)
    statuses = ["Failed", "Failed", "Running"] * 10 + ["Completed"]
    listings = [[record("a1", status, type="notebook")] for status in statuses]
    assert wait(variant, scripted, listings, "a1", restart=1.5) == {"a1": "Completed"}
    always = [[record("a1", "Failed", type="notebook")]]
    assert wait(variant, scripted, always, "a1", restart=1.5) == {"a1": "Failed"}


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_vanishes_is_looked_up_twice_before_it_is_gone(variant, scripted):
    listings = [listing({"a1": "Running", "b2": "Running"}), listing({"b2": "Running"})]
    listings += [listing({"b2": "Running"}), listing({"b2": "Completed"})]
    statuses = wait(variant, scripted, listings, ["a1", "b2"])
    assert statuses == {"a1": "Gone", "b2": "Completed"}
    assert look_ups(scripted) == ["a1", "a1"]
    assert list_requests(scripted) == len(listings)


def test_a_session_that_is_missing_from_a_list_has_not_ended(variant, scripted):
    """A list that is empty by mistake causes no further request."""
    running = listing({"a1": "Running", "b2": "Running"})
    listings = [running, [], [], running[:1], listing({"a1": "Completed", "b2": "Failed"})]
    statuses = wait(variant, scripted, listings, ["a1", "b2"])
    assert statuses == {"a1": "Completed", "b2": "Failed"}
    assert len(scripted.received) == len(listings)


@pytest.mark.usefixtures("quick_look_ups")
def test_the_status_of_an_unlisted_session_is_looked_up_by_its_id(variant, scripted):
    reports = []
    scripted.respond = stage = Stage(listing({"a1": "Pending"}), [])
    statuses = ["Running", "Running", "Completed"]
    stage.records["a1"] = [json_response(record("a1", status)) for status in statuses]
    session = variant.open(server=scripted.url, token="t", retry=False)
    result = variant.run(
        session.wait("a1", **QUICK, progress=lambda report: reports.append(report["a1"]))
    )
    assert result == {"a1": "Completed"}
    assert reports == ["Pending", "Running", "Completed"]


def test_an_unlisted_session_is_looked_up_every_three_seconds(variant, scripted, monkeypatch):
    # One second passes between two lists.
    clock = SimpleNamespace(monotonic=lambda: list_requests(scripted))
    monkeypatch.setattr("skaha._sansio.status_tracker.time", clock)
    running, ended = listing({"a1": "Running"}), listing({"a1": "Completed"})
    scripted.respond = stage = Stage(running, *[[]] * 10, ended)
    stage.records["a1"] = [json_response(running[0])]
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Completed"}
    assert look_ups(scripted) == ["a1"] * 3


PAGE = Response(404, "<html>no such host</html>", "text/html")
AMBIGUOUS = {
    "the HTML page of an ingress": [PAGE, PAGE, PAGE],
    "the text of an ingress": [Response(404, "404 page not found\n")] * 3,
    "an outage": [Response(503, "busy"), None, Response(500, "oops")],
    "other responses": [Response(200, "ok"), Response(401, "expired"), Response(302, "")],
    "refusals of a session that exists": [
        Response(400, "cannot read now\n"),
        Response(409, "session is being updated\n"),
        Response(423, "locked\n"),
    ],
    "one refusal": [Response(404, "session a1 not found\n")],
    "refusals, but not in a row": [
        *[Response(404, "session a1 not found\n"), json_response(record("a1", "Running"))] * 3
    ],
    "the app of a desktop": [json_response(record("a1", "Failed", type="desktop-app"))] * 3,
}


@pytest.mark.parametrize("responses", AMBIGUOUS.values(), ids=list(AMBIGUOUS))
@pytest.mark.usefixtures("quick_look_ups")
def test_an_ambiguous_response_does_not_mean_that_a_session_is_gone(variant, scripted, responses):
    scripted.respond = stage = Stage(listing({"a1": "Running"}), [])
    stage.records["a1"] = [*responses, json_response(record("a1", "Completed"))]
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Completed"}


@pytest.mark.parametrize(
    "refusal",
    [
        Response(404, "session a1 not found\n"),
        Response(410, "gone\n"),
        Response(400, "canfar.net/id label value exceeds 63 characters"),
    ],
    ids=lambda refusal: str(refusal.status),
)
@pytest.mark.usefixtures("quick_look_ups")
def test_a_clear_refusal_of_the_platform_means_that_a_session_is_gone(variant, scripted, refusal):
    scripted.respond = stage = Stage(listing({"a1": "Running"}), [])
    stage.records["a1"] = [refusal]
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Gone"}


def test_a_session_that_never_appears_is_gone_after_a_time(variant, scripted):
    before = time.monotonic()
    assert wait(variant, scripted, [[]], "a1", appear=0.05) == {"a1": "Gone"}
    assert time.monotonic() - before >= 0.05
    assert list_requests(scripted) > 1
    assert look_ups(scripted) == ["a1", "a1"]


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_is_deleted_during_the_wait_is_gone(variant, session, platform):
    [session_id] = variant.run(session.create("long", IMAGE, cmd="sleep", args="60"))
    reports = []

    def delete(statuses):
        reports.append(dict(statuses))
        if statuses[session_id] == "Running":
            httpx.delete(
                f"{platform.url}/v1/session/{session_id}",
                headers={"Authorization": f"Bearer {platform.token}"},
            )

    result = variant.run(
        session.wait(session_id, timeout=TIMEOUT, poll=0.01, longest_poll=0.1, progress=delete)
    )
    assert result == {session_id: "Gone"}
    assert reports[-2:] == [{session_id: "Running"}, {session_id: "Gone"}]


def test_an_app_does_not_count_as_its_desktop(variant, scripted):
    """Older platforms also list apps; the record of an app has the id of its desktop."""
    running = {**samples.SESSIONS_A[1], "status": "Running"}
    listings = [samples.SESSIONS_A, [running, samples.SESSIONS_A[2]]]
    assert samples.SESSIONS_A[1]["status"] == "Pending"
    result = wait(variant, scripted, listings, "d8waits0", until="running")
    assert result == {"d8waits0": "Running"}
    assert len(scripted.received) == 2


# Time-outs.


@pytest.mark.parametrize("name", ["Run-1", "run-1"])
def test_a_name_instead_of_an_id_is_refused_at_once(variant, scripted, name):
    listings = [[*listing({"a1": "Running"}), record("b2", "Running", name="run-1")]]
    with pytest.raises(errors.InvalidInputError, match=f"'{name}' is the name .* id, 'b2'"):
        wait(variant, scripted, listings, ["a1", name])


def test_the_error_names_the_first_name_instead_of_an_id(variant, scripted):
    ids = [f"run-{number}" for number in range(20)]
    listings = [[record(f"a{key}", "Running", name=key) for key in reversed(ids)]]
    with pytest.raises(errors.InvalidInputError, match=r"'run-0' is the name .* id, 'arun-0'"):
        wait(variant, scripted, listings, ids)


def test_a_time_out_error_has_the_statuses_of_all_sessions(variant, scripted):
    ids = [f"a{number}" for number in range(12)]
    statuses = dict.fromkeys(ids, "Running") | {"a0": "Completed", "a1": None}
    with pytest.raises(errors.WaitTimeoutError) as caught:
        wait(variant, scripted, [listing(statuses)], ids, timeout=0.05)
    assert caught.value.partial == statuses | {"a1": "Unseen"}
    assert list(caught.value.partial) == ids
    assert isinstance(caught.value, TimeoutError)
    message = str(caught.value)
    assert message.startswith("wait: after 0.05 s, a1 is not listed yet, a2 is Running, ")
    assert message.endswith("a10 is Running and 1 more")
    assert "a0 " not in message


def test_a_time_out_of_zero_requests_the_list_once(variant, scripted):
    assert wait(variant, scripted, [listing({"a1": "Failed"})], "a1", timeout=0) == {"a1": "Failed"}
    with pytest.raises(errors.WaitTimeoutError, match="after 0 s, a1 is Running"):
        wait(variant, scripted, [listing({"a1": "Running"})], "a1", timeout=0)
    assert len(scripted.received) == 2


def test_the_list_is_requested_at_the_time_out_even_if_the_pause_is_longer(variant, scripted):
    before = time.monotonic()
    poll = {"poll": TIMEOUT, "longest_poll": TIMEOUT}
    with pytest.raises(errors.WaitTimeoutError):
        wait(variant, scripted, [listing({"a1": "Running"})], "a1", timeout=1, **poll)
    assert 1 <= time.monotonic() - before < TIMEOUT / 2
    assert len(scripted.received) == 2


def test_the_time_out_is_kept_while_the_platform_is_overloaded(variant, scripted):
    """The `Retry-After` of the platform does not prolong the wait, and the statuses are kept."""
    scripted.respond = stage = Stage(listing({"a1": "Running", "b2": "Completed"}))
    session = variant.open(
        server=scripted.url, token="t", retry=Retry(attempts=2, longest_pause=TIMEOUT)
    )

    def overload(_):
        stage.overrides["GET session"] = Response(
            503, "busy", headers={"Retry-After": str(TIMEOUT)}
        )

    before = time.monotonic()
    with pytest.raises((errors.WaitTimeoutError, errors.ServerError)) as caught:
        variant.run(session.wait(["a1", "b2"], timeout=0.2, progress=overload, **QUICK))
    assert time.monotonic() - before < TIMEOUT / 2
    assert caught.value.partial == {"a1": "Running", "b2": "Completed"}


def test_an_error_during_a_wait_has_the_last_statuses(variant, scripted):
    scripted.respond = stage = Stage(listing({"a1": "Running", "b2": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=False)

    def close_connections(_):
        stage.overrides["GET session"] = None

    with pytest.raises(errors.ConnectionFailedError) as caught:
        variant.run(session.wait(["a1", "b2"], progress=close_connections, **QUICK))
    assert caught.value.partial == {"a1": "Running", "b2": "Completed"}


# Outages.

QUICK_RETRY = Retry(first_pause=0.01, longest_pause=0.02)
BUSY = Response(503, "<html><title>Service Unavailable</title></html>", "text/html")
TEMPORARY = {
    "busy": BUSY,
    "lost connections": None,
    "a stopped API server": Response(500, "unexpected exception: ConnectException"),
    "too many requests": Response(429, "slow down", headers={"Retry-After": "0"}),
    "the HTML page of an ingress": Response(404, "<html>no such host</html>", "text/html"),
    "the text of an ingress": Response(404, "default backend - 404"),
    "a maintenance page": Response(200, "<html>back soon</html>", "text/html"),
    "a redirect": Response(302, "", headers={"Location": "https://status.example.org/"}),
}


@pytest.mark.parametrize("response", TEMPORARY.values(), ids=list(TEMPORARY))
@pytest.mark.parametrize("timeout", [None, TIMEOUT])
@pytest.mark.usefixtures("quick_outages")
def test_a_wait_survives_outages_and_warns_at_the_start_and_end_of_each(
    variant, scripted, caplog, response, timeout
):
    running, ended = listing({"a1": "Running"}), listing({"a1": "Completed"})
    scripted.respond = Stage(running, *[response] * 12, running, *[response] * 2, running, ended)
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    assert variant.run(session.wait("a1", timeout=timeout, **QUICK)) == {"a1": "Completed"}
    messages = warnings_of(caplog)
    assert len(messages) == 4
    for start_message, end_message in (messages[:2], messages[2:]):
        assert start_message.startswith("wait: the platform does not respond since ")
        assert "GET " in start_message
        assert end_message.startswith("wait: the platform responds again, after ")


def test_a_single_lost_response_does_not_count_as_an_outage(variant, scripted, caplog):
    scripted.respond = Stage(listing({"a1": "Running"}), None, listing({"a1": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    assert variant.run(session.wait("a1", **QUICK)) == {"a1": "Completed"}
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("first", [[], [listing({"a1": "Running"})]], ids=["always", "later"])
def test_the_time_out_of_a_wait_also_ends_it_during_an_outage(variant, scripted, first):
    scripted.respond = Stage(*first, BUSY)
    retry = Retry(attempts=2, first_pause=0.01, longest_pause=0.02)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait("a1", timeout=1, **QUICK))
    assert "after 1 s, a1 is " in str(caught.value)
    assert "the platform does not respond: " in str(caught.value)
    assert "503" in str(caught.value)
    assert len(scripted.received) > retry.attempts
    assert caught.value.partial == {"a1": "Running" if first else "Unseen"}


def test_a_wait_for_a_platform_that_never_responds_ends_at_the_deadline(variant, scripted):
    scripted.respond = Stage(BUSY)
    retry = Retry(attempts=2, first_pause=0.01, longest_pause=0.02, deadline=0.3)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    before = time.monotonic()
    with pytest.raises(errors.ServerError):
        variant.run(session.wait("a1", **QUICK))
    assert time.monotonic() - before >= 0.3
    assert len(scripted.received) > retry.attempts


@pytest.mark.parametrize(
    "response",
    [
        Response(401, "Token has expired"),
        Response(403, "Not authorized to use the skaha system"),
        Response(400, "no"),
    ],
)
def test_a_permanent_refusal_ends_a_wait_at_once(variant, scripted, response):
    scripted.respond = Stage(listing({"a1": "Running"}), response)
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.StatusError) as caught:
        variant.run(session.wait("a1", **QUICK))
    assert len(scripted.received) == 2
    assert caught.value.partial == {"a1": "Running"}


@pytest.mark.parametrize("name", ["a maintenance page", "the HTML page of an ingress"])
def test_an_html_page_as_the_first_response_ends_a_wait_at_once(variant, scripted, name):
    scripted.respond = Stage(TEMPORARY[name])
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises((errors.AnswerError, errors.NotFoundError)):
        variant.run(session.wait("a1", timeout=TIMEOUT, **QUICK))
    assert len(scripted.received) == 1


@pytest.mark.parametrize("name", ["a maintenance page", "the HTML page of an ingress"])
def test_an_html_page_as_a_later_response_ends_a_wait_at_the_deadline(variant, scripted, name):
    scripted.respond = Stage(listing({"a1": "Running"}), TEMPORARY[name])
    retry = Retry(first_pause=0.01, longest_pause=0.02, deadline=0.3)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    before = time.monotonic()
    with pytest.raises((errors.AnswerError, errors.NotFoundError)):
        variant.run(session.wait("a1", timeout=TIMEOUT, **QUICK))
    assert 0.3 <= time.monotonic() - before < TIMEOUT / 2


@pytest.mark.parametrize("how", ["silent", "slow"])
def test_a_silent_or_slow_platform_does_not_prolong_a_wait(variant, scripted, monkeypatch, how):
    monkeypatch.setattr("skaha._sansio.call_context._MIN_TIMEOUT", 0.1)
    is_over = threading.Event()
    text = json.dumps(listing({"a1": "Running"})).encode()

    def drip():
        for _ in range(20 * TIMEOUT):
            if is_over.wait(0.05):
                return
            yield b" "

    def respond(_):
        if len(scripted.received) == 1:
            return Response(200, text, "application/json")
        if how == "slow":
            headers = {"Content-Length": "100000"}
            return Response(200, drip(), "application/json", headers)
        is_over.wait(TIMEOUT)
        return Response(200, text, "application/json")

    scripted.respond = respond
    session = variant.open(server=scripted.url, token="t", timeout=TIMEOUT, retry=QUICK_RETRY)
    before = time.monotonic()
    try:
        with pytest.raises(errors.WaitTimeoutError, match="a1 is Running; the platform does not"):
            variant.run(session.wait("a1", timeout=2, **QUICK))
        assert time.monotonic() - before < TIMEOUT / 2
    finally:
        is_over.set()


# Sessions that stay pending, and the reasons.

PULL_FAILED = Response(
    200,
    """TYPE      REASON   MESSAGE                                   FIRST-TIME   LAST-TIME
Normal    Pulling  Pulling image "images.canfar.net/a/b:c"   <nil>        <nil>
Warning   Failed   Failed to pull image: not found           <nil>        <nil>
Warning   Failed   Error: ImagePullBackOff                   <nil>        <nil>
Warning   Failed   Error: ImagePullBackOff                   <nil>        <nil>
""",
)
REASON = "Failed to pull image: not found; Error: ImagePullBackOff"


def test_a_time_out_error_says_why_a_session_is_still_pending(variant, scripted):
    scripted.respond = stage = Stage(listing({"a1": "Running", "b2": "Pending"}))
    stage.events["b2"] = PULL_FAILED
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait(["a1", "b2"], timeout=0.1, **QUICK))
    expected = f"b2 is Pending; the platform's warnings about name-of-b2 (b2): {REASON}"
    assert str(caught.value).endswith(expected)


def test_a_long_reason_is_cut(variant, scripted):
    scripted.respond = stage = Stage(listing({"b2": "Pending"}))
    stage.events["b2"] = Response(200, f"Warning Failed {'x' * 2000} <nil> <nil>\n")
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait("b2", timeout=0, **QUICK))
    assert str(caught.value).endswith("x …")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    "events", [Response(404, "session b2 not found."), Response(200, "<none>\n"), BUSY, None]
)
def test_a_time_out_error_without_events_gives_no_reason(variant, scripted, events):
    scripted.respond = stage = Stage(listing({"b2": "Pending"}))
    stage.events["b2"] = events
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.wait("b2", timeout=0.1, **QUICK))
    assert str(caught.value).endswith("b2 is Pending")


def test_a_long_wait_warns_once_and_says_why_sessions_are_pending(
    variant, scripted, caplog, monkeypatch
):
    for name in ("async", "sync"):
        monkeypatch.setattr(f"skaha._{name}._poller._SECONDS_BETWEEN_EVENTS", 0)
    pending = listing({"a1": "Pending", "b2": "Pending"})
    listings = [pending, pending, pending, listing({"a1": "Completed", "b2": "Completed"})]
    scripted.respond = stage = Stage(*listings)
    stage.events["a1"] = PULL_FAILED
    session = variant.open(server=scripted.url, token="t", retry=False)
    variant.run(session.wait(["a1", "b2"], **QUICK))
    assert warnings_of(caplog) == [f"name-of-a1 (a1) is still pending, like 1 more: {REASON}"]


# The pauses.


def test_the_longest_pause_also_bounds_the_first_one(variant, scripted):
    before = time.monotonic()
    listings = [listing({"a1": "Running"}), listing({"a1": "Completed"})]
    wait(variant, scripted, listings, "a1", poll=TIMEOUT, longest_poll=0.001)
    assert time.monotonic() - before < TIMEOUT / 2


def test_the_pauses_grow_up_to_the_longest_pause(variant, scripted, pauses):
    listings = [listing({"a1": "Running"})] * 6 + [listing({"a1": "Failed"})]
    wait(variant, scripted, listings, "a1", poll=0.04, longest_poll=0.1)
    assert pauses == pytest.approx([0.04, 0.06, 0.09, 0.1, 0.1, 0.1])


def test_the_pauses_are_short_again_if_a_session_is_missing(variant, scripted, pauses):
    running, ended = listing({"a1": "Running"}), listing({"a1": "Failed"})
    listings = [running, running, running, [], running, ended]
    wait(variant, scripted, listings, "a1", poll=0.04, longest_poll=0.1)
    assert pauses == pytest.approx([0.04, 0.06, 0.09, 0.04, 0.06])


def test_there_are_pauses_during_an_outage_with_any_retry_policy(variant, scripted, pauses):
    """A long outage must not cause thousands of requests."""
    scripted.respond = Stage(*[BUSY] * 3, listing({"a1": "Completed"}))
    session = variant.open(server=scripted.url, token="t", retry=Retry(first_pause=0))
    assert variant.run(session.wait("a1")) == {"a1": "Completed"}
    assert pauses == [0.05] * 3


# Progress.


@pytest.mark.usefixtures("quick_look_ups")
def test_progress_is_reported_when_a_status_changes(variant, scripted):
    listings = [
        [],
        listing({"a1": "Pending"}),
        listing({"a1": "Pending"}),
        listing({"a1": "Running", "b2": "Pending"}),
        listing({"a1": "Running", "b2": "Pending"}),
        listing({"a1": "Completed"}),
    ]
    reports = []
    wait(variant, scripted, listings, ["a1", "b2"], progress=reports.append)
    assert reports == [
        {"a1": "Pending", "b2": "Unseen"},
        {"a1": "Running", "b2": "Pending"},
        {"a1": "Completed", "b2": "Pending"},
        {"a1": "Completed", "b2": "Gone"},
    ]


def test_progress_cannot_change_the_statuses_of_the_wait(variant, scripted):
    listings = [listing({"a1": "Running"}), listing({"a1": "Running"}), listing({"a1": "Failed"})]
    assert wait(variant, scripted, listings, "a1", progress=dict.clear) == {"a1": "Failed"}


# The messages name most parameters exactly; these are the exceptions.
MESSAGES = {"ids": "id", "until": "until|status"}


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
        ("longest_poll", "1 s"),
        ("longest_poll", None),
        ("timeout", float("nan")),
        ("timeout", "1 s"),
        ("appear", None),
        ("restart", None),
        ("appear", float("nan")),
        ("ids", "a 1"),
        ("ids", 7),
    ],
)
def test_invalid_input_is_refused_before_a_request_is_sent(variant, scripted, name, value):
    scripted.respond = lambda _: json_response([record("a1", "Failed")])
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.InvalidInputError, match=MESSAGES.get(name, name)):
        variant.run(session.wait(**{"ids": "a1"} | {name: value}))
    assert scripted.received == []
