"""Adaptive limit: fewer simultaneous requests on an overloaded platform, more after successes."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from faults import faulty as f
from faults.conftest import IMAGE, QUICK, TIMEOUT
from faults.faulty import FaultyPlatform
from hypothesis import given, settings
from hypothesis import strategies as st

from skaha._sansio.adaptive_limit import AdaptiveLimit
from skaha.errors import ServerError, SkahaError

CONCURRENCY = 16


class InFlightCheck:
    """Holds requests until the expected number is in flight, to measure the maximum in flight."""

    def __init__(self, platform: FaultyPlatform) -> None:
        self._platform = platform
        self._expected = 0
        platform.on_request = self._hold

    def _hold(self, _: f.Received) -> None:
        platform = self._platform
        with contextlib.suppress(AssertionError):
            platform.wait_for(lambda: platform.max_in_flight >= self._expected, 2)
        # A test cannot wait for requests that must not come, so give them a moment.
        time.sleep(0.01)

    @contextlib.contextmanager
    def refusals_at_once(self, count: int) -> Iterator[None]:
        """Refuse `count` requests at the same time, and hold the repeated ones until half arrived.

        By then the client has read all refusals and has closed half of its connections.
        """
        platform = self._platform
        platform.received.clear()

        def hold(request: f.Received) -> None:
            expected = count + count // 2 if request.fault is f.NONE else count
            platform.wait_for(lambda: len(platform.received) >= expected)
            time.sleep(0.01)

        platform.on_request = hold
        yield
        platform.on_request = self._hold

    def is_maximum(self, expected: int, variant: Any, call: Callable[[], Any]) -> bool:
        """Return whether this is the maximum number of requests of a call in flight."""
        self._platform.max_in_flight, self._expected = 0, expected
        variant.run(call())
        return self._platform.max_in_flight == expected


@pytest.mark.parametrize("status", [429, 503])
def test_overload_lowers_the_limit_and_success_raises_it(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(4 * CONCURRENCY)]
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=CONCURRENCY)
    check = InFlightCheck(faulty)
    assert check.is_maximum(CONCURRENCY, variant, lambda: session.info(ids))
    for session_id in ids[:CONCURRENCY]:
        faulty.script(f"GET {session_id}", f.refusal(status))
    with check.refusals_at_once(CONCURRENCY):
        variant.run(session.info(ids[:CONCURRENCY]))
    # Sixteen simultaneous refusals count as one sign of overload, so the limit is 8. It is 9 after
    # a success on each of the 8 connections.
    assert check.is_maximum(CONCURRENCY // 2 + 1, variant, lambda: session.info(ids[:12]))
    for _ in range(3):
        variant.run(session.info(ids))
    assert check.is_maximum(CONCURRENCY, variant, lambda: session.info(ids))


def test_refused_launches_lower_the_limit_to_one_at_least(
    variant: Any, faulty: FaultyPlatform
) -> None:
    names = [f"run-{number}" for number in range(1, CONCURRENCY + 1)]
    for name in names:
        faulty.script(f"POST {name}", *[f.refusal(503)] * 6)
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=CONCURRENCY)
    launched = variant.run(session.create("run", IMAGE, replicas=CONCURRENCY))
    assert list(launched.names) == names
    assert faulty.ids_by_name() == {name: [key] for name, key in launched.names.items()}
    # Sixteen successes raised the limit step by step: 2, 3, 4, 5.
    assert InFlightCheck(faulty).is_maximum(2, variant, lambda: session.info(list(launched)[:2]))


def test_other_failures_do_not_lower_the_limit(variant: Any, faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(CONCURRENCY)]
    for session_id in ids:
        faulty.script(f"GET {session_id}", f.refusal(502), f.RESET_EXECUTED)
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=CONCURRENCY)
    check = InFlightCheck(faulty)
    variant.run(session.info(ids))
    assert check.is_maximum(CONCURRENCY, variant, lambda: session.info(ids))


def test_statistics_that_a_site_does_not_have_are_no_overload(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """Such a site always answers 503."""
    ids = [faulty.add(f"run-{number}") for number in range(CONCURRENCY)]
    faulty.always("GET session", f.refusal(503))
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=CONCURRENCY)
    with pytest.raises(ServerError):
        variant.run(session.stats())
    check = InFlightCheck(faulty)
    assert check.is_maximum(CONCURRENCY, variant, lambda: session.info(ids))


def test_no_fault_reduces_the_number_of_connections(variant: Any, faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(4)]
    faults = [fault for fault in dict.fromkeys(f.ALL) if fault.status not in (429, 503)]
    settings = {"retry": False, "timeout": TIMEOUT, "concurrency": 4}
    session = variant.open(server=faulty.url, token="a-token", **settings)
    for fault in faults:
        for session_id in ids:
            faulty.script(f"GET {session_id}", fault)
        with contextlib.suppress(SkahaError):
            variant.run(session.info(ids))
    check = InFlightCheck(faulty)
    assert check.is_maximum(4, variant, lambda: session.info(ids))


def test_cancelled_requests_release_their_connections(faulty: FaultyPlatform) -> None:
    import skaha

    ids = [faulty.add(f"run-{number}") for number in range(4)]

    async def cancel_and_call() -> None:
        settings = {"retry": False, "timeout": 10, "concurrency": 4}
        async with skaha.AsyncSession(server=faulty.url, token="a-token", **settings) as session:
            for fault in (f.STALL_EXECUTED, f.STALL_MIDWAY, f.STALL_NOT_EXECUTED) * 3:
                faulty.received.clear()
                for session_id in ids:
                    faulty.script(f"GET {session_id}", fault)
                call = asyncio.ensure_future(session.info(ids))
                await asyncio.to_thread(faulty.wait_for, lambda: len(faulty.received) == 4)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert len(await session.info(ids)) == 4

    asyncio.run(cancel_and_call())


# `AdaptiveLimit` without a network.


def test_successes_before_an_overload_do_not_raise_the_limit_after_it() -> None:
    limit = AdaptiveLimit(8)
    limit.on_overload()
    for _ in range(8):
        limit.on_response()
    for _ in range(3):
        limit.on_success()
    limit.on_overload()
    limits = [limit.current]
    for _ in range(2):
        limit.on_success()
        limits.append(limit.current)
    assert limits == [2, 2, 3]


@settings(max_examples=300)
@given(
    concurrency=st.integers(1, 64),
    steps=st.lists(st.sampled_from(["overload", "success", "start", "end"]), max_size=400),
)
def test_the_limit_stays_between_one_and_the_concurrency(
    concurrency: int, steps: list[str]
) -> None:
    """The number of connections fits the limit, and at least one stays."""
    limit, free, in_flight = AdaptiveLimit(concurrency), concurrency, 0
    for step in steps:
        if step == "overload":
            limit.on_overload()
        elif step == "success":
            free += limit.on_success()
        elif step == "start" and free:
            free, in_flight = free - 1, in_flight + 1
        elif step == "end" and in_flight:
            in_flight -= 1
            free += not limit.remove_one()
        assert 1 <= limit.current <= concurrency
        assert free >= 0
        assert limit.current <= free + in_flight <= concurrency
    for _ in range(in_flight):
        free += not limit.remove_one()
    # The limit closes a free connection only after its next use, but one connection always stays.
    assert free >= 1
