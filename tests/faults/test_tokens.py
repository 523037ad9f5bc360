"""The token is sent to the platform only, and over secure connections only."""

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

TOKEN = "a-token-for-the-platform-only"


def request_texts(platform: FaultyPlatform) -> list[str]:
    """Return the content of each request that this server received."""
    return [f"{request.target} {request.headers} {request.form}" for request in platform.requests()]


# Targets of the token.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("relative", [False, True], ids=["to another host", "to another path"])
def test_no_redirect_is_followed(
    variant: Any, faulty: FaultyPlatform, status: int, relative: bool
) -> None:
    """No redirect is followed, with or without the token. The error names its target."""
    with FaultyPlatform() as other:
        target = "/target" if relative else f"{other.url}/v1/session"
        redirect = f.Fault(
            "redirect", f.Execution.NEVER, status=status, headers=(("Location", target),)
        )
        for key in ("GET session", "POST run-1", "DELETE abcdefgh"):
            faulty.always(key, redirect)
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
        assert target in str(failure)
    assert all("target" not in request.path for request in faulty.requests())


def _error(variant: Any, call: Callable[[], Any]) -> SkahaError:
    with pytest.raises(SkahaError) as caught:
        variant.run(call())
    return caught.value


def test_the_token_is_sent_to_one_origin_only(variant: Any, faulty: FaultyPlatform) -> None:
    """A request of the same httpx client to another server has no token."""
    with FaultyPlatform() as other:
        api = variant.open(server=faulty.url, token=TOKEN, retry=False).api
        for platform in (faulty, other):
            if variant.name == "sync":
                api.get_httpx_client().get(f"{platform.url}/v1/session")
            else:
                variant.run(_async_get(api, f"{platform.url}/v1/session"))
        assert [TOKEN in text for text in request_texts(faulty)] == [True]
        assert [TOKEN in text for text in request_texts(other)] == [False]


async def _async_get(api: Any, url: str) -> None:
    await api.get_async_httpx_client().get(url)


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "HTTP_PROXY"])
def test_the_loopback_is_not_reached_through_a_proxy(
    variant: Any, faulty: FaultyPlatform, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Plain http to the loopback is safe without a proxy, but a proxy could read the token."""
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with FaultyPlatform() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        session = variant.open(server=faulty.url, token=TOKEN, retry=False)
        assert variant.run(session.fetch()) == []
        assert request_texts(proxy) == []
    assert len(faulty.received) == 1


def test_a_proxy_may_be_a_host_and_a_port_without_a_scheme(
    variant: Any, faulty: FaultyPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many users write a proxy as `host:port`; curl accepts this, too."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{faulty.port}")
    server = "http://platform.invalid/skaha"
    session = variant.open(server=server, token=TOKEN, retry=False, allow_http=True)
    assert variant.run(session.fetch()) == []
    assert [request.target for request in faulty.requests()] == [f"{server}/v1/session"]


# Plain http.


LOOPBACK = ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "[::1]"]
OTHER_HOSTS = [
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


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_token_over_plain_http_needs_allow_http(host: str) -> None:
    for server in (f"http://{host}/skaha", f"HTTP://{host}:8080/skaha"):
        with pytest.raises(InvalidInputError, match="allow_http") as caught:
            SkahaClient(server=server, token=TOKEN)
        assert TOKEN not in str(caught.value)
        SkahaClient(server=server, token=TOKEN, allow_http=True)


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_token_over_plain_http_to_the_loopback_is_allowed(host: str) -> None:
    SkahaClient(server=f"http://{host}:1234/skaha", token=TOKEN)


def test_plain_http_without_a_token_is_allowed() -> None:
    SkahaClient(server="http://ws-uv.canfar.net/skaha")


# TLS.


def test_the_authority_in_ssl_cert_file_is_trusted(variant: Any, trusted: trustme.CA) -> None:
    with FaultyPlatform(tls=tls_of(trusted)) as platform:
        session = variant.open(server=platform.url, token=TOKEN)
        launched = variant.run(session.create("run", "images.canfar.net/a/b:c", replicas=3))
        assert platform.ids_by_name() == {name: [key] for name, key in launched.names.items()}
        assert all(TOKEN in text for text in request_texts(platform))


@pytest.mark.parametrize("verify", [True, False])
def test_an_untrusted_certificate_is_refused(
    variant: Any, authority: trustme.CA, verify: bool
) -> None:
    """The setting `verify` does not change this. The request is not repeated."""
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


def test_the_error_of_an_unknown_authority_names_ssl_cert_file(
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


def test_a_launch_to_a_server_with_an_untrusted_certificate_is_not_uncertain(
    variant: Any, authority: trustme.CA
) -> None:
    """No launch was sent, so all replicas fail immediately."""
    with FaultyPlatform(tls=tls_of(authority)) as platform:
        session = variant.open(server=platform.url, token=TOKEN, concurrency=2)
        start = time.monotonic()
        error = _error(variant, lambda: session.create("run", IMAGE, replicas=20))
        assert time.monotonic() - start < 10
        failures = error.partial.failures
        assert len(failures) == 20
        assert not any(failure.was_sent for failure in failures.values())
        assert platform.connections <= 2


def test_a_wait_for_a_server_with_an_untrusted_certificate_ends_at_once(
    variant: Any, authority: trustme.CA
) -> None:
    """This is no outage: more attempts would not help."""
    with FaultyPlatform(tls=tls_of(authority)) as platform:
        session = variant.open(server=platform.url, token=TOKEN)
        assert isinstance(
            _error(variant, lambda: session.wait("a1", timeout=10)), ConnectionFailedError
        )
        assert platform.connections == 1


def test_a_certificate_for_another_host_is_refused(variant: Any, trusted: trustme.CA) -> None:
    with FaultyPlatform(tls=tls_of(trusted, "example.org")) as platform:
        session = variant.open(server=platform.url, token=TOKEN, retry=False)
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate") as caught:
            variant.run(session.fetch())
        assert "SSL_CERT_FILE" not in str(caught.value)
        assert platform.received == []


def test_a_server_without_tls_is_refused_for_https(variant: Any, faulty: FaultyPlatform) -> None:
    server = faulty.url.replace("http:", "https:")
    session = variant.open(server=server, token=TOKEN, retry=False, timeout=TIMEOUT)
    with pytest.raises(ConnectionFailedError):
        variant.run(session.fetch())
    assert faulty.received == []


@pytest.fixture
def certificate_platform(trusted: trustme.CA) -> Iterator[FaultyPlatform]:
    """Start a platform that requires a certificate of the client."""
    context = tls_of(trusted)
    trusted.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with FaultyPlatform(tls=context) as platform:
        yield platform


def write_certificate(authority: trustme.CA, path: Path) -> Path:
    """Write a proxy certificate with its key into one file, as users have it; return the path."""
    path.touch(mode=0o600)
    authority.issue_cert("vrubin@example.org").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def test_a_certificate_of_the_client_is_used(
    variant: Any, trusted: trustme.CA, certificate_platform: FaultyPlatform, tmp_path: Path
) -> None:
    path = write_certificate(trusted, tmp_path / "proxy.pem")
    session = variant.open(server=certificate_platform.url, certificate=path)
    launched = variant.run(session.create("run", "images.canfar.net/a/b:c", replicas=3))
    assert certificate_platform.ids_by_name() == {
        name: [key] for name, key in launched.names.items()
    }
    assert all(
        "authorization" not in request.headers for request in certificate_platform.requests()
    )


def test_the_default_certificate_is_used(
    variant: Any,
    trusted: trustme.CA,
    certificate_platform: FaultyPlatform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".ssl").mkdir()
    write_certificate(trusted, tmp_path / ".ssl" / "cadcproxy.pem")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert variant.run(variant.open(server=certificate_platform.url).fetch()) == []


@pytest.mark.parametrize("has_certificate", [False, True], ids=["none", "untrusted"])
def test_a_missing_or_untrusted_certificate_of_the_client_is_reported(
    variant: Any, certificate_platform: FaultyPlatform, tmp_path: Path, has_certificate: bool
) -> None:
    """The error is about the credentials. The request is not repeated."""
    credentials: dict[str, Any] = {"token": TOKEN}
    message = "needs a certificate: log in with `skaha login`"
    if has_certificate:
        path = write_certificate(trustme.CA(), tmp_path / "proxy.pem")
        credentials, message = {"certificate": path}, f"refuses the certificate {path}: log in"
    session = variant.open(server=certificate_platform.url, retry=QUICK, **credentials)
    with pytest.raises(CredentialsError, match=message):
        variant.run(session.fetch())
    assert certificate_platform.received == []
    assert certificate_platform.connections == 1


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_an_invalid_certificate_of_the_client_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proxy.pem"
    path.write_text(text)
    with pytest.raises(CredentialsError):
        SkahaClient(certificate=path)


# Ids.


# Clients and servers treat "." and ".." as folders, even if they are encoded, so the facade
# refuses them.
UNUSUAL_IDS = (
    st.text(min_size=1, max_size=20).filter(lambda text: text.strip(".") != "")
) | st.sampled_from(["a/b", "../x", "a?view=all", "a#b", "a%2fb", "a%2e%2e", "//host", "a\\b", "é"])


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(session_id=UNUSUAL_IDS)
def test_an_id_stays_one_segment_of_the_path(faulty: FaultyPlatform, session_id: str) -> None:
    """The generated client does not check ids."""
    client = Client(base_url=faulty.url)
    faulty.received.clear()
    faulty.sessions.clear()
    with client:
        for endpoint in (get_session, get_session_logs, delete_session):
            endpoint.sync_detailed(session_id, client=client)
    assert len(faulty.received) == 3
    for request in faulty.received:
        base, _, segment = request.path.rpartition("/")
        assert base == "/skaha/v1/session"
        assert unquote(segment) == session_id
        assert set(request.query) <= {"view"}


@pytest.mark.parametrize("call", ["info", "logs", "events", "destroy"])
@pytest.mark.parametrize(
    "session_id", ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\n", "-a", "é", "a\0"]
)
def test_an_invalid_id_is_not_sent(
    variant: Any, faulty: FaultyPlatform, call: str, session_id: str
) -> None:
    session = variant.open(server=faulty.url, token=TOKEN)
    with pytest.raises(InvalidInputError):
        variant.run(getattr(session, call)(["abcdefgh", session_id]))
    assert faulty.connections == 0
