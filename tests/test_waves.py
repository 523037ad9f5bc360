"""Launching in waves: at most N of the caller's sessions of a kind are active at once."""

import asyncio
import json
import signal
import threading
import time

import httpx
import pytest
from scripted import Response, json_response
from staged import IMAGE, embedded, record

from skaha import Retry, errors
from skaha._async import _launch as async_launch
from skaha._sansio import status_tracker
from skaha._sync import _launch as sync_launch


@pytest.fixture(scope="module")
def large_platform(tmp_path_factory):
    """Start a platform with resources for more sessions than a wave has."""
    state = tmp_path_factory.mktemp("large")
    with embedded(state, "--cores", "16", "--ram", "64", "--start-delay", "0.1") as platform:
        yield platform


class ActiveCounter:
    """Counts the active sessions of a kind repeatedly in its own thread; stores the maximum."""

    def __init__(self, platform, kind):
        self.maximum = 0
        self._done = threading.Event()
        self._client = httpx.Client(
            base_url=platform.url, headers={"Authorization": f"Bearer {platform.token}"}
        )
        self._kind = kind
        self._thread = threading.Thread(target=self._count)

    def _count(self):
        while not self._done.is_set():
            records = self._client.get("/v1/session", params={"type": self._kind}).json()
            active = [record for record in records if record["status"] in ("Pending", "Running")]
            self.maximum = max(self.maximum, len(active))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._client.close()


def test_all_replicas_are_launched_and_the_limit_is_never_exceeded(variant, large_platform):
    session = variant.open(server=large_platform.url, token=large_platform.token)
    # Other kinds and ended sessions do not count. Earlier active sessions count.
    other = variant.run(session.create("desk", IMAGE, 1, 1, kind="desktop"))
    ended = variant.run(session.create("ended", IMAGE, 1, 1, cmd="true", replicas=3))
    variant.run(session.wait(ended, timeout=60))
    early = variant.run(session.create("early", IMAGE, 1, 1, cmd="sleep", args="0.5"))
    try:
        with ActiveCounter(large_platform, "headless") as counter:
            ids = variant.run(
                session.create("wave", IMAGE, 1, 1, cmd="sleep", args="0.1", replicas=7, at_most=3)
            )
        assert list(ids.names) == [f"wave-{n}" for n in range(1, 8)]
        assert counter.maximum == 3
        statuses = variant.run(session.wait(ids, timeout=60))
        assert statuses == dict.fromkeys(ids, "Completed")
        assert [record["status"] for record in variant.run(session.info(other))] != []
    finally:
        variant.run(session.destroy([*other, *ended, *early, *ids], verify=True))


class ShrinkingPlatform:
    """A platform on which each request of the list ends one session.

    Args:
        records: The sessions at the start.
        lag: A new session is missing from this number of lists.

    Attributes:
        maximum: The highest number of active headless sessions.
        lists: The number of requests of the list.
        launched: The ids of the launched sessions.
        refusals: Responses that replace the usual ones, by the name of a launch. The response for
            "GET" replaces the list from the fourth request on.
    """

    def __init__(self, *records, lag=0):
        self.records = list(records)
        self.lag = lag
        self.refusals = {}
        self.maximum = 0
        self.lists = 0
        self.launched = []
        self._unlisted = []
        self._lock = threading.Lock()

    def active(self):
        return [
            record
            for record in [*self.records, *(record for _, record in self._unlisted)]
            if is_active(record)
        ]

    def __call__(self, request):
        with self._lock:
            if request.method == "GET":
                return self._list(request)
            name = request.form["name"][0]
            if name in self.refusals:
                return self.refusals[name]
            self.launched.append(f"id-{name}")
            self._unlisted.append((self.lag, record(f"id-{name}", "Pending", name=name)))
            self.maximum = max(self.maximum, len(self.active()))
            return Response(200, f"id-{name}\n")

    def _list(self, request):
        self.lists += 1
        if "GET" in self.refusals and self.lists > 3:
            return self.refusals["GET"]
        self.records += [record for lag, record in self._unlisted if lag == 0]
        self._unlisted = [(lag - 1, record) for lag, record in self._unlisted if lag > 0]
        kinds = request.query.get("type", ["headless"])
        response = json_response([record for record in self.records if record["type"] in kinds])
        for session in self.records:
            if is_active(session):
                session["status"] = "Completed"
                break
        return response


def is_active(record):
    return record["type"] == "headless" and record["status"] in ("Pending", "Running")


def launch_in_waves(variant, scripted, response, **options):
    scripted.respond = response
    session = variant.open(server=scripted.url, token="t", retry=False)
    return variant.run(session.create("wave", IMAGE, **{"replicas": 7, "at_most": 3} | options))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """Shorten the pauses between two requests of the list."""
    for module in (async_launch, sync_launch):
        monkeypatch.setattr(module, "_FIRST_POLL", 0.01)


def test_pending_sessions_count_and_other_kinds_and_ended_sessions_do_not(variant, scripted):
    platform = ShrinkingPlatform(
        record("n1", type="notebook"),
        record("n2", "Pending", type="notebook"),
        record("h1", "Failed"),
        record("h2", "Terminating"),
        record("h3", "Pending"),
    )
    launched = launch_in_waves(variant, scripted, platform)
    assert launched == [f"id-wave-{n}" for n in range(1, 8)]
    # Of the three sessions that count, each list ends one.
    assert platform.maximum == 2


@pytest.mark.parametrize("lag", [1, 2])
def test_a_launched_session_counts_before_it_is_listed(variant, scripted, lag):
    """A new session may take seconds to appear in the list."""
    platform = ShrinkingPlatform(lag=lag)
    launched = launch_in_waves(variant, scripted, platform)
    assert len(launched) == 7
    assert platform.maximum <= 3


def test_a_session_with_an_unknown_status_counts(variant, scripted):
    platform = ShrinkingPlatform(record("h1", "Suspended"), record("h2", None))
    launched = launch_in_waves(variant, scripted, platform)
    assert len(launched) == 7
    # The two sessions never end.
    assert platform.maximum <= 1


@pytest.mark.parametrize("kept", [0, 1])
def test_sessions_that_are_missing_from_a_list_still_count(variant, scripted, kept):
    platform = ShrinkingPlatform()

    def respond(request):
        response = platform(request)
        if request.method == "GET" and platform.lists in (3, 5):
            return json_response(json.loads(response.body)[:kept])
        return response

    launched = launch_in_waves(variant, scripted, respond)
    assert len(launched) == 7
    assert platform.maximum <= 3


def test_a_session_that_vanishes_does_not_count(variant, scripted, monkeypatch):
    """Some platforms remove a session from the list as soon as it ends."""
    monkeypatch.setattr(status_tracker, "_LOOK_UP_AFTER", 0)
    platform = ShrinkingPlatform()

    def respond(request):
        if request.path.endswith("/session"):
            response = platform(request)
            platform.records = [
                record for record in platform.records if record["status"] != "Completed"
            ]
            return response
        key = request.path.rpartition("/")[2]
        return Response(404, f"session {key} not found.\n")

    launched = launch_in_waves(variant, scripted, respond)
    assert len(launched) == 7
    assert platform.maximum <= 3


def test_a_refused_replica_does_not_stop_later_waves(variant, scripted):
    platform = ShrinkingPlatform()
    platform.refusals["wave-4"] = Response(400, "not this one")
    launched = launch_in_waves(variant, scripted, platform)
    assert list(launched.names) == [f"wave-{n}" for n in (1, 2, 3, 5, 6, 7)]
    assert list(launched.failures) == ["wave-4"]


@pytest.mark.parametrize("response", [Response(401, "expired"), Response(500, "oops"), None])
def test_an_error_of_a_later_wave_has_the_launched_sessions(variant, scripted, response):
    platform = ShrinkingPlatform()
    platform.refusals["GET"] = response
    with pytest.raises(errors.SkahaError) as caught:
        launch_in_waves(variant, scripted, platform)
    partial = caught.value.partial
    assert sorted(partial) == sorted(platform.launched)
    assert 3 <= len(partial) < 7


PAGE = Response(404, "<!doctype html><html><title>default backend</title></html>", "text/html")


@pytest.mark.parametrize(
    ("response", "count"),
    [(None, 12), (Response(503, "busy"), 12), (PAGE, 1)],
    ids=["no response", "503", "page of an ingress"],
)
def test_an_outage_between_two_waves_does_not_end_the_call(variant, scripted, response, count):
    """It begins before the first look of a wave, and 12 pauses are longer than the deadline."""
    platform, outage = ShrinkingPlatform(), [response] * count

    def respond(request):
        is_failing = request.method == "GET" and platform.launched and outage
        return outage.pop() if is_failing else platform(request)

    scripted.respond = respond
    retry = Retry(deadline=0.3, first_pause=0.001, longest_pause=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    launched = variant.run(session.create("wave", IMAGE, replicas=3, at_most=1))
    assert launched == [f"id-wave-{n}" for n in range(1, 4)]
    assert outage == []


def test_a_cancellation_has_the_launched_sessions(variant, scripted):
    """The call is cancelled between two waves, while it requests the list."""
    platform = ShrinkingPlatform()
    session = variant.open(server=scripted.url, token="t", retry=False)
    is_listing = threading.Event()

    def respond(request):
        if request.method == "GET" and platform.lists == 3:
            is_listing.set()
            time.sleep(0.3)
        return platform(request)

    scripted.respond = respond
    if variant.name == "async":

        async def cancel():
            call = asyncio.ensure_future(session.create("wave", IMAGE, replicas=7, at_most=3))
            assert await asyncio.to_thread(is_listing.wait, 10)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            return caught.value.partial

        partial = variant.run(cancel())
    else:
        previous_handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        main = threading.main_thread().ident
        interrupter = threading.Thread(
            target=lambda: is_listing.wait(10) and signal.pthread_kill(main, signal.SIGINT)
        )
        interrupter.start()
        try:
            with pytest.raises(KeyboardInterrupt) as caught:
                session.create("wave", IMAGE, replicas=7, at_most=3)
        finally:
            signal.signal(signal.SIGINT, previous_handler)
            interrupter.join()
        partial = caught.value.partial
    assert sorted(partial) == sorted(platform.launched)
    assert 3 <= len(partial) < 7


@pytest.mark.parametrize("at_most", [0, -1, 1.5, "3 jobs", True])
@pytest.mark.parametrize("call", ["create", "relaunch"])
def test_an_invalid_at_most_is_refused(variant, scripted, scripted_session, at_most, call):
    args = ("wave", IMAGE) if call == "create" else ([],)
    with pytest.raises(errors.InvalidInputError, match="at_most"):
        variant.run(getattr(scripted_session, call)(*args, at_most=at_most))
    assert scripted.received == []
