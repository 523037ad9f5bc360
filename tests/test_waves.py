"""Launching in waves: never more of the caller's sessions of a kind than there may be."""

import asyncio
import json
import signal
import threading
import time

import httpx
import pytest
from scripted import Answer, json_answer
from staged import IMAGE, embedded, record

from skaha import errors
from skaha._async import _launch as of_async
from skaha._sansio import status_tracker
from skaha._sync import _launch as of_sync


@pytest.fixture(scope="module")
def roomy(tmp_path_factory):
    """A platform with room for more sessions than a wave has."""
    state = tmp_path_factory.mktemp("roomy")
    with embedded(state, "--cores", "16", "--ram", "64", "--start-delay", "0.1") as platform:
        yield platform


class Census:
    """Counts the active sessions of a kind from a thread of its own, as often as it can."""

    def __init__(self, platform, kind):
        self.most = 0
        self._done = threading.Event()
        self._client = httpx.Client(
            base_url=platform.url, headers={"Authorization": f"Bearer {platform.token}"}
        )
        self._kind = kind
        self._thread = threading.Thread(target=self._count)

    def _count(self):
        while not self._done.is_set():
            listed = self._client.get("/v1/session", params={"type": self._kind}).json()
            active = [record for record in listed if record["status"] in ("Pending", "Running")]
            self.most = max(self.most, len(active))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._client.close()


def test_there_are_never_more_than_asked_for_and_all_are_launched(variant, roomy):
    session = variant.open(server=roomy.url, token=roomy.token)
    # Neither another kind counts, nor what has ended; what is there already does.
    other = variant.run(session.create("desk", IMAGE, 1, 1, kind="desktop"))
    ended = variant.run(session.create("ended", IMAGE, 1, 1, cmd="true", replicas=3))
    variant.run(session.wait(ended, timeout=20))
    early = variant.run(session.create("early", IMAGE, 1, 1, cmd="sleep", args="0.5"))
    try:
        with Census(roomy, "headless") as census:
            ids = variant.run(
                session.create("wave", IMAGE, 1, 1, cmd="sleep", args="0.1", replicas=7, at_most=3)
            )
        assert list(ids.names) == [f"wave-{n}" for n in range(1, 8)]
        assert census.most == 3
        statuses = variant.run(session.wait(ids, timeout=20))
        assert statuses == dict.fromkeys(ids, "Completed")
        assert [record["status"] for record in variant.run(session.info(other))] != []
    finally:
        variant.run(session.destroy([*other, *ended, *early, *ids], verify=True))


class Crowd:
    """A platform on which every look ends one session, and that may list new ones late."""

    def __init__(self, *before, lag=0):
        self.records = list(before)
        self.lag = lag
        self.refusals = {}
        self.most = 0
        self.looks = 0
        self.made = []
        self._new = []
        self._lock = threading.Lock()

    def active(self):
        return [
            one
            for one in [*self.records, *(new for _, new in self._new)]
            if one["type"] == "headless" and one["status"] in ("Pending", "Running")
        ]

    def __call__(self, request):
        with self._lock:
            if request.method == "GET":
                return self._listed(request)
            name = request.form["name"][0]
            if name in self.refusals:
                return self.refusals[name]
            self.made.append(f"id-{name}")
            self._new.append((self.lag, record(f"id-{name}", "Pending", name=name)))
            self.most = max(self.most, len(self.active()))
            return Answer(200, f"id-{name}\n")

    def _listed(self, request):
        self.looks += 1
        if "GET" in self.refusals and self.looks > 3:
            return self.refusals["GET"]
        self.records += [one for left, one in self._new if left == 0]
        self._new = [(left - 1, one) for left, one in self._new if left > 0]
        kinds = request.query.get("type", ["headless"])
        answer = json_answer([record for record in self.records if record["type"] in kinds])
        for one in self.records:
            if one["status"] in ("Pending", "Running") and one["type"] == "headless":
                one["status"] = "Completed"
                break
        return answer


def waved(variant, scripted, crowd, **options):
    scripted.answer = crowd
    session = variant.open(server=scripted.url, token="t", retry=False)
    return variant.run(session.create("wave", IMAGE, **{"replicas": 7, "at_most": 3} | options))


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch):
    """Look for room more often than a platform would like."""
    for module in (of_async, of_sync):
        monkeypatch.setattr(module, "_FIRST_POLL", 0.01)


def test_others_and_the_ended_take_no_room_and_the_pending_do(variant, scripted):
    crowd = Crowd(
        record("n1", type="notebook"),
        record("n2", "Pending", type="notebook"),
        record("h1", "Failed"),
        record("h2", "Terminating"),
        record("h3", "Pending"),
    )
    launched = waved(variant, scripted, crowd)
    assert launched == [f"id-wave-{n}" for n in range(1, 8)]
    assert crowd.most <= 3


@pytest.mark.parametrize("lag", [1, 2])
def test_what_was_launched_takes_room_before_it_is_listed(variant, scripted, lag):
    """A new session may take seconds to appear in the list."""
    crowd = Crowd(lag=lag)
    launched = waved(variant, scripted, crowd)
    assert len(launched) == 7
    assert crowd.most <= 3


def test_an_unknown_status_takes_room(variant, scripted):
    crowd = Crowd(record("h1", "Suspended"), record("h2", None))
    launched = waved(variant, scripted, crowd)
    assert len(launched) == 7
    # The two sessions never end.
    assert crowd.most <= 1


@pytest.mark.parametrize("kept", [0, 1])
def test_a_list_that_lacks_sessions_for_a_moment_makes_no_room(variant, scripted, kept):
    crowd = Crowd()

    def answer(request):
        response = crowd(request)
        if request.method == "GET" and crowd.looks in (3, 5):
            return json_answer(json.loads(response.body)[:kept])
        return response

    launched = waved(variant, scripted, answer)
    assert len(launched) == 7
    assert crowd.most <= 3


def test_a_session_that_the_platform_forgets_makes_room(variant, scripted, monkeypatch):
    """Some platforms remove a session from the list as soon as it ends."""
    monkeypatch.setattr(status_tracker, "_LOOK_UP_AFTER", 0)
    crowd = Crowd()

    def answer(request):
        if request.path.endswith("/session"):
            response = crowd(request)
            crowd.records = [record for record in crowd.records if record["status"] != "Completed"]
            return response
        key = request.path.rpartition("/")[2]
        return Answer(404, f"session {key} not found.\n")

    launched = waved(variant, scripted, answer)
    assert len(launched) == 7
    assert crowd.most <= 3


def test_a_replica_that_is_refused_stops_no_later_wave(variant, scripted):
    crowd = Crowd()
    crowd.refusals["wave-4"] = Answer(400, "not this one")
    launched = waved(variant, scripted, crowd)
    assert list(launched.names) == [f"wave-{n}" for n in (1, 2, 3, 5, 6, 7)]
    assert list(launched.failures) == ["wave-4"]


@pytest.mark.parametrize("answer", [Answer(401, "expired"), Answer(500, "oops"), None])
def test_what_was_launched_is_told_when_a_later_wave_is_given_up(variant, scripted, answer):
    crowd = Crowd()
    crowd.refusals["GET"] = answer
    with pytest.raises(errors.SkahaError) as caught:
        waved(variant, scripted, crowd)
    partial = caught.value.partial
    assert sorted(partial) == sorted(crowd.made)
    assert 3 <= len(partial) < 7


def test_what_was_launched_is_told_to_who_stops(variant, scripted):
    """Between two waves there is nothing but looks, and each may be the last."""
    crowd = Crowd()
    session = variant.open(server=scripted.url, token="t", retry=False)
    looked = threading.Event()

    def answer(request):
        if request.method == "GET" and crowd.looks == 3:
            looked.set()
            time.sleep(0.3)
        return crowd(request)

    scripted.answer = answer
    if variant.name == "async":

        async def stop():
            call = asyncio.ensure_future(session.create("wave", IMAGE, replicas=7, at_most=3))
            assert await asyncio.to_thread(looked.wait, 10)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            return caught.value.partial

        partial = variant.run(stop())
    else:
        old = signal.signal(signal.SIGINT, signal.default_int_handler)
        main = threading.main_thread().ident
        stopper = threading.Thread(
            target=lambda: looked.wait(10) and signal.pthread_kill(main, signal.SIGINT)
        )
        stopper.start()
        try:
            with pytest.raises(KeyboardInterrupt) as caught:
                session.create("wave", IMAGE, replicas=7, at_most=3)
        finally:
            signal.signal(signal.SIGINT, old)
            stopper.join()
        partial = caught.value.partial
    assert sorted(partial) == sorted(crowd.made)
    assert 3 <= len(partial) < 7


@pytest.mark.parametrize("at_most", [0, -1, 1.5, "3", True])
@pytest.mark.parametrize("call", ["create", "relaunch"])
def test_no_room_at_all_is_refused(variant, scripted, scripted_session, at_most, call):
    args = ("wave", IMAGE) if call == "create" else ([],)
    with pytest.raises(errors.InvalidInputError, match="at_most"):
        variant.run(getattr(scripted_session, call)(*args, at_most=at_most))
    assert scripted.received == []
