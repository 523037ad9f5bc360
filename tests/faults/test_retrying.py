"""Requests that may be repeated are repeated after a random pause; others are not."""

import contextlib
import email.utils
import logging
import time
from typing import Any

import httpx
import pytest
from faults import faulty as f
from faults.conftest import LONG_TIMEOUT, QUICK, TIMEOUT, timeout_for
from faults.faulty import FaultyPlatform
from hypothesis import given, settings
from hypothesis import strategies as st

from skaha import Retry
from skaha._sansio import responses
from skaha.errors import (
    AnswerError,
    ConnectionFailedError,
    ServerError,
    SkahaError,
    StatusError,
    TimedOutError,
    TooManyRequestsError,
)

PASSING = [
    *(f.refused(status) for status in (408, 429, 500, 502, 503, 504)),
    *f.CUTS,
    f.NOT_HTTP,
    f.BAD_LENGTH,
    f.BAD_CODING,
    f.STALL_DONE,
    f.STALL_MIDWAY,
]
FINAL = [400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 425, 451, 501]


def opened(variant: Any, platform: FaultyPlatform, **settings: Any) -> Any:
    settings = {"retry": QUICK, "timeout": LONG_TIMEOUT, "concurrency": 4} | settings
    return variant.open(server=platform.url, token="a-token", **settings)


def an_error(status: int = 503, **headers: str) -> StatusError:
    request = httpx.Request("GET", "http://127.0.0.1/skaha/v1/session")
    return responses.status_error(httpx.Response(status, headers=headers, request=request))


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_get_is_sent_again(variant: Any, faulty: FaultyPlatform, fault: f.Fault) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(3)]
    faulty.script(f"GET {ids[1]}", fault, fault)
    records = variant.run(opened(variant, faulty, timeout=timeout_for(fault)).info(ids))
    assert [record["id"] for record in records] == ids
    assert (records.failures, records.retries) == ({}, 2)
    assert len(faulty.seen(f"GET {ids[1]}")) == 3


@pytest.mark.parametrize("fault", PASSING, ids=str)
@pytest.mark.parametrize("forgetful", [True, False], ids=["newer", "older"])
def test_delete_is_sent_again(variant: Any, fault: f.Fault, forgetful: bool) -> None:
    """A deleted session counts as deleted, also if the repeated request does not find it."""
    with FaultyPlatform(forgetful=forgetful) as platform:
        ids = [platform.add(f"run-{number}") for number in range(3)]
        platform.script(f"DELETE {ids[1]}", fault)
        ended = variant.run(opened(variant, platform, timeout=timeout_for(fault)).destroy(ids))
        assert ended == dict.fromkeys(ids, True)
        assert ended.failures == {}
        assert ended.retries >= 1
        assert platform.sessions == {}


def test_older_platforms_say_what_is_not_there(variant: Any) -> None:
    with FaultyPlatform(forgetful=False) as platform:
        ended = variant.run(opened(variant, platform).destroy("nobodys1"))
        assert ended == {"nobodys1": False}


@pytest.mark.parametrize("status", FINAL)
def test_other_refusals_are_final(variant: Any, faulty: FaultyPlatform, status: int) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(2)]
    session = opened(variant, faulty)
    for method, call in (("GET", session.info), ("DELETE", session.destroy)):
        faulty.always(f"{method} {ids[0]}", f.refused(status))
        try:
            failures = variant.run(call(ids)).failures
        except SkahaError as error:
            failures = error.partial.failures
        assert [(key, error.status) for key, error in failures.items()] == [(ids[0], status)]
        assert len(faulty.seen(f"{method} {ids[0]}")) == 1


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_false_switches_it_off(variant: Any, faulty: FaultyPlatform, fault: f.Fault) -> None:
    faulty.script("GET session", fault)
    session = opened(variant, faulty, retry=False, timeout=timeout_for(fault))
    with pytest.raises(SkahaError):
        variant.run(session.fetch())
    assert faulty.words() == ["GET session"]
    assert variant.run(session.fetch()) == []


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_attempts_are_counted(variant: Any, faulty: FaultyPlatform, attempts: int) -> None:
    faulty.always("GET session", f.refused(429))
    retry = Retry(attempts=attempts, first_pause=0.001)
    with pytest.raises(TooManyRequestsError):
        variant.run(opened(variant, faulty, retry=retry).fetch())
    assert len(faulty.received) == attempts


def test_a_lasting_500_is_given_up_soon(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.always("GET session", f.refused(500))
    with pytest.raises(ServerError):
        variant.run(opened(variant, faulty).fetch())
    assert len(faulty.received) == 3


def test_one_500_among_others_is_no_lasting_one(variant: Any, faulty: FaultyPlatform) -> None:
    """Two of another kind do not count as two of this one."""
    faulty.script("GET session", f.RESET_DONE, f.refused(503), f.refused(500), f.refused(500))
    assert variant.run(opened(variant, faulty).fetch()).retries == 4


@pytest.mark.parametrize("retry_after", [None, 3600])
def test_one_deadline_for_the_whole_call(
    variant: Any, faulty: FaultyPlatform, retry_after: int | None
) -> None:
    """However many items there are, nothing is sent again after it; nor is it waited for."""
    ids = [faulty.add(f"run-{number}") for number in range(12)]
    for one in ids[:10]:
        faulty.always(f"GET {one}", f.refused(503, retry_after))
    retry = Retry(
        attempts=10**6,
        deadline=0.3,
        first_pause=0.01,
        longest_pause=0.02 if retry_after is None else 60,
    )
    start = time.monotonic()
    records = variant.run(opened(variant, faulty, retry=retry, concurrency=2).info(ids))
    assert time.monotonic() - start < 5
    assert [record["id"] for record in records] == ids[10:]
    assert list(records.failures) == ids[:10]
    again = [one.at for key in ids for one in faulty.seen(f"GET {key}")[1:]]
    # On a busy machine it takes a while from sending to reading.
    assert all(at < start + 0.3 + 0.5 for at in again)
    assert bool(again) == (retry_after is None)


def test_retry_after_is_waited_for(variant: Any, faulty: FaultyPlatform) -> None:
    """It is given in seconds, or as a date."""
    ids = [faulty.add(f"run-{number}") for number in range(2)]
    # A date has no fractions of a second, so two are between one and two.
    faulty.script(f"GET {ids[0]}", f.refused(503, 1))
    faulty.script(f"GET {ids[1]}", f.refused(503, 2, dated=True))
    retry = Retry(first_pause=0.001, longest_pause=30)
    assert len(variant.run(opened(variant, faulty, retry=retry).info(ids))) == 2
    for one in ids:
        first, second = faulty.seen(f"GET {one}")
        assert 0.9 < second.at - first.at < 4


def test_retry_after_is_capped(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("GET session", f.refused(429, 3600), f.refused(503, 7200, dated=True))
    start = time.monotonic()
    assert variant.run(opened(variant, faulty).fetch()) == []
    assert time.monotonic() - start < 2


def test_retries_are_seen_and_counted(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.script("GET session", f.refused(503), f.RESET_DONE, f.NOT_HTTP)
    with caplog.at_level(logging.DEBUG, "skaha"):
        records = variant.run(opened(variant, faulty).fetch())
    assert records.retries == 3
    told = [record for record in caplog.records if record.name == "skaha"]
    assert [record.levelname for record in told] == ["DEBUG"] * 3
    assert all("GET /skaha/v1/session" in record.getMessage() for record in told)
    assert "503" in told[0].getMessage()


def test_a_quiet_call_has_no_retries(variant: Any, faulty: FaultyPlatform) -> None:
    ids = [faulty.add("run-1")]
    session = opened(variant, faulty)
    results = [variant.run(call) for call in (session.fetch(), session.info(ids))]
    assert [result.retries for result in results] == [0, 0]


def test_the_loss_of_some_keeps_the_rest(variant: Any, faulty: FaultyPlatform) -> None:
    """A lost connection raises, and carries what had succeeded."""
    ids = [faulty.add(f"run-{number}") for number in range(6)]
    faulty.always(f"GET {ids[2]}", f.RESET_UNDONE)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(opened(variant, faulty).info(ids))
    kept = [one for one in ids if one != ids[2]]
    assert [record["id"] for record in caught.value.partial] == kept
    assert list(caught.value.partial.failures) == [ids[2]]


def test_nobody_there(variant: Any) -> None:
    with FaultyPlatform() as platform:
        url = platform.url
    retry = Retry(attempts=3, first_pause=0.001)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(variant.open(server=url, token="a-token", retry=retry).fetch())
    assert not isinstance(caught.value, TimedOutError)


@pytest.mark.parametrize("fault", [f.STALL_UNDONE, f.STALL_MIDWAY], ids=str)
def test_a_stall_is_a_time_out(variant: Any, faulty: FaultyPlatform, fault: f.Fault) -> None:
    faulty.always("GET session", fault)
    with pytest.raises(TimedOutError):
        variant.run(opened(variant, faulty, retry=False, timeout=TIMEOUT).fetch())


@pytest.mark.parametrize("fault", [fault for fault in f.GARBAGE if fault is not f.SURPLUS], ids=str)
def test_garbage_is_an_error_of_ours(variant: Any, faulty: FaultyPlatform, fault: f.Fault) -> None:
    faulty.always("GET session", fault)
    with pytest.raises((AnswerError, ConnectionFailedError)):
        variant.run(opened(variant, faulty, retry=False).fetch())


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=base64\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=idna\r\nContent-Length: 2\r\n\r\n\xffb",
        b"HTTP/1.1 404 No\r\nContent-Type: a/b; charset=hex\r\nContent-Length: 2\r\n\r\nzz",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br, deflate\r\nContent-Length: 1\r\n\r\n\xff",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a:b@c\xff/%zz\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI",
        b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    ],
)
def test_no_garbage_gets_through(variant: Any, faulty: FaultyPlatform, raw: bytes) -> None:
    """Whatever bytes come: what is raised is of our tree, and the lane serves the next request."""
    ids = [faulty.add(f"run-{number}") for number in range(3)]
    session = opened(variant, faulty, retry=False, concurrency=1)
    for call in (session.fetch, lambda: session.info(ids), lambda: session.logs(ids)):
        for what in ("GET session", f"GET {ids[0]}", "GET logs"):
            faulty._scripts[what].clear()
            faulty.script(what, f.Fault("raw", raw=raw))
        with contextlib.suppress(SkahaError):
            variant.run(call())
    faulty._scripts.clear()
    assert len(variant.run(session.info(ids))) == 3


# Retry by itself: the pauses it draws.


@settings(max_examples=200)
@given(
    attempt=st.integers(1, 10_000),
    first=st.floats(0, 10),
    longest=st.floats(0, 100),
)
def test_pauses_double_and_are_bounded(attempt: int, first: float, longest: float) -> None:
    retry = Retry(first_pause=first, longest_pause=longest)
    bound = min(longest, first * 2.0 ** min(attempt - 1, 500))
    assert 0 <= retry.pause(attempt, an_error()) <= bound


def test_jitter_is_full() -> None:
    """Pauses spread over all of the range: clients that fell together do not come together."""
    retry = Retry(first_pause=1, longest_pause=8)
    for attempt, bound in ((1, 1), (2, 2), (3, 4), (4, 8), (9, 8)):
        drawn = [retry.pause(attempt, an_error()) for _ in range(400)]
        assert min(drawn) < 0.1 * bound
        assert max(drawn) > 0.9 * bound
        assert 0.4 * bound < sum(drawn) / len(drawn) < 0.6 * bound


@given(asked=st.integers(0, 10**9), dated=st.booleans())
def test_what_the_platform_asks_for_is_the_least(asked: int, dated: bool) -> None:
    retry = Retry(first_pause=0.5, longest_pause=60)
    text = str(asked)
    if dated:
        text = email.utils.formatdate(time.time() + asked, usegmt=True)
    pause = retry.pause(1, an_error(**{"retry-after": text}))
    assert min(60, asked - 2 * dated) <= pause <= min(60, asked + 0.5)


@settings(max_examples=300)
@given(
    text=st.one_of(
        st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40),
        st.from_regex(
            r"(?a)\A(Mon, )?\d{1,20} Nov \d{1,20} \d{1,9}:\d{1,9}:\d{1,9} [+-]?\w{0,6}\Z"
        ),
        st.integers(-(10**30), 10**30).map(str),
        st.sampled_from(["9" * 400, "nan", "inf", "-1", "1.5", "", " ", "²", "Mon"]),
    )
)
def test_whatever_the_platform_asks_for(text: str) -> None:
    """No header makes a pause that cannot be slept, or an error in the place of the real one."""
    response = httpx.Response(
        503,
        headers=[(b"retry-after", text.encode("latin-1"))],
        request=httpx.Request("GET", "http://127.0.0.1/"),
    )
    assert 0 <= Retry(longest_pause=30).pause(1, responses.status_error(response)) <= 30
