"""An overloaded platform gets fewer requests at once; one that answers gets more again."""

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
from skaha.errors import SkahaError

WIDE = 16


class Gate:
    """Holds requests until as many are in flight as should be, and a little longer for more."""

    def __init__(self, platform: FaultyPlatform) -> None:
        self._platform = platform
        self._expected = 0
        platform.on_request = self._pass

    def _pass(self, _: f.Received) -> None:
        platform = self._platform
        with contextlib.suppress(AssertionError):
            platform.wait_for(lambda: platform.most_in_flight >= self._expected, 2)
        # What should not come cannot be awaited.
        time.sleep(0.01)

    @contextlib.contextmanager
    def until_all_refusals_are_heard(self, width: int) -> Iterator[None]:
        """Refuse a whole width together; hold what is sent again until half of it is there.

        The other half of the lanes has closed by then, which takes all of the refusals.
        """
        platform = self._platform
        platform.received.clear()

        def hold(request: f.Received) -> None:
            expected = width + width // 2 if request.fault is f.NONE else width
            platform.wait_for(lambda: len(platform.received) >= expected)
            time.sleep(0.01)

        platform.on_request = hold
        yield
        platform.on_request = self._pass

    def lets_through(self, expected: int, variant: Any, call: Callable[[], Any]) -> bool:
        """Say whether so many requests of this call are in flight at once, and never more."""
        self._platform.most_in_flight, self._expected = 0, expected
        variant.run(call())
        return self._platform.most_in_flight == expected


@pytest.mark.parametrize("status", [429, 503])
def test_overload_narrows_and_success_widens(
    variant: Any, faulty: FaultyPlatform, status: int
) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(4 * WIDE)]
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=WIDE)
    gate = Gate(faulty)
    assert gate.lets_through(WIDE, variant, lambda: session.info(ids))
    for one in ids[:WIDE]:
        faulty.script(f"GET {one}", f.refused(status))
    with gate.until_all_refusals_are_heard(WIDE):
        variant.run(session.info(ids[:WIDE]))
    # All of a width at once are one sign of overload, not sixteen.
    # Eight, and one more as each of the eight was used once with success.
    assert gate.lets_through(WIDE // 2 + 1, variant, lambda: session.info(ids[:12]))
    for _ in range(3):
        variant.run(session.info(ids))
    assert gate.lets_through(WIDE, variant, lambda: session.info(ids))


def test_launches_narrow_too(variant: Any, faulty: FaultyPlatform) -> None:
    """Wave after wave of refusals leaves one request in flight, and never none."""
    names = [f"run-{number}" for number in range(1, WIDE + 1)]
    for name in names:
        faulty.script(f"POST {name}", *[f.refused(503)] * 6)
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=WIDE)
    launched = variant.run(session.create("run", IMAGE, replicas=WIDE))
    assert list(launched.names) == names
    assert faulty.named() == {name: [one] for name, one in launched.names.items()}
    # Sixteen successes have opened one lane after the other: two, three, four, five.
    assert Gate(faulty).lets_through(2, variant, lambda: session.info(list(launched)[:2]))


def test_other_failures_do_not_narrow(variant: Any, faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(WIDE)]
    for one in ids:
        faulty.script(f"GET {one}", f.refused(502), f.RESET_DONE)
    session = variant.open(server=faulty.url, token="a-token", retry=QUICK, concurrency=WIDE)
    gate = Gate(faulty)
    variant.run(session.info(ids))
    assert gate.lets_through(WIDE, variant, lambda: session.info(ids))


def test_no_lane_is_lost_on_the_way(variant: Any, faulty: FaultyPlatform) -> None:
    """After every kind of failure there are as many lanes as before."""
    ids = [faulty.add(f"run-{number}") for number in range(4)]
    faults = [fault for fault in dict.fromkeys(f.ALL) if fault.status not in (429, 503)]
    settings = {"retry": False, "timeout": TIMEOUT, "concurrency": 4}
    session = variant.open(server=faulty.url, token="a-token", **settings)
    for fault in faults:
        for one in ids:
            faulty.script(f"GET {one}", fault)
        with contextlib.suppress(SkahaError):
            variant.run(session.info(ids))
    gate = Gate(faulty)
    assert gate.lets_through(4, variant, lambda: session.info(ids))


def test_cancelled_requests_give_their_lanes_back(faulty: FaultyPlatform) -> None:
    """However often and wherever calls are cancelled, the next one finds all lanes."""
    import skaha

    ids = [faulty.add(f"run-{number}") for number in range(4)]

    async def cancel_and_call() -> None:
        settings = {"retry": False, "timeout": 10, "concurrency": 4}
        async with skaha.AsyncSession(server=faulty.url, token="a-token", **settings) as session:
            for fault in (f.STALL_DONE, f.STALL_MIDWAY, f.STALL_UNDONE) * 3:
                faulty.received.clear()
                for one in ids:
                    faulty.script(f"GET {one}", fault)
                call = asyncio.ensure_future(session.info(ids))
                seen = asyncio.to_thread(faulty.wait_for, lambda: len(faulty.received) == 4)
                await seen
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert len(await session.info(ids)) == 4

    asyncio.run(cancel_and_call())


# Width by itself.


@settings(max_examples=300)
@given(
    full=st.integers(1, 64),
    steps=st.lists(st.sampled_from(["narrow", "widen", "begin", "end"]), max_size=400),
)
def test_the_account_of_lanes_balances(full: int, steps: list[str]) -> None:
    """Free room is never less than none nor more than all, and one lane is always open."""
    width, room, in_flight = AdaptiveLimit(full), full, 0
    for step in steps:
        if step == "narrow":
            width.on_overload()
        elif step == "widen":
            room += width.on_success()
        elif step == "begin" and room:
            room, in_flight = room - 1, in_flight + 1
        elif step == "end" and in_flight:
            in_flight -= 1
            room += not width.remove_one()
        assert 1 <= width.current <= full
        assert room >= 0
        assert width.current <= room + in_flight <= full
    for _ in range(in_flight):
        room += not width.remove_one()
    # Idle lanes that are to close do so when they are next used: one always stays.
    assert room >= 1
