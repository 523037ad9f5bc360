"""Generated endpoints called through `api`, and the resources of a client that is not closed."""

import asyncio
import gc
import threading
import warnings
from pathlib import Path

import httpx
import pytest
import uvloop
from scripted import Response, json_response
from staged import TOKEN, Stage

import skaha
from skaha import errors
from skaha_api.api.context import get_context
from skaha_api.api.repository import list_repositories
from skaha_api.api.session import get_session_logs, list_sessions

IDS = [f"a{n}" for n in range(20)]


def call(variant, endpoint, session, *args):
    call_endpoint = endpoint.sync if variant.name == "sync" else endpoint.asyncio
    return variant.run(call_endpoint(*args, client=session.api))


def test_an_endpoint_uses_the_credentials_and_the_retries_of_the_session(variant, scripted):
    responses = [
        Response(503, "busy", headers={"Retry-After": "0"}),
        None,
        json_response(["a.org"]),
    ]
    scripted.respond = lambda _: responses.pop(0)
    session = variant.open(
        server=scripted.url, token="a-token", version="v7", retry=skaha.Retry(first_pause=0.001)
    )
    assert call(variant, list_repositories, session) == ["a.org"]
    assert [request.path for request in scripted.received] == ["/skaha/v7/repository"] * 3
    assert {request.headers["authorization"] for request in scripted.received} == {"Bearer a-token"}
    assert {request.headers["user-agent"].split("/")[0] for request in scripted.received} == {
        "python-skaha"
    }


def test_an_endpoint_uses_the_connections_of_the_session(variant, scripted):
    scripted.respond = Stage([])
    session = variant.open(server=scripted.url, token="t")
    variant.run(session.fetch())
    call(variant, list_sessions, session)
    call(variant, get_session_logs, session, "a1")
    variant.run(session.fetch())
    assert scripted.connections == 1


def test_an_endpoint_raises_the_errors_of_the_session(variant, scripted):
    scripted.respond = lambda _: Response(403, "not you")
    session = variant.open(server=scripted.url, token="t")
    with pytest.raises(errors.PermissionDeniedError, match="not you"):
        call(variant, get_context, session)


def test_the_client_of_the_endpoints_has_the_settings_of_generated_clients(scripted):
    scripted.respond = lambda _: json_response([])
    with skaha.Session(server=scripted.url, token=TOKEN, retry=False).api as api:
        client = api.get_httpx_client()
        assert client.timeout == httpx.Timeout(30)
        assert f"_timeout={client.timeout!r}" in repr(api)
        client.cookies = {"choice": "1"}
        assert list_sessions.sync(client=api) == []
        assert scripted.received[0].headers["cookie"] == "choice=1"
        assert api.with_timeout(httpx.Timeout(3)).get_httpx_client().timeout == httpx.Timeout(3)
        with pytest.raises(httpx.UnsupportedProtocol, match="only http and https"):
            client.get("ftp://127.0.0.1/file")


@pytest.mark.parametrize("content", [b"\xff", iter([b"a part"])], ids=["bytes", "stream"])
def test_any_content_can_be_sent_and_refused(scripted, content):
    scripted.respond = lambda _: Response(400, "no such field")
    with skaha.Session(server=scripted.url, token=TOKEN, retry=False) as session:
        headers = {"Content-Length": "6"} if not isinstance(content, bytes) else {}
        with pytest.raises(errors.BadRequestError, match="no such field") as caught:
            session.api.get_httpx_client().post("/v1/session", content=content, headers=headers)
    assert TOKEN not in repr(vars(caught.value))


@pytest.mark.parametrize("factory", [None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_an_async_session_that_is_not_closed_works_in_the_next_event_loop(scripted, factory):
    """Its connections end with each loop: Python warns about a connection that is left open."""
    scripted.respond = lambda _: json_response([])
    session = skaha.AsyncSession(server=scripted.url, token=TOKEN)
    for _ in range(3):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(session.fetch()) == []
        gc.collect()
    assert scripted.connections == 3


def open_files_and_threads():
    files = list(Path("/proc/self/fd").iterdir())
    return len(files), {thread for thread in threading.enumerate() if thread.daemon}


def use_client(variant, url, close):
    """Make one call and many simultaneous calls with a client; close it, or leave it open."""
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
def test_a_client_leaves_no_connection_and_no_thread(variant, platform, close):
    """Also a client that is not closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        use_client(variant, platform.url, close)
        gc.collect()
        files_before, threads_before = open_files_and_threads()
        for _ in range(5):
            use_client(variant, platform.url, close)
        gc.collect()
        files_after, threads_after = open_files_and_threads()
    assert files_after <= files_before
    assert threads_after <= threads_before


def test_a_closed_client_causes_no_warning(variant, platform):
    """Python warns only about clients that were not closed."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use_client(variant, platform.url, close=True)
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
