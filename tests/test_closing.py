"""The door to the generated endpoints, and what is left of a client that nobody closed."""

import asyncio
import gc
import threading
import warnings
from pathlib import Path

import pytest
from scripted import Answer, json_answer
from staged import TOKEN, Stage

import skaha
from skaha import errors
from skaha_api.api.context import get_context
from skaha_api.api.repository import list_repositories
from skaha_api.api.session import get_session_logs, list_sessions

IDS = [f"a{n}" for n in range(20)]


def called(variant, endpoint, session, *args):
    function = endpoint.sync if variant.name == "sync" else endpoint.asyncio
    return variant.run(function(*args, client=session.api))


def test_an_endpoint_has_the_credentials_and_the_retries_of_the_session(variant, scripted):
    answers = [Answer(503, "busy", headers={"Retry-After": "0"}), None, json_answer(["a.org"])]
    scripted.answer = lambda _: answers.pop(0)
    session = variant.open(
        server=scripted.url, token="a-token", version="v7", retry=skaha.Retry(first_pause=0.001)
    )
    assert called(variant, list_repositories, session) == ["a.org"]
    assert [one.path for one in scripted.received] == ["/skaha/v7/repository"] * 3
    assert {one.headers["authorization"] for one in scripted.received} == {"Bearer a-token"}
    assert {one.headers["user-agent"].split("/")[0] for one in scripted.received} == {
        "python-skaha"
    }


def test_an_endpoint_has_the_connections_of_the_session(variant, scripted):
    scripted.answer = Stage([])
    session = variant.open(server=scripted.url, token="t")
    variant.run(session.fetch())
    called(variant, list_sessions, session)
    called(variant, get_session_logs, session, "a1")
    variant.run(session.fetch())
    assert scripted.connections == 1


def test_an_endpoint_raises_what_the_session_does(variant, scripted):
    scripted.answer = lambda _: Answer(403, "not you")
    session = variant.open(server=scripted.url, token="t")
    with pytest.raises(errors.PermissionDeniedError, match="not you"):
        called(variant, get_context, session)


def held():
    files = list(Path("/proc/self/fd").iterdir())
    return len(files), {one for one in threading.enumerate() if one.daemon}


def used(variant, url, close):
    """Use a client for one call and for many at once, and drop it."""
    if variant.name == "sync":
        session = skaha.Session(server=url, token=TOKEN, concurrency=8, retry=False)
        session.fetch()
        session.logs(IDS)
        if close:
            session.close()
        return

    async def use():
        session = skaha.AsyncSession(server=url, token=TOKEN, concurrency=8, retry=False)
        await session.fetch()
        await session.logs(IDS)
        if close:
            await session.aclose()

    asyncio.run(use())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("close", [True, False], ids=["closed", "left"])
def test_nothing_is_left_of_a_client(variant, platform, close):
    """Neither connections nor threads, whether it was closed or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        used(variant, platform.url, close)
        gc.collect()
        before, threads = held()
        for _ in range(5):
            used(variant, platform.url, close)
        gc.collect()
        after, left = held()
    assert after <= before
    assert left <= threads


def test_no_warning_is_given_of_a_closed_client(variant, platform):
    """A warning names the line of the program that caused it."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        used(variant, platform.url, close=True)
        gc.collect()
    assert [str(one.message) for one in caught] == []
