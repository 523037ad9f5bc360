"""Simultaneous requests of one call, and one object in several threads, loops and processes."""

import asyncio
import inspect
import logging
import os
import subprocess
import sys
import threading

import pytest
from scripted import Response, json_response

import skaha
from skaha import errors
from skaha._transport._sync.concurrency import _current

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
TOKEN = "a-token-of-the-tests"
CONCURRENCY = 4
TIMEOUT = 60  # seconds


class InFlight:
    """Responds when `CONCURRENCY` requests are in flight; stores the highest number in flight."""

    def __init__(self):
        self.number = self.maximum = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(CONCURRENCY)

    def __call__(self, request):
        with self._lock:
            self.number += 1
            self.maximum = max(self.maximum, self.number)
        self._barrier.wait(TIMEOUT)
        with self._lock:
            self.number -= 1
        if request.method == "POST":
            return Response(200, f"id-{request.form['name'][0]}\n")
        if request.method == "DELETE" or request.query.get("view"):
            return Response(200, "text" if request.query else "")
        return json_response({"id": request.path.rpartition("/")[2]})


@pytest.fixture
def limited_session(variant, scripted):
    """A session of each variant that sends at most `CONCURRENCY` requests at once."""
    return variant.open(server=scripted.url, token=TOKEN, concurrency=CONCURRENCY, retry=False)


MANY = {
    "create": lambda session: session.create("a", IMAGE, replicas=12),
    "info": lambda session: session.info([f"a{n}" for n in range(12)]),
    "logs": lambda session: session.logs([f"a{n}" for n in range(12)]),
    "destroy": lambda session: session.destroy([f"a{n}" for n in range(12)]),
}


@pytest.mark.parametrize("call", MANY)
def test_the_number_of_requests_in_flight_reaches_the_concurrency_and_not_more(
    variant, scripted, limited_session, call
):
    scripted.respond = in_flight = InFlight()
    assert len(variant.run(MANY[call](limited_session))) == 12
    assert in_flight.maximum == CONCURRENCY
    assert scripted.connections == CONCURRENCY


def test_the_next_call_uses_the_same_connections(variant, scripted, limited_session):
    for call in ("create", "info", "destroy"):
        scripted.respond = InFlight()
        variant.run(MANY[call](limited_session))
    scripted.respond = lambda _: json_response([])
    for _ in range(5):
        variant.run(limited_session.fetch())
    assert scripted.connections == CONCURRENCY


def test_one_request_after_another_uses_one_connection(variant, scripted, limited_session):
    scripted.respond = lambda _: json_response([])
    for _ in range(5):
        variant.run(limited_session.fetch())
    assert scripted.connections == 1


def test_an_idle_connection_is_not_used_again_after_a_time(
    variant, scripted, scripted_session, monkeypatch
):
    """Servers close their idle connections at about that time."""
    monkeypatch.setattr(f"skaha._transport._{variant.name}.pool._KEEP_ALIVE", 0)
    scripted.respond = lambda _: json_response([])
    for _ in range(2):
        variant.run(scripted_session.fetch())
    assert scripted.connections == 2


def test_with_a_concurrency_of_one_requests_follow_each_other(variant, scripted):
    session = variant.open(server=scripted.url, token=TOKEN, concurrency=1, retry=False)
    scripted.respond = lambda request: json_response({"id": request.path.rpartition("/")[2]})
    assert len(variant.run(session.info(["a1", "a2", "a3"]))) == 3
    assert scripted.connections == 1
    # The requests start in the given order.
    assert [request.path[-2:] for request in scripted.received] == ["a1", "a2", "a3"]


@pytest.mark.parametrize("method", ["info", "logs", "destroy"])
def test_results_keep_the_given_order_if_responses_do_not(
    variant, scripted, limited_session, method
):
    ids = ["a0", "a1", "a2", "a3"]
    responded = {session_id: threading.Event() for session_id in ids}
    responded["a4"] = threading.Event()
    responded["a4"].set()

    def respond_in_reverse_order(request):
        session_id = request.path.rpartition("/")[2]
        assert responded[f"a{int(session_id[1:]) + 1}"].wait(TIMEOUT)
        responded[session_id].set()
        if request.method == "DELETE" or request.query:
            return Response(200, "text" if request.query else "")
        return json_response({"id": session_id})

    scripted.respond = respond_in_reverse_order
    results = variant.run(getattr(limited_session, method)(ids))
    assert [result["id"] if method == "info" else result for result in results] == ids


def test_replicas_keep_their_order_if_responses_do_not(variant, scripted, limited_session):
    responded = {number: threading.Event() for number in range(1, 6)}
    responded[5].set()

    def respond_in_reverse_order(request):
        number = int(request.form["name"][0].rpartition("-")[2])
        assert responded[number + 1].wait(TIMEOUT)
        responded[number].set()
        return Response(200, f"id-{number}\n")

    scripted.respond = respond_in_reverse_order
    ids = variant.run(limited_session.create("a", IMAGE, replicas=4))
    assert ids == ["id-1", "id-2", "id-3", "id-4"]


def test_two_simultaneous_calls_share_the_concurrency(scripted):
    scripted.respond = in_flight = InFlight()

    async def main():
        async with skaha.AsyncSession(
            server=scripted.url, token=TOKEN, concurrency=CONCURRENCY, retry=False
        ) as session:
            return await asyncio.gather(MANY["info"](session), MANY["create"](session))

    assert [len(results) for results in asyncio.run(main())] == [12, 12]
    assert in_flight.maximum == CONCURRENCY
    assert scripted.connections == CONCURRENCY


# One object in several threads, event loops and blocks.


def test_a_sync_session_works_inside_a_running_loop(scripted):
    scripted.respond = lambda request: json_response({"id": request.path.rpartition("/")[2]})

    async def main():
        with skaha.Session(server=scripted.url, token=TOKEN, retry=False) as session:
            return session.info(["a1", "a2"])

    assert asyncio.run(main()) == [{"id": "a1"}, {"id": "a2"}]


def test_one_sync_session_serves_eight_threads_at_once(scripted):
    scripted.respond = in_flight = InFlight()
    start = threading.Barrier(8)
    are_ids_right = {}

    with skaha.Session(
        server=scripted.url, token=TOKEN, concurrency=CONCURRENCY, retry=False
    ) as session:

        def use(number):
            ids = [f"t{number}x{item}" for item in range(4)]
            start.wait(TIMEOUT)
            are_ids_right[number] = [record["id"] for record in session.info(ids)] == ids

        threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
    assert are_ids_right == dict.fromkeys(range(8), True)
    assert in_flight.maximum <= CONCURRENCY
    assert scripted.connections <= CONCURRENCY


def test_one_async_session_serves_one_loop_after_another(scripted):
    scripted.respond = lambda request: json_response({"id": request.path.rpartition("/")[2]})
    session = skaha.AsyncSession(server=scripted.url, token=TOKEN, retry=False)

    async def main():
        records = await session.info(["a1", "a2", "a3"])
        await session.aclose()
        return records

    assert (
        asyncio.run(main())
        == asyncio.run(main())
        == [{"id": session_id} for session_id in ("a1", "a2", "a3")]
    )


def test_one_async_session_serves_two_loops_at_once(scripted):
    scripted.respond = InFlight()
    session = skaha.AsyncSession(server=scripted.url, token=TOKEN, concurrency=2, retry=False)
    results = []

    async def main():
        # The server waits for four requests: two of each loop.
        results.append(await session.info(["a1", "a2"]))
        await session.aclose()

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert results == [[{"id": "a1"}, {"id": "a2"}]] * 2


def test_a_closed_session_can_be_used_again(variant, scripted, limited_session):
    scripted.respond = lambda _: json_response([])
    assert variant.run(limited_session.fetch()) == []
    variant.run(limited_session.close() if variant.name == "sync" else limited_session.aclose())
    assert variant.run(limited_session.fetch()) == []
    assert scripted.connections == 2


def test_a_session_is_closed_at_the_end_of_its_block(variant, scripted):
    scripted.respond = lambda _: json_response([])
    settings = {"server": scripted.url, "token": TOKEN, "retry": False}

    async def asynchronous():
        async with skaha.AsyncSession(**settings) as session:
            return await session.fetch()

    def synchronous():
        with skaha.Session(**settings) as session:
            return session.fetch()

    # A session that stays open causes a warning at its collection, and warnings are errors here.
    assert (synchronous() if variant.name == "sync" else variant.run(asynchronous())) == []


# Whole programs.


def run(program, server, *arguments):
    """Run a program with warnings as errors; return its output."""
    command = [sys.executable, "-W", "error", "-c", inspect.cleandoc(program), server, *arguments]
    finished = subprocess.run(
        command, env=os.environ, capture_output=True, text=True, check=False, timeout=30
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout.split()


FORK = {
    "sync": """
        import os, sys, threading, skaha
        session = skaha.Session(server=sys.argv[1], token="t", retry=False)
        def read_info(process):
            records = session.info([process + "1", process + "2"])
            assert [record["id"] for record in records] == [process + "1", process + "2"]
        for _ in range(3):
            read_info("parent")
            assert threading.active_count() == 1
        child = os.fork()
        if child == 0:
            read_info("child")
            read_info("child")
            session.close()
            os._exit(0)
        read_info("parent")
        assert os.waitpid(child, 0)[1] == 0
        read_info("parent")
        session.close()
    """,
    "async": """
        import asyncio, os, sys, skaha
        session = skaha.AsyncSession(server=sys.argv[1], token="t", retry=False)
        async def read_info(process):
            records = await session.info([process + "1", process + "2"])
            assert [record["id"] for record in records] == [process + "1", process + "2"]
        async def child():
            await read_info("child")
            await read_info("child")
            await session.aclose()
        runner = asyncio.Runner()
        for _ in range(3):
            runner.run(read_info("parent"))
        pid = os.fork()
        if pid == 0:
            asyncio.run(child())
            os._exit(0)
        runner.run(read_info("parent"))
        assert os.waitpid(pid, 0)[1] == 0
        runner.run(read_info("parent"))
        runner.run(session.aclose())
        runner.close()
    """,
}


def test_a_session_works_on_both_sides_of_a_fork(variant, scripted):
    scripted.respond = lambda request: json_response({"id": request.path.rpartition("/")[2]})
    run(FORK[variant.name], scripted.url)
    ports = {
        process: {request.port for request in scripted.received if f"/{process}" in request.path}
        for process in ("parent", "child")
    }
    assert len(scripted.received) == 14
    assert not ports["parent"] & ports["child"]


EXIT = {
    "sync": """
        import atexit, sys, skaha
        session = skaha.Session(server=sys.argv[1], token=sys.argv[2])
        ids = session.create("leaving", sys.argv[3], cmd="sleep", args="600", replicas=5)
        print(*ids)
        @atexit.register
        def delete_sessions():
            assert session.destroy(ids) == dict.fromkeys(ids, True)
            session.close()
            print("deleted")
    """,
    "async": """
        import asyncio, atexit, sys, skaha
        session = skaha.AsyncSession(server=sys.argv[1], token=sys.argv[2])
        async def start():
            ids = await session.create("leaving", sys.argv[3], cmd="sleep", args="600", replicas=5)
            await session.aclose()
            return ids
        ids = asyncio.run(start())
        print(*ids)
        async def delete():
            done = await session.destroy(ids)
            await session.aclose()
            return done
        @atexit.register
        def delete_sessions():
            assert asyncio.run(delete()) == dict.fromkeys(ids, True)
            print("deleted")
    """,
}


def test_sessions_can_be_deleted_while_the_program_exits(variant, platform, session):
    *ids, last = run(EXIT[variant.name], platform.url, platform.token, IMAGE)
    assert (len(ids), last) == (5, "deleted")
    assert not {record["id"] for record in variant.run(session.fetch())} & set(ids)


def test_any_error_of_a_token_function_reaches_the_caller(variant, scripted):
    def token():
        raise LookupError("there is no vault")

    scripted.respond = lambda _: json_response({})
    session = variant.open(server=scripted.url, token=token, retry=False)
    with pytest.raises(LookupError, match="there is no vault"):
        variant.run(session.info(["a1", "a2", "a3"]))
    assert scripted.received == []


def test_no_request_is_sent_after_the_end_of_its_call(scripted):
    """Another thread gets a token when the call has ended already."""
    scripted.respond = lambda request: json_response({"id": request.path[-2:]})
    is_waiting = threading.Event()

    def token():
        if scripted.received:
            is_waiting.set()
            assert _current.get().stopped.wait(TIMEOUT)
        return TOKEN

    def progress(done, _):
        if done:
            assert is_waiting.wait(TIMEOUT)
            raise ZeroDivisionError

    with skaha.Session(server=scripted.url, token=token, retry=False, concurrency=1) as session:
        with pytest.raises(ZeroDivisionError):
            session.info(["a1", "b2"], progress=progress)
        assert [request.path[-2:] for request in scripted.received] == ["a1"]


class FailingHandler(logging.Handler):
    """A log handler that cannot write."""

    def emit(self, _):
        raise LookupError("the disk of the log is full")


CUT = {"Content-Length": "50", "Connection": "close"}
FAILURES = {
    "a refusal that is cut": (Response(403, [b"no"], headers=CUT), errors.ConnectionFailedError),
    "an unknown status that is cut": (
        Response(299, [b"no"], headers=CUT),
        errors.ConnectionFailedError,
    ),
    "a log handler that fails": (Response(200, "a log\n"), LookupError),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_call_that_fails_frees_its_connection(variant, scripted, failure):
    response, error = FAILURES[failure]
    scripted.respond = lambda request: response if request.query else json_response([])
    session = variant.open(server=scripted.url, token=TOKEN, retry=False, concurrency=1)
    logger, handler = logging.getLogger("httpx"), FailingHandler()
    previous_level = logger.level
    if error is LookupError:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        with pytest.raises(error):
            variant.run(session.logs("a1", tail=1))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(previous_level)
    # Without a free connection, this call would wait for ever.
    assert variant.run(session.fetch()) == []


def test_a_session_can_be_closed_while_another_call_uses_it(variant, scripted):
    """The requests of the other call end, and its later requests open new connections."""
    ids = [f"a{number}" for number in range(8)]
    has_come, is_closed = threading.Event(), threading.Event()

    def respond(_):
        has_come.set()
        is_closed.wait(TIMEOUT)
        return Response(200, "a log\n")

    async def close_async_session():
        call = asyncio.ensure_future(session.logs(ids))
        await asyncio.to_thread(has_come.wait, TIMEOUT)
        await session.aclose()
        is_closed.set()
        return await call

    def close_session():
        results = []
        thread = threading.Thread(target=lambda: results.append(session.logs(ids)))
        thread.start()
        has_come.wait(TIMEOUT)
        session.close()
        is_closed.set()
        thread.join(TIMEOUT)
        return results[0]

    scripted.respond = respond
    session = variant.open(server=scripted.url, token=TOKEN, retry=False, concurrency=2)
    logs = close_session() if variant.name == "sync" else variant.run(close_async_session())
    assert logs == dict.fromkeys(ids, "a log\n")
    # The connection that was in use at the close is not used again.
    ports = [received.port for received in scripted.received]
    assert ports.count(ports[0]) == 1
