"""Proxies of the environment: the requests that use them, and the faults of tunnels."""

import asyncio
import contextlib
import threading
import time
import traceback
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from faults.conftest import IMAGE, QUICK, TIMEOUT, tls_of
from faults.faulty import FaultyPlatform
from proxying import ProxyServer, Step
from scripted import Received, Response, ScriptedServer, json_response

import skaha
from skaha._credentials.http import open_client, send
from skaha._transport._sync.concurrency import _STOP_SECONDS
from skaha._transport.proxies import proxy_of_environment
from skaha.errors import (
    ConfigurationError,
    ConnectionFailedError,
    InvalidInputError,
    SkahaError,
    TimedOutError,
)

TOKEN = "a-token"
HOST = "skaha.example.invalid"
SERVER = f"https://{HOST}/skaha"
PASSWORD = "a-secret-of-vera"
# A proxy that refuses connections. Nothing listens on this port.
CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses of `connect`."""
    for variant in ("async", "sync"):
        monkeypatch.setattr(f"skaha._{variant}._connect._SECONDS_BETWEEN_LOOKS", 0.01)


@pytest.fixture
def platform(trusted: trustme.CA) -> Iterator[FaultyPlatform]:
    """Start a platform with TLS; only the proxy knows the address of its host name."""
    with FaultyPlatform(tls=tls_of(trusted, HOST)) as platform:
        yield platform


@pytest.fixture
def proxy(platform: FaultyPlatform, no_proxies: pytest.MonkeyPatch) -> Iterator[ProxyServer]:
    """Start a proxy and set it in the environment."""
    with ProxyServer(platform.port) as proxy:
        no_proxies.setenv("HTTPS_PROXY", proxy.url)
        yield proxy


def error_of(variant: Any, call: Any) -> SkahaError:
    with pytest.raises(SkahaError) as caught:
        variant.run(call())
    return caught.value


# Requests that use a proxy.

EXCEPTIONS = [
    ("https://skaha.example.org/", "skaha.example.org", True),
    ("https://skaha.example.org/", "SKAHA.example.org.", True),
    ("https://skaha.example.org/", "example.org", True),
    ("https://skaha.example.org/", ".example.org", True),
    ("https://skaha.example.org/", "*.example.org", True),
    ("https://skaha.example.org/", "org", True),
    ("https://skaha.example.org/", "localhost, other.org ,example.org", True),
    ("https://skaha.example.org/", "localhost other.org example.org", True),
    ("https://skaha.example.org/", "*", True),
    ("https://skaha.example.org/", "localhost,*", True),
    ("https://skaha.example.org/", "kaha.example.org", False),
    ("https://skaha.example.org/", "ws.skaha.example.org", False),
    ("https://skaha.example.org/", "example.org.evil.net", False),
    ("https://skaha.example.org/", "10.0.0.0/8,,", False),
    ("https://skaha.example.org/", "skaha.example.org:443", True),
    ("https://skaha.example.org/", "example.org:443", True),
    ("https://skaha.example.org/", "skaha.example.org:8443", False),
    ("https://skaha.example.org:8443/", "skaha.example.org:8443", True),
    ("https://skaha.example.org:8443/", "skaha.example.org", True),
    ("https://skaha.example.org:8443/", "skaha.example.org:443", False),
    ("https://skaha.example.org:8443/", "*:8443", True),
    ("http://skaha.example.org/", "skaha.example.org:80", True),
    ("https://10.1.2.3/", "10.1.2.3", True),
    ("https://10.1.2.3/", "10.1.2.3:443", True),
    ("https://10.1.2.3/", "10.0.0.0/8", True),
    ("https://10.1.2.3/", "10.1.2.3/8", True),
    ("https://10.1.2.3/", "10.1.0.0/16", True),
    ("https://10.1.2.3/", "10.1.3.0/24", False),
    ("https://10.1.2.3/", "fd00::/8", False),
    ("https://10.1.2.3/", "2.3", False),
    ("https://[fd00::1]/", "fd00::1", True),
    ("https://[fd00::1]/", "[fd00::1]", True),
    ("https://[fd00::1]/", "[fd00::1]:443", True),
    ("https://[fd00::1]/", "[fd00::1]:8443", False),
    ("https://[fd00::1]:8443/", "[fd00::1]:8443", True),
    ("https://[fd00::1]/", "FD00:0:0::1", True),
    ("https://[fd00::1]/", "fd00::/8", True),
    ("https://[fd00::1]/", "[fd00::]/8", True),
    ("https://[fd00::1]/", "fe80::/10", False),
    ("https://localhost/", "", True),
    ("https://127.0.0.1:8443/", "", True),
    ("https://[::1]/", "", True),
]


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize(("url", "exceptions", "is_direct"), EXCEPTIONS)
def test_hosts_in_the_variable_no_proxy_are_reached_directly(
    no_proxies: pytest.MonkeyPatch, name: str, url: str, exceptions: str, is_direct: bool
) -> None:
    no_proxies.setenv("ALL_PROXY", "http://proxy.example.net:3128")
    no_proxies.setenv(name, exceptions)
    assert (proxy_of_environment(httpx.URL(url)) is None) == is_direct


VARIABLES = [
    ("https", {"HTTPS_PROXY": "http://a:1"}, "http://a:1", "HTTPS_PROXY"),
    ("https", {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://a:1", "https_"),
    ("https", {"ALL_PROXY": "http://a:1"}, "http://a:1", "ALL_PROXY"),
    ("https", {"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://b:1", "HTTPS_"),
    ("https", {"ALL_PROXY": "socks5://a:1", "HTTPS_PROXY": "http://b:1"}, "http://b:1", "HTTPS_"),
    ("https", {"HTTP_PROXY": "http://a:1"}, None, ""),
    ("https", {"HTTPS_PROXY": ""}, None, ""),
    ("http", {"HTTP_PROXY": "https://a:1"}, "https://a:1", "HTTP_PROXY"),
    ("http", {"http_proxy": "a:1"}, "http://a:1", "http_proxy"),
]


@pytest.mark.parametrize(("scheme", "variables", "url", "setting"), VARIABLES)
def test_the_variable_for_the_scheme_has_priority(
    no_proxies: pytest.MonkeyPatch,
    scheme: str,
    variables: dict[str, str],
    url: str | None,
    setting: str,
) -> None:
    for name, value in variables.items():
        no_proxies.setenv(name, value)
    proxy = proxy_of_environment(httpx.URL(f"{scheme}://skaha.example.org/skaha"))
    assert (proxy.url if proxy else None) == url
    assert proxy is None or proxy.setting.startswith(setting)


def test_the_password_is_not_part_of_the_proxy_url(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("HTTPS_PROXY", "http://v%C3%A9ra:a%40b%3A@proxy.example.org:3128")
    proxy = proxy_of_environment(httpx.URL(SERVER))
    assert proxy is not None
    assert proxy.url == "http://proxy.example.org:3128"
    assert proxy.credentials == ("véra".encode(), b"a@b:")
    assert "a@b" not in f"{proxy} {proxy!r}"


UNUSABLE = {
    "socks5://vera:pass@127.0.0.1:9": "by socks5, which is not supported: .* to NO_PROXY",
    "ftp://proxy.example.org": "by ftp, which is not supported",
    "http://vera:pa#ss@proxy.example.org:3128": "ALL_PROXY is not the URL of a proxy",
    "http://vera:pass@": "ALL_PROXY is not the URL of a proxy",
    "http://proxy.example.org:port": "ALL_PROXY is not the URL of a proxy",
}


def use_facade(variant: Any) -> None:
    variant.run(variant.open(server=SERVER, token=TOKEN, retry=False, timeout=5).fetch())


def use_connect(variant: Any) -> None:
    """Wait for a session whose address is at `HOST`; the platform is on this machine."""
    record = {"id": "n1", "name": "n", "type": "notebook", "status": "Running"}
    record["connectURL"] = f"{SERVER}/v1/session"
    with ScriptedServer() as scripted:
        scripted.respond = lambda request: json_response(
            record if request.path.endswith("/n1") else [record]
        )
        session = variant.open(server=scripted.url, token=TOKEN, retry=False)
        urls = variant.run(session.connect("n1", timeout=0.1, browser=False))
        urls.raise_for_failures()


def use_login_client(_: Any) -> None:
    """Send a request with the client of logins and of the discovery of servers."""
    with open_client(5) as client:
        send(client, "GET", SERVER)


CLIENTS = [use_facade, use_connect, use_login_client]


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_uses_the_proxy(variant: Any, proxy: ProxyServer, client: Any) -> None:
    client(variant)
    assert proxy.hosts == [f"{HOST}:443"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("exceptions", [f"{HOST}:443", ".invalid", "*"])
def test_every_client_respects_no_proxy(
    variant: Any,
    proxy: ProxyServer,
    no_proxies: pytest.MonkeyPatch,
    client: Any,
    exceptions: str,
) -> None:
    no_proxies.setenv("NO_PROXY", exceptions)
    with contextlib.suppress(SkahaError, ExceptionGroup):  # the host does not exist
        client(variant)
    assert proxy.hosts == []


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("url", UNUSABLE)
def test_every_client_reports_a_proxy_that_cannot_be_used(
    variant: Any, no_proxies: pytest.MonkeyPatch, client: Any, url: str
) -> None:
    no_proxies.setenv("ALL_PROXY", url)
    with pytest.raises((InvalidInputError, ExceptionGroup)) as caught:
        client(variant)
    error = caught.value
    if isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    with pytest.raises(InvalidInputError, match=UNUSABLE[url]):
        raise error
    assert "pass@" not in str(error)


def test_a_proxy_that_cannot_be_used_is_ignored_on_this_machine(
    variant: Any, faulty: FaultyPlatform, no_proxies: pytest.MonkeyPatch
) -> None:
    no_proxies.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    assert variant.run(variant.open(server=faulty.url, token=TOKEN).fetch()) == []


def test_the_proxy_of_a_redirect_is_chosen_for_its_target(
    variant: Any, proxy: ProxyServer, no_proxies: pytest.MonkeyPatch
) -> None:
    """The address of a session may redirect to a server that needs no proxy."""
    record = {"id": "n1", "name": "n", "type": "notebook", "status": "Running"}
    with ScriptedServer() as direct, ScriptedServer() as scripted:
        proxy.port = int(direct.url.split(":")[2].split("/")[0])
        no_proxies.setenv("HTTP_PROXY", proxy.url)
        record["connectURL"] = f"http://{HOST}/start"
        target = direct.url.replace("/skaha", "/target")
        direct.respond = lambda request: (
            Response(302, "", headers={"Location": target})
            if request.path.endswith("/start")
            else Response(200, "a page")
        )
        scripted.respond = lambda request: json_response(
            record if request.path.endswith("/n1") else [record]
        )
        session = variant.open(server=scripted.url, token=TOKEN, retry=False)
        assert variant.run(session.connect("n1", timeout=5, browser=False))
        assert proxy.hosts == [f"http://{HOST}/start"]
        assert [request.path for request in direct.received][1:] == ["/target"]


# Requests through a proxy.


def test_many_launches_share_few_tunnels(
    variant: Any, platform: FaultyPlatform, proxy: ProxyServer
) -> None:
    """Each connection is a tunnel and is used for many requests."""
    session = variant.open(server=SERVER, token=TOKEN, concurrency=3)
    launched = variant.run(session.create("run", IMAGE, replicas=9))
    assert platform.ids_by_name() == {name: [key] for name, key in launched.names.items()}
    variant.run(session.info(list(launched)))
    assert 1 <= len(proxy.heads) <= 3
    assert all(TOKEN not in head for head in proxy.heads)


def test_the_password_is_sent_to_the_proxy(
    variant: Any, platform: FaultyPlatform, proxy: ProxyServer, no_proxies: pytest.MonkeyPatch
) -> None:
    no_proxies.setenv("HTTPS_PROXY", proxy.url.replace("//", "//vera:pass%20word@"))
    session = variant.open(server=SERVER, token=TOKEN, concurrency=3)
    launched = variant.run(session.create("run", IMAGE, replicas=9))
    assert platform.ids_by_name() == {name: [key] for name, key in launched.names.items()}
    assert set(proxy.passwords) == {"vera:pass word"}


def test_without_tls_the_proxy_forwards_each_request(
    variant: Any, faulty: FaultyPlatform, no_proxies: pytest.MonkeyPatch
) -> None:
    with ProxyServer(faulty.port) as proxy:
        no_proxies.setenv("http_proxy", proxy.url)
        server = SERVER.replace("https", "http")
        session = variant.open(server=server, token=TOKEN, allow_http=True, concurrency=2)
        launched = variant.run(session.create("run", IMAGE, replicas=6))
        assert faulty.ids_by_name() == {name: [key] for name, key in launched.names.items()}
        assert set(proxy.hosts) == {f"{server}/v1/session"}


@pytest.mark.parametrize("has_tls", [True, False], ids=["https", "http"])
def test_the_connection_to_the_proxy_may_use_tls(
    variant: Any, trusted: trustme.CA, no_proxies: pytest.MonkeyPatch, has_tls: bool
) -> None:
    """SSL_CERT_FILE is also used for the certificate of the proxy."""
    tls = tls_of(trusted, HOST) if has_tls else None
    scheme = "https" if has_tls else "http"
    with (
        FaultyPlatform(tls=tls) as platform,
        ProxyServer(platform.port, tls=tls_of(trusted)) as proxy,
    ):
        no_proxies.setenv(f"{scheme}_proxy", proxy.url)
        session = variant.open(
            server=f"{scheme}://{HOST}/skaha", token=TOKEN, allow_http=True, concurrency=2
        )
        launched = variant.run(session.create("run", IMAGE, replicas=6))
        assert platform.ids_by_name() == {name: [key] for name, key in launched.names.items()}
        assert proxy.heads


def test_tls_within_tls_hides_unread_bytes_from_a_sync_connection(
    trusted: trustme.CA, no_proxies: pytest.MonkeyPatch
) -> None:
    """So each of these connections serves one request only."""
    with (
        FaultyPlatform(tls=tls_of(trusted, HOST)) as platform,
        ProxyServer(platform.port, tls=tls_of(trusted)) as proxy,
    ):
        no_proxies.setenv("https_proxy", proxy.url)
        with skaha.Session(server=SERVER, token=TOKEN) as session:
            for number in (1, 2, 3):
                assert session.fetch() == []
                assert len(proxy.heads) == number


# Faults of tunnels.

CUTS: dict[str, Step | str] = {
    "no response": Step.CLOSE,
    "cut": Step.CUT,
    "cut in the handshake": Step.CUT_HANDSHAKE,
    "502": "502 Bad Gateway",
    "503": "503 Service Unavailable",
    "429": "429 Too Many Requests",
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_launch_without_a_tunnel_was_not_sent(
    variant: Any, platform: FaultyPlatform, proxy: ProxyServer, cut: str
) -> None:
    """The launch is sent again immediately and is not looked up."""
    proxy.script.extend([CUTS[cut]] * 5)
    session = variant.open(server=SERVER, token=TOKEN, retry=QUICK, concurrency=2)
    launched = variant.run(session.create("run", IMAGE, replicas=4))
    assert platform.ids_by_name() == {name: [key] for name, key in launched.names.items()}
    assert sorted(platform.request_keys()) == [f"POST run-{number}" for number in range(1, 5)]


@pytest.mark.parametrize("step", [*CUTS.values(), Step.STALL, Step.STALL_HANDSHAKE], ids=str)
def test_no_fault_of_a_tunnel_blocks_a_connection(
    variant: Any, proxy: ProxyServer, step: Step | str
) -> None:
    proxy.script.extend([step] * 3)
    session = variant.open(server=SERVER, token=TOKEN, retry=False, concurrency=1, timeout=TIMEOUT)
    for _ in range(3):
        error = error_of(variant, session.fetch)
        assert isinstance(error, ConnectionFailedError)
        assert not error.was_sent
        assert f"the proxy {proxy.url} of HTTPS_PROXY" in str(error)
    assert not proxy.script
    # On a busy machine, a tunnel may take longer than the time-out; a blocked one never opens.
    for _ in range(20):
        with contextlib.suppress(TimedOutError):
            assert variant.run(session.fetch()) == []
            return
    pytest.fail("the connection is blocked")


@pytest.mark.parametrize("step", [Step.STALL, Step.STALL_HANDSHAKE], ids=str)
def test_no_cancelled_tunnel_blocks_a_connection(proxy: ProxyServer, step: Step) -> None:
    proxy.script.extend([step] * 3)

    async def cancel_and_call() -> None:
        async with skaha.AsyncSession(server=SERVER, token=TOKEN, concurrency=1) as session:
            for count in (1, 2, 3):
                call = asyncio.ensure_future(session.fetch())
                await asyncio.to_thread(
                    proxy.wait_for, lambda count=count: len(proxy.heads) >= count
                )
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert await session.fetch() == []

    asyncio.run(cancel_and_call())


@pytest.mark.parametrize("step", [Step.STALL, Step.STALL_HANDSHAKE], ids=str)
def test_ctrl_c_ends_the_wait_for_a_tunnel(
    platform: FaultyPlatform, proxy: ProxyServer, step: Step
) -> None:
    ids = [platform.add("run-1"), platform.add("run-2")]
    proxy.script.extend([Step.PASS, step])
    # The first tunnel must not serve both requests.
    platform.on_request = lambda _: proxy.wait_for(lambda: len(proxy.heads) >= 2)

    interrupted_at = []

    def interrupt(done: int, *_: int) -> None:
        if done:
            interrupted_at.append(time.monotonic())
            raise KeyboardInterrupt

    with skaha.Session(server=SERVER, token=TOKEN, concurrency=2, timeout=60) as session:
        with pytest.raises(KeyboardInterrupt):
            session.info(ids, progress=interrupt)
        # Both threads ended immediately: nothing waits for the time-out, nor for threads to end.
        assert time.monotonic() - interrupted_at[0] < _STOP_SECONDS
        assert len(session.info(ids)) == 2


# Refusals of a proxy.

CALLS = {
    "fetch": lambda session: session.fetch(),
    "info": lambda session: session.info([f"abcdefg{number}" for number in range(8)]),
    "create": lambda session: session.create("run", IMAGE, replicas=8),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_password_is_sent_once(
    variant: Any, proxy: ProxyServer, no_proxies: pytest.MonkeyPatch, call: str
) -> None:
    """The proxy could lock the account after many attempts."""
    no_proxies.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//vera:{PASSWORD}@"))
    proxy.otherwise = "407 Proxy Authentication Required"
    session = variant.open(server=SERVER, token=TOKEN, retry=QUICK)
    error = error_of(variant, lambda: CALLS[call](session))
    assert isinstance(error, ConnectionFailedError)
    assert (error.was_sent, proxy.passwords) == (False, [f"vera:{PASSWORD}"])
    assert f"the proxy {proxy.url} of HTTPS_PROXY does not connect to {HOST}, 407" in str(error)
    assert "check the user and the password in HTTPS_PROXY" in str(error)
    assert not getattr(error.partial, "uncertain", None)
    trace = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    )
    assert PASSWORD not in trace
    assert b64encode(f"vera:{PASSWORD}".encode()).decode() not in trace
    # A later call sends the password again, because it may be valid then.
    proxy.otherwise = Step.PASS
    assert variant.run(session.fetch()) == []


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_server_is_reported_at_once(variant: Any, proxy: ProxyServer, call: str) -> None:
    proxy.otherwise = "403 Forbidden"
    session = variant.open(server=SERVER, token=TOKEN, retry=QUICK, concurrency=1)
    error = error_of(variant, lambda: CALLS[call](session))
    assert len(proxy.heads) == 1
    assert f"does not connect to {HOST}, 403 Forbidden: add {HOST} to NO_PROXY" in str(error)


def test_a_password_refused_by_a_forwarding_proxy_is_sent_once(
    variant: Any, faulty: FaultyPlatform, no_proxies: pytest.MonkeyPatch
) -> None:
    with ProxyServer(faulty.port) as proxy:
        no_proxies.setenv("http_proxy", proxy.url.replace("//", f"//vera:{PASSWORD}@"))
        proxy.otherwise = "407 Proxy Authentication Required"
        server = SERVER.replace("https", "http")
        session = variant.open(server=server, token=TOKEN, allow_http=True, retry=QUICK)
        error = error_of(variant, lambda: session.create("run", IMAGE, replicas=8))
        assert isinstance(error, ConnectionFailedError)
        assert (error.was_sent, proxy.passwords) == (False, [f"vera:{PASSWORD}"])
        assert "check the user and the password in http_proxy" in str(error)


def test_requests_do_not_take_turns_after_the_proxy_has_accepted_the_password(
    variant: Any, scripted: ScriptedServer, no_proxies: pytest.MonkeyPatch
) -> None:
    """The first request gets no response, but the proxy has passed it on."""
    others = threading.Barrier(2)

    def respond(request: Received) -> Response | None:
        if len(scripted.received) == 1:
            return None
        others.wait(10)
        return json_response({"id": request.path[-2:]})

    scripted.respond = respond
    with ProxyServer(httpx.URL(scripted.url).port or 0) as proxy:
        no_proxies.setenv("http_proxy", proxy.url.replace("//", f"//vera:{PASSWORD}@"))
        server = SERVER.replace("https", "http")
        session = variant.open(server=server, token=TOKEN, allow_http=True, retry=False)
        with pytest.raises(ConnectionFailedError) as caught:
            variant.run(session.info(["a1", "b2", "c3"]))
    assert len(caught.value.partial) == 2


@pytest.mark.parametrize("client", [use_connect, use_login_client])
def test_other_clients_report_a_refused_password(
    variant: Any, proxy: ProxyServer, client: Any
) -> None:
    proxy.otherwise = "407 Proxy Authentication Required"
    with pytest.raises((ConnectionFailedError, ExceptionGroup)) as caught:
        client(variant)
    error = caught.value
    if isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert "check the user and the password in HTTPS_PROXY" in str(error)
    assert len(proxy.heads) == 1


def test_a_proxy_that_refuses_connections_is_named(
    variant: Any, no_proxies: pytest.MonkeyPatch
) -> None:
    no_proxies.setenv("HTTPS_PROXY", CLOSED)
    session = variant.open(server=SERVER, token=TOKEN, retry=False)
    error = error_of(variant, lambda: session.create("run", IMAGE))
    assert isinstance(error, ConnectionFailedError)
    assert not error.was_sent
    assert f"(through the proxy {CLOSED} of HTTPS_PROXY)" in str(error)


# Certificate authorities.


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_reports_unreadable_certificate_authorities(
    variant: Any, no_proxies: pytest.MonkeyPatch, client: Any, tmp_path: Path
) -> None:
    path = tmp_path / "authorities.pem"
    path.write_text("no certificate")
    no_proxies.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises((ConfigurationError, ExceptionGroup)) as caught:
        client(variant)
    error = caught.value
    if isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert str(error).startswith(f"SSL_CERT_FILE: the certificates in {path} cannot be used")
