"""Event loops: asyncio's own and uvloop work alike; other frameworks get a clear error."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
import uvloop
from faults import faulty as f
from faults.conftest import IMAGE, TIMEOUT, tls_of
from faults.faulty import FaultyPlatform
from proxying import ProxyServer, Step

import skaha
from skaha.errors import ConnectionFailedError, EventLoopError, TimedOutError

TOKEN = "a-token"
HOST = "skaha.example.invalid"

R = TypeVar("R")
Run = Callable[[Callable[[], Awaitable[R]]], R]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run[Any]:
    """Return a function that runs an async function on an event loop of one kind."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else None

    def run_on_loop(function: Callable[[], Awaitable[R]]) -> R:
        async def main() -> R:
            assert type(asyncio.get_running_loop()).__module__.startswith(request.param)
            return await function()

        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main())

    return run_on_loop


@pytest.fixture(params=["http", "https", "http through a proxy", "https through a proxy with TLS"])
def platform(
    request: pytest.FixtureRequest, trusted: trustme.CA, no_proxies: pytest.MonkeyPatch
) -> Iterator[tuple[FaultyPlatform, str]]:
    """Start a platform, directly or behind a proxy, with or without TLS; yield it and its URL."""
    scheme, _, proxy_kind = request.param.partition(" ")
    tls = tls_of(trusted, "127.0.0.1", HOST) if scheme == "https" else None
    with FaultyPlatform(tls=tls) as platform:
        if not proxy_kind:
            yield platform, platform.url
            return
        proxy_tls = tls_of(trusted) if "TLS" in proxy_kind else None
        with ProxyServer(platform.port, proxy_tls) as proxy:
            no_proxies.setenv("ALL_PROXY", proxy.url)
            yield platform, f"{scheme}://{HOST}/skaha"


def test_another_address_of_the_host_is_tried_after_a_moment(
    monkeypatch: pytest.MonkeyPatch, faulty: FaultyPlatform
) -> None:
    """A network may drop all packets to the first address."""
    with contextlib.ExitStack() as stack:
        # The queue of this listener is full.
        full = stack.enter_context(socket.create_server(("127.0.0.2", faulty.port), backlog=0))
        for _ in range(2):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, faulty.port))
            for host in ("127.0.0.2", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

        async def fetch() -> Any:
            url = faulty.url.replace("127.0.0.1", "localhost")
            async with skaha.AsyncSession(server=url, token=TOKEN, retry=False) as session:
                return await session.fetch()

        assert asyncio.run(asyncio.wait_for(fetch(), 10)) == []


def test_every_kind_of_request_works(
    run: Run[Any], platform: tuple[FaultyPlatform, str], tmp_path: Path
) -> None:
    server, url = platform
    options: dict[str, Any] = {"token": TOKEN, "allow_http": True, "concurrency": 4}

    async def use() -> Any:
        async with skaha.AsyncSession(server=url, **options) as session:
            ids = await session.create("run", IMAGE, replicas=12)
            assert [record["id"] for record in await session.info(ids)] == ids
            assert set(await session.logs(ids)) == set(ids)
            assert len(await session.save_logs(ids, tmp_path)) == 12
            assert await session.destroy(ids) == dict.fromkeys(ids, True)
            return await session.fetch()

    assert run(use) == []
    assert server.connections <= 4
    assert server.max_in_flight <= 4


def test_a_closed_connection_is_replaced(run: Run[Any], faulty: FaultyPlatform) -> None:
    """The client does not use a connection that the server has closed or sent surplus bytes on."""
    closed = f.Fault("closed afterwards", headers=(("Connection", "close"),))
    faulty.script("GET session", closed, f.SURPLUS)

    async def use() -> Any:
        async with skaha.AsyncSession(server=faulty.url, token=TOKEN, retry=False) as session:
            return [await session.fetch() for _ in range(4)]

    assert run(use) == [[]] * 4
    assert faulty.connections == 3


def test_failures_are_errors_of_this_library(
    run: Run[Any], faulty: FaultyPlatform, authority: trustme.CA, no_proxies: pytest.MonkeyPatch
) -> None:
    no_proxies.delenv("SSL_CERT_FILE", raising=False)
    options: dict[str, Any] = {"token": TOKEN, "retry": False, "timeout": TIMEOUT}

    async def error_of(server: str) -> ConnectionFailedError:
        async with skaha.AsyncSession(server=server, **options) as session:
            with pytest.raises(ConnectionFailedError) as caught:
                await session.fetch()
        return caught.value

    async def use() -> None:
        with FaultyPlatform(tls=tls_of(authority)) as untrusted:
            error = await error_of(untrusted.url)
            assert "SSL_CERT_FILE" in str(error)
            assert not error.was_sent
        assert not (await error_of("http://127.0.0.1:9/skaha")).was_sent
        assert not (await error_of(faulty.url.replace("http", "https"))).was_sent
        faulty.script("GET session", f.RESET_EXECUTED, f.STALL_EXECUTED, f.HALF_BODY)
        assert (await error_of(faulty.url)).was_sent
        error = await error_of(faulty.url)
        assert isinstance(error, TimedOutError)
        assert error.was_sent
        assert (await error_of(faulty.url)).was_sent

    run(use)


@pytest.mark.parametrize("step", [Step.STALL, Step.STALL_HANDSHAKE, Step.CUT_HANDSHAKE], ids=str)
def test_cancelled_requests_free_their_connections(
    run: Run[Any], trusted: trustme.CA, no_proxies: pytest.MonkeyPatch, step: Step
) -> None:
    with (
        FaultyPlatform(tls=tls_of(trusted, HOST)) as platform,
        ProxyServer(platform.port) as proxy,
    ):
        no_proxies.setenv("HTTPS_PROXY", proxy.url)
        proxy.script.append(step)
        platform.script("GET session", f.STALL_EXECUTED)

        async def use() -> Any:
            async with skaha.AsyncSession(
                server=f"https://{HOST}/skaha", token=TOKEN, concurrency=1, retry=False
            ) as session:
                call = asyncio.ensure_future(session.fetch())
                await asyncio.to_thread(proxy.wait_for, lambda: proxy.heads)
                call.cancel()
                await asyncio.wait([call])
                call = asyncio.ensure_future(session.fetch())
                await asyncio.to_thread(platform.wait_for, lambda: platform.received)
                call.cancel()
                await asyncio.wait([call])
                return await session.fetch()

        assert run(use) == []


def test_one_session_works_on_both_event_loops(faulty: FaultyPlatform) -> None:
    ids = [faulty.add(f"run-{number}") for number in range(3)]
    session = skaha.AsyncSession(server=faulty.url, token=TOKEN)

    async def use() -> Any:
        records = await session.info(ids)
        await session.aclose()
        return [record["id"] for record in records]

    assert uvloop.run(use()) == asyncio.run(use()) == uvloop.run(use()) == ids


# Other frameworks.

CALLS: dict[str, Callable[[Any], Any]] = {
    "fetch": lambda session: session.fetch(),
    "info": lambda session: session.info("abcdefgh"),
    "logs": lambda session: session.logs(["abcdefgh", "bcdefghi"]),
    "create": lambda session: session.create("run", IMAGE, replicas=2),
    "wait": lambda session: session.wait(["abcdefgh"]),
    "generated client": lambda session: _call_of_generated_client(session.api),
}


async def _call_of_generated_client(api: Any) -> Any:
    from skaha_api.api.session import list_sessions

    return await list_sessions.asyncio(client=api)


@pytest.mark.parametrize("call", CALLS)
def test_other_frameworks_get_a_clear_error(faulty: FaultyPlatform, call: str) -> None:
    """The test runs the coroutine itself, as another framework than asyncio does."""

    async def use() -> None:
        async with skaha.AsyncSession(server=faulty.url, token=TOKEN) as session:
            await CALLS[call](session)

    coroutine = use()
    with pytest.raises(EventLoopError, match="need an event loop of asyncio or uvloop"):
        coroutine.send(None)
    coroutine.close()
    assert faulty.connections == 0
