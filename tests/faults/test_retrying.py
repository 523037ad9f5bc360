"""Requests that may be repeated are repeated after a random pause; others are not."""

import asyncio
import contextlib
import email.utils
import logging
import socket
import threading
import time
from typing import Any

import httpx
import pytest
from faults import faulty as f
from faults.conftest import LONG_TIMEOUT, QUICK, TIMEOUT, timeout_for
from faults.faulty import FaultyPlatform
from hypothesis import given, settings
from hypothesis import strategies as st

import skaha
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

TEMPORARY = [
    *(f.refusal(status) for status in (408, 429, 500, 502, 503, 504)),
    *f.CUTS,
    f.NOT_HTTP,
    f.BAD_LENGTH,
    f.BAD_CODING,
    f.STALL_EXECUTED,
    f.STALL_MIDWAY,
]
FINAL = [400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 425, 451, 501]


def open_session(variant: Any, platform: FaultyPlatform, **settings: Any) -> Any:
    settings = {"retry": QUICK, "timeout": LONG_TIMEOUT, "concurrency": 4} | settings
    return variant.open(server=platform.url, token="a-token", **settings)


def status_error(status: int = 503, **headers: str) -> StatusError:
    request = httpx.Request("GET", "http://127.0.0.1/skaha/v1/session")
    return responses.status_error(httpx.Response(status, headers=headers, request=request))


@pytest.mark.parametrize("fault", TEMPORARY, ids=str)
def test_a_failed_get_request_is_repeated(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(3)]
    faulty.script(f"GET {ids[1]}", fault, fault)
    records = variant.run(open_session(variant, faulty, timeout=timeout_for(fault)).info(ids))
    assert [record["id"] for record in records] == ids
    assert (records.failures, records.retries) == ({}, 2)
    assert len(faulty.requests(f"GET {ids[1]}")) == 3


@pytest.mark.parametrize("fault", TEMPORARY, ids=str)
@pytest.mark.parametrize("accepts_missing", [True, False], ids=["newer", "older"])
def test_a_failed_delete_request_is_repeated(
    variant: Any, fault: f.Fault, accepts_missing: bool
) -> None:
    """The session counts as deleted even if the repeated request does not find it."""
    with FaultyPlatform(accepts_missing=accepts_missing) as platform:
        ids = [platform.add(f"run-{number}") for number in range(3)]
        platform.script(f"DELETE {ids[1]}", fault)
        results = variant.run(
            open_session(variant, platform, timeout=timeout_for(fault)).destroy(ids)
        )
        assert results == dict.fromkeys(ids, True)
        assert results.failures == {}
        assert results.retries >= 1
        assert platform.sessions == {}


@pytest.mark.parametrize(
    ("faults", "is_deleted"),
    [
        ([], False),
        ([f.refusal(429)], False),
        ([f.refusal(429, 0), f.refusal(429)], False),
        ([f.refusal(503)], True),
        ([f.refusal(503), f.refusal(429)], True),
        ([f.RESET_NOT_EXECUTED], True),
    ],
    ids=lambda value: "+".join(map(str, value)) if isinstance(value, list) else None,
)
def test_a_missing_session_counts_as_deleted_if_an_attempt_may_have_deleted_it(
    variant: Any, faults: list[f.Fault], is_deleted: bool
) -> None:
    """Older platforms report a missing session. A 429 says that the platform deleted nothing."""
    with FaultyPlatform(accepts_missing=False) as platform:
        platform.script("DELETE unknown1", *faults)
        results = variant.run(open_session(variant, platform).destroy("unknown1"))
        assert results == {"unknown1": is_deleted}


def test_a_missing_session_was_not_deleted_by_an_attempt_without_a_connection(
    variant: Any,
) -> None:
    """The platform starts between the first attempt and the second one."""
    tokens = iter(["first", "second"])
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(2**16)
            connection.sendall(b"HTTP/1.1 404 \r\nContent-Length: 14\r\n\r\nno session a1\n")

    def token() -> str:
        text = next(tokens)
        if text == "second":
            listener.listen()
            threading.Thread(target=answer).start()
        return text

    url = f"http://127.0.0.1:{listener.getsockname()[1]}/skaha"
    with listener:
        session = variant.open(server=url, token=token, retry=QUICK)
        assert variant.run(session.destroy("a1")) == {"a1": False}


@pytest.mark.parametrize("status", FINAL)
def test_other_refusals_are_not_repeated(variant: Any, faulty: FaultyPlatform, status: int) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(2)]
    session = open_session(variant, faulty)
    for method, call in (("GET", session.info), ("DELETE", session.destroy)):
        faulty.always(f"{method} {ids[0]}", f.refusal(status))
        try:
            failures = variant.run(call(ids)).failures
        except SkahaError as error:
            failures = error.partial.failures
        assert [(key, error.status) for key, error in failures.items()] == [(ids[0], status)]
        assert len(faulty.requests(f"{method} {ids[0]}")) == 1


@pytest.mark.parametrize("fault", TEMPORARY, ids=str)
def test_retry_false_disables_repetitions(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    faulty.script("GET session", fault)
    session = open_session(variant, faulty, retry=False, timeout=timeout_for(fault))
    with pytest.raises(SkahaError):
        variant.run(session.fetch())
    assert faulty.request_keys() == ["GET session"]
    assert variant.run(session.fetch()) == []


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_number_of_attempts_is_limited(
    variant: Any, faulty: FaultyPlatform, attempts: int
) -> None:
    faulty.always("GET session", f.refusal(429))
    retry = Retry(attempts=attempts, first_pause=0.001)
    with pytest.raises(TooManyRequestsError):
        variant.run(open_session(variant, faulty, retry=retry).fetch())
    assert len(faulty.received) == attempts


def test_a_request_that_always_gets_500_is_sent_three_times(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.always("GET session", f.refusal(500))
    with pytest.raises(ServerError):
        variant.run(open_session(variant, faulty).fetch())
    assert len(faulty.received) == 3


def test_other_failures_do_not_count_as_500(variant: Any, faulty: FaultyPlatform) -> None:
    faulty.script("GET session", f.RESET_EXECUTED, f.refusal(503), f.refusal(500), f.refusal(500))
    assert variant.run(open_session(variant, faulty).fetch()).retries == 4


@pytest.mark.parametrize("retry_after", [None, 3600])
def test_the_deadline_is_for_the_whole_call(
    variant: Any, faulty: FaultyPlatform, retry_after: int | None
) -> None:
    """After the deadline, no request is repeated. A pause beyond the deadline is not awaited."""
    ids = [faulty.add(f"run-{number}") for number in range(12)]
    for session_id in ids[:10]:
        faulty.always(f"GET {session_id}", f.refusal(503, retry_after))
    retry = Retry(
        attempts=10**6,
        deadline=0.3,
        first_pause=0.01,
        longest_pause=0.02 if retry_after is None else 60,
    )
    start = time.monotonic()
    records = variant.run(open_session(variant, faulty, retry=retry, concurrency=2).info(ids))
    assert time.monotonic() - start < 30
    assert [record["id"] for record in records] == ids[10:]
    assert list(records.failures) == ids[:10]
    repeated = [
        request.received_at
        for session_id in ids
        for request in faulty.requests(f"GET {session_id}")[1:]
    ]
    # On a busy machine, the server may read a request seconds after it was sent.
    assert all(time < start + 0.3 + 5 for time in repeated)
    assert bool(repeated) == (retry_after is None)


def test_the_pause_is_at_least_retry_after(variant: Any, faulty: FaultyPlatform) -> None:
    """The header has seconds or a date."""
    ids = [faulty.add(f"run-{number}") for number in range(2)]
    # A date has no fractions of a second, so 2 s as a date mean 1 to 2 s.
    faulty.script(f"GET {ids[0]}", f.refusal(503, 1))
    faulty.script(f"GET {ids[1]}", f.refusal(503, 2, as_date=True))
    retry = Retry(first_pause=0.001, longest_pause=30)
    assert len(variant.run(open_session(variant, faulty, retry=retry).info(ids))) == 2
    for session_id in ids:
        first, second = faulty.requests(f"GET {session_id}")
        assert 0.9 < second.received_at - first.received_at < 20


def test_a_longer_retry_after_is_reduced_to_the_longest_pause(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.script("GET session", f.refusal(429, 3600), f.refusal(503, 7200, as_date=True))
    start = time.monotonic()
    assert variant.run(open_session(variant, faulty).fetch()) == []
    assert time.monotonic() - start < 60


def test_retries_are_logged_and_counted(
    variant: Any, faulty: FaultyPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.script("GET session", f.refusal(503), f.RESET_EXECUTED, f.NOT_HTTP)
    with caplog.at_level(logging.DEBUG, "skaha"):
        records = variant.run(open_session(variant, faulty).fetch())
    assert records.retries == 3
    logged = [record for record in caplog.records if record.name == "skaha"]
    assert [record.levelname for record in logged] == ["DEBUG"] * 3
    assert all("GET /skaha/v1/session" in record.getMessage() for record in logged)
    assert "503" in logged[0].getMessage()


def test_a_call_without_faults_has_no_retries(variant: Any, faulty: FaultyPlatform) -> None:
    ids = [faulty.add("run-1")]
    session = open_session(variant, faulty)
    results = [variant.run(call) for call in (session.fetch(), session.info(ids))]
    assert [result.retries for result in results] == [0, 0]


def test_the_error_of_a_lost_connection_has_the_other_results(
    variant: Any, faulty: FaultyPlatform
) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(6)]
    faulty.always(f"GET {ids[2]}", f.RESET_NOT_EXECUTED)
    with pytest.raises(ConnectionFailedError) as caught:
        variant.run(open_session(variant, faulty).info(ids))
    others = [session_id for session_id in ids if session_id != ids[2]]
    assert [record["id"] for record in caught.value.partial] == others
    assert list(caught.value.partial.failures) == [ids[2]]


def test_a_refused_connection_is_not_a_time_out(variant: Any) -> None:
    # A socket that does not listen: another test cannot get its port.
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{refusing.getsockname()[1]}/skaha"
        retry = Retry(attempts=3, first_pause=0.001)
        with pytest.raises(ConnectionFailedError) as caught:
            variant.run(variant.open(server=url, token="a-token", retry=retry).fetch())
    assert not isinstance(caught.value, TimedOutError)


@pytest.mark.parametrize("fault", [f.STALL_NOT_EXECUTED, f.STALL_MIDWAY], ids=str)
def test_a_stalled_response_is_a_time_out(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    faulty.always("GET session", fault)
    with pytest.raises(TimedOutError):
        variant.run(open_session(variant, faulty, retry=False, timeout=TIMEOUT).fetch())


@pytest.mark.parametrize(
    "fault", [fault for fault in f.INVALID_RESPONSES if fault is not f.SURPLUS], ids=str
)
def test_an_invalid_response_raises_an_error_of_this_library(
    variant: Any, faulty: FaultyPlatform, fault: f.Fault
) -> None:
    faulty.always("GET session", fault)
    with pytest.raises((AnswerError, ConnectionFailedError)):
        variant.run(open_session(variant, faulty, retry=False).fetch())


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=base64\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=idna\r\nContent-Length: 2\r\n\r\n\xffb",
        b"HTTP/1.1 404 No\r\nContent-Type: a/b; charset=hex\r\nContent-Length: 2\r\n\r\nzz",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
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
def test_invalid_bytes_raise_errors_of_this_library_and_do_not_block_a_connection(
    variant: Any, faulty: FaultyPlatform, raw: bytes
) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(3)]
    session = open_session(variant, faulty, retry=False, concurrency=1)
    for call in (session.fetch, lambda: session.info(ids), lambda: session.logs(ids)):
        for key in ("GET session", f"GET {ids[0]}", "GET logs"):
            faulty._scripts[key].clear()
            faulty.script(key, f.Fault("raw", raw=raw))
        with contextlib.suppress(SkahaError):
            variant.run(call())
    faulty._scripts.clear()
    assert len(variant.run(session.info(ids))) == 3


def test_a_task_of_a_progress_function_has_its_own_deadline(faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(2)]
    faulty.script("GET session", f.refusal(503))
    retry = Retry(deadline=0.2, first_pause=0.001)

    async def main() -> None:
        async with skaha.AsyncSession(server=faulty.url, token="a-token", retry=retry) as session:
            ended = asyncio.Event()

            async def fetch_later() -> Any:
                await ended.wait()
                await asyncio.sleep(retry.deadline)
                return await session.fetch()

            tasks = []

            def progress(done: int, _: int) -> None:
                if done == 1:
                    tasks.append(asyncio.create_task(fetch_later()))

            await session.info(ids, progress=progress)
            ended.set()
            assert (await tasks[0]).retries == 1

    asyncio.run(main())


# The pauses of `Retry`, without a network.


@settings(max_examples=200)
@given(
    attempt=st.integers(1, 10_000),
    first=st.floats(0, 10),
    longest=st.floats(0, 100),
)
def test_pauses_double_and_are_bounded(attempt: int, first: float, longest: float) -> None:
    retry = Retry(first_pause=first, longest_pause=longest)
    bound = min(longest, first * 2.0 ** min(attempt - 1, 500))
    assert 0 <= retry.pause(attempt, status_error()) <= bound


def test_pauses_are_spread_over_the_whole_range() -> None:
    """Clients whose requests failed at the same time do not repeat them at the same time."""
    retry = Retry(first_pause=1, longest_pause=8)
    for attempt, bound in ((1, 1), (2, 2), (3, 4), (4, 8), (9, 8)):
        pauses = [retry.pause(attempt, status_error()) for _ in range(400)]
        assert min(pauses) < 0.1 * bound
        assert max(pauses) > 0.9 * bound
        assert 0.4 * bound < sum(pauses) / len(pauses) < 0.6 * bound


@given(seconds=st.integers(0, 10**9), is_date=st.booleans())
def test_retry_after_is_the_shortest_pause(seconds: int, is_date: bool) -> None:
    retry = Retry(first_pause=0.5, longest_pause=60)
    text = str(seconds)
    if is_date:
        text = email.utils.formatdate(time.time() + seconds, usegmt=True)
    pause = retry.pause(1, status_error(**{"retry-after": text}))
    assert min(60, seconds - 2 * is_date) <= pause <= min(60, seconds + 0.5)


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
def test_any_text_in_retry_after_gives_an_allowed_pause(text: str) -> None:
    response = httpx.Response(
        503,
        headers=[(b"retry-after", text.encode("latin-1"))],
        request=httpx.Request("GET", "http://127.0.0.1/"),
    )
    assert 0 <= Retry(longest_pause=30).pause(1, responses.status_error(response)) <= 30
