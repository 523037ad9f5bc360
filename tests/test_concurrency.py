"""Many requests at once, and one object in many places at once."""

import asyncio
import inspect
import os
import subprocess
import sys
import threading

import pytest
from scripted import Answer, json_answer

import skaha

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
TOKEN = "a-token-of-the-tests"
WIDTH = 4
PATIENCE = 10


class InFlight:
    """Answers only when `WIDTH` requests are in flight together, and counts how many ever were."""

    def __init__(self):
        self.now = self.most = 0
        self._lock = threading.Lock()
        self._together = threading.Barrier(WIDTH)

    def __call__(self, request):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self._together.wait(PATIENCE)
        with self._lock:
            self.now -= 1
        if request.method == "POST":
            return Answer(200, f"id-{request.form['name'][0]}\n")
        if request.method == "DELETE" or request.query.get("view"):
            return Answer(200, "text" if request.query else "")
        return json_answer({"id": request.path.rpartition("/")[2]})


@pytest.fixture
def narrow(variant, scripted):
    """A session of each variant that sends at most `WIDTH` requests at once."""
    return variant.open(server=scripted.url, token=TOKEN, concurrency=WIDTH, retry=False)


MANY = {
    "create": lambda session: session.create("a", IMAGE, replicas=12),
    "info": lambda session: session.info([f"a{n}" for n in range(12)]),
    "logs": lambda session: session.logs([f"a{n}" for n in range(12)]),
    "destroy": lambda session: session.destroy([f"a{n}" for n in range(12)]),
}


@pytest.mark.parametrize("call", MANY)
def test_as_many_as_may_are_in_flight_and_never_more(variant, scripted, narrow, call):
    scripted.answer = in_flight = InFlight()
    assert len(variant.run(MANY[call](narrow))) == 12
    assert in_flight.most == WIDTH
    assert scripted.connections == WIDTH


def test_connections_serve_the_next_call_too(variant, scripted, narrow):
    for call in ("create", "info", "destroy"):
        scripted.answer = InFlight()
        variant.run(MANY[call](narrow))
    scripted.answer = lambda _: json_answer([])
    for _ in range(5):
        variant.run(narrow.fetch())
    assert scripted.connections == WIDTH


def test_one_request_after_another_uses_one_connection(variant, scripted, narrow):
    scripted.answer = lambda _: json_answer([])
    for _ in range(5):
        variant.run(narrow.fetch())
    assert scripted.connections == 1


def test_one_at_a_time_is_a_concurrency(variant, scripted):
    session = variant.open(server=scripted.url, token=TOKEN, concurrency=1, retry=False)
    scripted.answer = lambda request: json_answer({"id": request.path.rpartition("/")[2]})
    assert len(variant.run(session.info(["a1", "a2", "a3"]))) == 3
    assert scripted.connections == 1
    # Begun in the order given.
    assert [request.path[-2:] for request in scripted.received] == ["a1", "a2", "a3"]


@pytest.mark.parametrize("method", ["info", "logs", "destroy"])
def test_results_keep_their_order_whoever_is_first(variant, scripted, narrow, method):
    ids = ["a0", "a1", "a2", "a3"]
    answered = {one: threading.Event() for one in ids}
    answered["a4"] = threading.Event()
    answered["a4"].set()

    def last_first(request):
        session_id = request.path.rpartition("/")[2]
        assert answered[f"a{int(session_id[1:]) + 1}"].wait(PATIENCE)
        answered[session_id].set()
        if request.method == "DELETE" or request.query:
            return Answer(200, "text" if request.query else "")
        return json_answer({"id": session_id})

    scripted.answer = last_first
    found = variant.run(getattr(narrow, method)(ids))
    assert [one["id"] if method == "info" else one for one in found] == ids


def test_replicas_keep_their_order_whoever_is_first(variant, scripted, narrow):
    answered = {number: threading.Event() for number in range(1, 6)}
    answered[5].set()

    def last_first(request):
        number = int(request.form["name"][0].rpartition("-")[2])
        assert answered[number + 1].wait(PATIENCE)
        answered[number].set()
        return Answer(200, f"id-{number}\n")

    scripted.answer = last_first
    ids = variant.run(narrow.create("a", IMAGE, replicas=4))
    assert ids == ["id-1", "id-2", "id-3", "id-4"]


def test_two_calls_at_once_share_the_width(scripted):
    scripted.answer = in_flight = InFlight()

    async def main():
        async with skaha.AsyncSession(
            server=scripted.url, token=TOKEN, concurrency=WIDTH, retry=False
        ) as session:
            return await asyncio.gather(MANY["info"](session), MANY["create"](session))

    assert [len(found) for found in asyncio.run(main())] == [12, 12]
    assert in_flight.most == WIDTH
    assert scripted.connections == WIDTH


# One object in many places.


def test_a_sync_session_works_inside_a_running_loop(scripted):
    scripted.answer = lambda request: json_answer({"id": request.path.rpartition("/")[2]})

    async def main():
        with skaha.Session(server=scripted.url, token=TOKEN, retry=False) as session:
            return session.info(["a1", "a2"])

    assert asyncio.run(main()) == [{"id": "a1"}, {"id": "a2"}]


def test_one_sync_session_serves_eight_threads_at_once(scripted):
    scripted.answer = in_flight = InFlight()
    begin = threading.Barrier(8)
    found = {}

    with skaha.Session(server=scripted.url, token=TOKEN, concurrency=WIDTH, retry=False) as session:

        def use(number):
            ids = [f"t{number}x{item}" for item in range(4)]
            begin.wait(PATIENCE)
            found[number] = [record["id"] for record in session.info(ids)] == ids

        threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert found == dict.fromkeys(range(8), True)
    assert in_flight.most <= WIDTH
    assert scripted.connections <= WIDTH


def test_one_async_session_serves_one_loop_after_another(scripted):
    scripted.answer = lambda request: json_answer({"id": request.path.rpartition("/")[2]})
    session = skaha.AsyncSession(server=scripted.url, token=TOKEN, retry=False)

    async def main():
        found = await session.info(["a1", "a2", "a3"])
        await session.aclose()
        return found

    assert asyncio.run(main()) == asyncio.run(main()) == [{"id": one} for one in ("a1", "a2", "a3")]


def test_one_async_session_serves_two_loops_at_once(scripted):
    scripted.answer = InFlight()
    session = skaha.AsyncSession(server=scripted.url, token=TOKEN, concurrency=2, retry=False)
    found = []

    async def main():
        # Two of each loop make the four that the server waits for.
        found.append(await session.info(["a1", "a2"]))
        await session.aclose()

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [[{"id": "a1"}, {"id": "a2"}]] * 2


def test_a_closed_session_opens_again(variant, scripted, narrow):
    scripted.answer = lambda _: json_answer([])
    assert variant.run(narrow.fetch()) == []
    variant.run(narrow.close() if variant.name == "sync" else narrow.aclose())
    assert variant.run(narrow.fetch()) == []
    assert scripted.connections == 2


def test_a_session_is_closed_at_the_end_of_its_block(variant, scripted):
    scripted.answer = lambda _: json_answer([])
    settings = {"server": scripted.url, "token": TOKEN, "retry": False}

    async def asynchronous():
        async with skaha.AsyncSession(**settings) as session:
            return await session.fetch()

    def synchronous():
        with skaha.Session(**settings) as session:
            return session.fetch()

    # That nothing is left open is seen by the garbage collector, whose warnings are errors here.
    assert (synchronous() if variant.name == "sync" else variant.run(asynchronous())) == []


# Whole programs.


def run(program, server, *arguments):
    """Run a program with warnings as errors; return what it printed."""
    command = [sys.executable, "-W", "error", "-c", inspect.cleandoc(program), server, *arguments]
    ran = subprocess.run(
        command, env=os.environ, capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout.split()


FORK = {
    "sync": """
        import os, sys, skaha
        session = skaha.Session(server=sys.argv[1], token="t", retry=False)
        def look(who):
            found = session.info([who + "1", who + "2"])
            assert [one["id"] for one in found] == [who + "1", who + "2"]
        look("parent")
        child = os.fork()
        if child == 0:
            look("child")
            look("child")
            session.close()
            os._exit(0)
        look("parent")
        assert os.waitpid(child, 0)[1] == 0
        look("parent")
        session.close()
    """,
    "async": """
        import asyncio, os, sys, skaha
        session = skaha.AsyncSession(server=sys.argv[1], token="t", retry=False)
        async def look(who):
            found = await session.info([who + "1", who + "2"])
            assert [one["id"] for one in found] == [who + "1", who + "2"]
        async def child():
            await look("child")
            await look("child")
            await session.aclose()
        runner = asyncio.Runner()
        runner.run(look("parent"))
        pid = os.fork()
        if pid == 0:
            asyncio.run(child())
            os._exit(0)
        runner.run(look("parent"))
        assert os.waitpid(pid, 0)[1] == 0
        runner.run(look("parent"))
        runner.run(session.aclose())
        runner.close()
    """,
}


def test_a_session_works_on_both_sides_of_a_fork(variant, scripted):
    scripted.answer = lambda request: json_answer({"id": request.path.rpartition("/")[2]})
    run(FORK[variant.name], scripted.url)
    ports = {
        who: {one.port for one in scripted.received if f"/{who}" in one.path}
        for who in ("parent", "child")
    }
    assert len(scripted.received) == 10
    assert not ports["parent"] & ports["child"]


EXIT = {
    "sync": """
        import atexit, sys, skaha
        session = skaha.Session(server=sys.argv[1], token=sys.argv[2])
        ids = session.create("leaving", sys.argv[3], cmd="sleep", args="600", replicas=5)
        print(*ids)
        @atexit.register
        def leave():
            assert session.destroy(ids) == dict.fromkeys(ids, True)
            session.close()
            print("left")
    """,
    "async": """
        import asyncio, atexit, sys, skaha
        session = skaha.AsyncSession(server=sys.argv[1], token=sys.argv[2])
        async def enter():
            ids = await session.create("leaving", sys.argv[3], cmd="sleep", args="600", replicas=5)
            await session.aclose()
            return ids
        ids = asyncio.run(enter())
        print(*ids)
        async def end():
            done = await session.destroy(ids)
            await session.aclose()
            return done
        @atexit.register
        def leave():
            assert asyncio.run(end()) == dict.fromkeys(ids, True)
            print("left")
    """,
}


def test_sessions_are_destroyed_while_the_program_exits(variant, platform, session):
    *ids, last = run(EXIT[variant.name], platform.url, platform.token, IMAGE)
    assert (len(ids), last) == (5, "left")
    assert not {record["id"] for record in variant.run(session.fetch())} & set(ids)
