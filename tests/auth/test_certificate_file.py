"""The certificate of a running client: a new file is used, and an expired one is reported."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from auth.providers import server_side
from scripted import ScriptedServer, json_response

from skaha.errors import CredentialsError

AUTHORITY = trustme.CA()


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """Start a platform with TLS; it stores the certificate of each request."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with ScriptedServer(server_side(AUTHORITY)) as server:
        server.respond = lambda _: json_response([])
        yield server


def write(path, seconds=1e6):
    """Write a new certificate; return it as the server sees it."""
    begin = datetime.now(UTC) - timedelta(days=1)
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    leaf = AUTHORITY.issue_cert("vrubin@example.org", not_before=begin, not_after=end)
    path.parent.mkdir(exist_ok=True)
    path.touch(0o600)
    path.write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    return ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())


@pytest.fixture
def file(tmp_path):
    return tmp_path / "proxy.pem"


def presented_certificates(platform):
    return [request.certificate for request in platform.received]


def test_a_changed_certificate_is_used_for_the_next_request(variant, platform, file):
    first = write(file)
    session = variant.open(server=platform.url, certificate=file)
    variant.run(session.fetch())
    second = write(file)
    for _ in range(2):
        variant.run(session.fetch())
    assert presented_certificates(platform) == [first, second, second]
    assert platform.connections == 2


@pytest.mark.parametrize("change", ["damaged", "gone", "expired"])
def test_the_last_certificate_is_used_while_the_file_is_being_written(
    variant, platform, file, caplog, change
):
    first = write(file)
    session = variant.open(server=platform.url, certificate=file)
    if change == "expired":
        write(file, seconds=-10)
    elif change == "gone":
        file.unlink()
    else:
        file.write_text("-----BEGIN")
    for _ in range(2):
        variant.run(session.fetch())
    assert caplog.text.count("the last certificate in this file is used") == 1
    second = write(file)
    variant.run(session.fetch())
    assert presented_certificates(platform) == [first, first, second]


@pytest.mark.filterwarnings("ignore:the certificate .* expires")
def test_a_certificate_that_expires_is_reported_before_the_next_request(variant, platform, file):
    write(file, seconds=2)
    session = variant.open(server=platform.url, certificate=file)

    def fetch_until_it_expires():
        while True:
            variant.run(session.fetch())

    with pytest.raises(CredentialsError, match=f"{file} expired at .*: get a new one with `skaha"):
        fetch_until_it_expires()
    # The last certificate is of no use any more.
    file.unlink()
    with pytest.raises(CredentialsError, match=f"{file} cannot be read"):
        variant.run(session.fetch())
    new = write(file)
    variant.run(session.fetch())
    assert presented_certificates(platform)[-1] == new


def test_a_default_certificate_may_come_later(variant, platform, home):
    session = variant.open(server=platform.url)
    with pytest.raises(CredentialsError, match="no credentials: log in with"):
        variant.run(session.fetch())
    # Without credentials, only public data can be read.
    assert variant.run(session.whoami()) is None
    new = write(home.certificate)
    assert session.certificate == home.certificate
    variant.run(session.fetch())
    assert presented_certificates(platform) == [None, new]


def test_an_expired_default_certificate_may_be_replaced(variant, platform, home):
    write(home.certificate, seconds=-10)
    session = variant.open(server=platform.url)
    with pytest.raises(CredentialsError, match=r"expired at .*: get a new one with `skaha login`"):
        variant.run(session.fetch())
    new = write(home.certificate)
    variant.run(session.fetch())
    assert presented_certificates(platform) == [new]
