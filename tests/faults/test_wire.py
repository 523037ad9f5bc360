"""The token goes only to the platform, and only over safe connections."""

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import trustme
from faults import faulty as f
from faults.conftest import IMAGE, QUICK, TIMEOUT, tls_of
from faults.faulty import FaultyPlatform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skaha import Retry, SkahaClient
from skaha.errors import (
    ConnectionFailedError,
    CredentialsError,
    InvalidInputError,
    SkahaError,
    StatusError,
)
from skaha_api import Client
from skaha_api.api.session import delete_session, get_session, get_session_logs

TOKEN = "a-token-nobody-else-may-see"


def heard(platform: FaultyPlatform) -> list[str]:
    """Return everything that this server was told, as one text each."""
    return [f"{one.target} {one.headers} {one.form}" for one in platform.requests()]


# Where the token goes.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("relative", [False, True], ids=["to another host", "to another path"])
def test_no_redirect_is_followed(
    variant: Any, faulty: FaultyPlatform, status: int, relative: bool
) -> None:
    """Not with the token, and not without; the error says where it would have led."""
    with FaultyPlatform() as other:
        where = "/elsewhere" if relative else f"{other.url}/v1/session"
        redirect = f.Fault(
            "redirect", f.Execution.NEVER, status=status, headers=(("Location", where),)
        )
        for what in ("GET session", "POST run-1", "DELETE abcdefgh"):
            faulty.always(what, redirect)
        session = variant.open(server=faulty.url, token=TOKEN, retry=QUICK)
        failures = [
            _error(variant, session.fetch),
            _error(variant, lambda: session.create("run", "images.canfar.net/a/b:c")),
            _error(variant, lambda: session.destroy("abcdefgh")),
        ]
        assert other.connections == 0
    for failure in failures:
        assert isinstance(failure, StatusError)
        assert failure.status == status
        assert where in str(failure)
    assert all("elsewhere" not in one.path for one in faulty.requests())


def _error(variant: Any, call: Callable[[], Any]) -> SkahaError:
    with pytest.raises(SkahaError) as caught:
        variant.run(call())
    return caught.value


def test_the_token_is_for_one_origin(variant: Any, faulty: FaultyPlatform) -> None:
    """A request that a caller sends elsewhere through the same client goes without the token."""
    with FaultyPlatform() as other:
        api = variant.open(server=faulty.url, token=TOKEN, retry=False).api
        for platform in (faulty, other):
            if variant.name == "sync":
                api.get_httpx_client().get(f"{platform.url}/v1/session")
            else:
                variant.run(_async_get(api, f"{platform.url}/v1/session"))
        assert [TOKEN in text for text in heard(faulty)] == [True]
        assert [TOKEN in text for text in heard(other)] == [False]


async def _async_get(api: Any, url: str) -> None:
    await api.get_async_httpx_client().get(url)


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "HTTP_PROXY"])
def test_the_loopback_is_not_reached_through_a_proxy(
    variant: Any, faulty: FaultyPlatform, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Plain http is allowed to the loopback as nobody can listen: a proxy could."""
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with FaultyPlatform() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        session = variant.open(server=faulty.url, token=TOKEN, retry=False)
        assert variant.run(session.fetch()) == []
        assert heard(proxy) == []
    assert len(faulty.received) == 1


def test_a_proxy_without_a_scheme(
    variant: Any, faulty: FaultyPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`host:port` is how many write a proxy, and curl reads it so."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{faulty.port}")
    server = "http://platform.invalid/skaha"
    session = variant.open(server=server, token=TOKEN, retry=False, allow_http=True)
    assert variant.run(session.fetch()) == []
    assert [one.target for one in faulty.requests()] == [f"{server}/v1/session"]


# Plain http.


LOOPBACK = ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "[::1]"]
ELSEWHERE = [
    "ws-uv.canfar.net",
    "10.0.0.1",
    "0.0.0.0",
    "[::]",
    "127.0.0.1.example.org",
    "localhost.example.org",
    "localhost.",
    "mylocalhost",
    "127.1",
    "2130706433",
    "[fe80::1]",
    "128.0.0.1",
]


@pytest.mark.parametrize("host", ELSEWHERE)
def test_no_token_over_plain_http(host: str) -> None:
    for server in (f"http://{host}/skaha", f"HTTP://{host}:8080/skaha"):
        with pytest.raises(InvalidInputError, match="allow_http") as caught:
            SkahaClient(server=server, token=TOKEN)
        assert TOKEN not in str(caught.value)
        SkahaClient(server=server, token=TOKEN, allow_http=True)


@pytest.mark.parametrize("host", LOOPBACK)
def test_the_loopback_may_be_plain(host: str) -> None:
    SkahaClient(server=f"http://{host}:1234/skaha", token=TOKEN)


def test_without_a_token_plain_http_is_nobodys_secret() -> None:
    SkahaClient(server="http://ws-uv.canfar.net/skaha")


# TLS.


def test_an_authority_of_ones_own(variant: Any, trusted: trustme.CA) -> None:
    """`SSL_CERT_FILE` names whom to trust."""
    with FaultyPlatform(tls=tls_of(trusted)) as platform:
        session = variant.open(server=platform.url, token=TOKEN)
        launched = variant.run(session.create("run", "images.canfar.net/a/b:c", replicas=3))
        assert platform.ids_by_name() == {name: [one] for name, one in launched.names.items()}
        assert all(TOKEN in text for text in heard(platform))


@pytest.mark.parametrize("verify", [True, False])
def test_a_stranger_is_refused(variant: Any, authority: trustme.CA, verify: bool) -> None:
    """Whatever `verify` says, and at once: trying again does not make a certificate better."""
    with FaultyPlatform(tls=tls_of(authority)) as platform:
        settings: dict[str, Any] = {"retry": Retry(first_pause=0.001)}
        if not verify:
            with pytest.warns(DeprecationWarning, match="always verified"):
                session = variant.open(server=platform.url, token=TOKEN, verify=False, **settings)
        else:
            session = variant.open(server=platform.url, token=TOKEN, **settings)
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate"):
            variant.run(session.fetch())
        assert platform.received == []
        assert platform.connections == 1


def test_an_unknown_authority_leads_to_the_setting(
    variant: Any, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with FaultyPlatform(tls=tls_of(authority)) as platform:
        session = variant.open(server=platform.url, token=TOKEN)
        error = _error(variant, session.fetch)
        assert str(error).endswith(
            "If you trust the authority of this certificate, set SSL_CERT_FILE to a PEM file with "
            "the certificates of all authorities that you trust"
        )
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        monkeypatch.setenv("SSL_CERT_FILE", str(other))
        session = variant.open(server=platform.url, token=TOKEN)
        assert str(_error(variant, session.fetch)).endswith(f"; SSL_CERT_FILE is {other} now")


def test_a_launch_without_a_trusted_server_was_not_sent(
    variant: Any, authority: trustme.CA
) -> None:
    """All replicas fail at once, and none of them is uncertain."""
    with FaultyPlatform(tls=tls_of(authority)) as platform:
        session = variant.open(server=platform.url, token=TOKEN, concurrency=2)
        start = time.monotonic()
        error = _error(variant, lambda: session.create("run", IMAGE, replicas=20))
        assert time.monotonic() - start < 10
        failures = error.partial.failures
        assert len(failures) == 20
        assert not any(failure.was_sent for failure in failures.values())
        assert platform.connections <= 2


def test_a_certificate_for_another_host_is_refused(variant: Any, trusted: trustme.CA) -> None:
    with FaultyPlatform(tls=tls_of(trusted, "example.org")) as platform:
        session = variant.open(server=platform.url, token=TOKEN, retry=False)
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate") as caught:
            variant.run(session.fetch())
        assert "SSL_CERT_FILE" not in str(caught.value)
        assert platform.received == []


def test_a_plain_answer_to_tls_is_refused(variant: Any, faulty: FaultyPlatform) -> None:
    server = faulty.url.replace("http:", "https:")
    session = variant.open(server=server, token=TOKEN, retry=False, timeout=TIMEOUT)
    with pytest.raises(ConnectionFailedError):
        variant.run(session.fetch())
    assert faulty.received == []


@pytest.fixture
def mutual(trusted: trustme.CA) -> Iterator[FaultyPlatform]:
    """A platform that knows its callers by their certificates."""
    context = tls_of(trusted)
    trusted.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with FaultyPlatform(tls=context) as platform:
        yield platform


def certificate(authority: trustme.CA, path: Path) -> Path:
    """Write a proxy certificate as users have it: certificate and key in one file."""
    path.touch(mode=0o600)
    authority.issue_cert("vrubin@example.org").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def test_a_certificate_of_the_caller(
    variant: Any, trusted: trustme.CA, mutual: FaultyPlatform, tmp_path: Path
) -> None:
    path = certificate(trusted, tmp_path / "proxy.pem")
    session = variant.open(server=mutual.url, certificate=path)
    launched = variant.run(session.create("run", "images.canfar.net/a/b:c", replicas=3))
    assert mutual.ids_by_name() == {name: [one] for name, one in launched.names.items()}
    assert all("authorization" not in one.headers for one in mutual.requests())


def test_the_default_certificate(
    variant: Any,
    trusted: trustme.CA,
    mutual: FaultyPlatform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".ssl").mkdir()
    certificate(trusted, tmp_path / ".ssl" / "cadcproxy.pem")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert variant.run(variant.open(server=mutual.url).fetch()) == []


@pytest.mark.parametrize("stranger", [False, True], ids=["none", "a stranger's"])
def test_the_platform_refuses_the_caller(
    variant: Any, mutual: FaultyPlatform, tmp_path: Path, stranger: bool
) -> None:
    """A refused certificate is a problem of the credentials, and not sent again."""
    credentials: dict[str, Any] = {"token": TOKEN}
    message = "needs a certificate: log in with `skaha login`"
    if stranger:
        path = certificate(trustme.CA(), tmp_path / "proxy.pem")
        credentials, message = {"certificate": path}, f"refuses the certificate {path}: log in"
    session = variant.open(server=mutual.url, retry=QUICK, **credentials)
    with pytest.raises(CredentialsError, match=message):
        variant.run(session.fetch())
    assert mutual.received == []
    assert mutual.connections == 1


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_an_unusable_certificate(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proxy.pem"
    path.write_text(text)
    with pytest.raises(CredentialsError):
        SkahaClient(certificate=path)


# Ids.


# Dots alone mean folders to every client and server, encoded or not: the facade refuses them.
HOSTILE = (
    st.text(min_size=1, max_size=20).filter(lambda text: text.strip(".") != "")
) | st.sampled_from(["a/b", "../x", "a?view=all", "a#b", "a%2fb", "a%2e%2e", "//host", "a\\b", "é"])


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(session_id=HOSTILE)
def test_an_id_is_one_segment(faulty: FaultyPlatform, session_id: str) -> None:
    """An id stays one segment of the path, even if the bare client does not check it."""
    client = Client(base_url=faulty.url)
    faulty.received.clear()
    faulty.sessions.clear()
    with client:
        for endpoint in (get_session, get_session_logs, delete_session):
            endpoint.sync_detailed(session_id, client=client)
    assert len(faulty.received) == 3
    for one in faulty.received:
        base, _, segment = one.path.rpartition("/")
        assert base == "/skaha/v1/session"
        assert unquote(segment) == session_id
        assert set(one.query) <= {"view"}


@pytest.mark.parametrize("call", ["info", "logs", "events", "destroy"])
@pytest.mark.parametrize(
    "session_id", ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\n", "-a", "é", "a\0"]
)
def test_what_cannot_be_an_id_is_not_sent(
    variant: Any, faulty: FaultyPlatform, call: str, session_id: str
) -> None:
    session = variant.open(server=faulty.url, token=TOKEN)
    with pytest.raises(InvalidInputError):
        variant.run(getattr(session, call)(["abcdefgh", session_id]))
    assert faulty.connections == 0
