"""Logins by user name and password, which return a proxy certificate."""

import ssl
import stat
from datetime import UTC, datetime, timedelta

import pexpect
import pytest
import trustme
from auth.providers import PASSWORD, USER, CertificateService, server_side
from jupyter_client.manager import start_new_kernel
from scripted import Response, ScriptedServer, json_response

import skaha
from skaha import Session, config
from skaha.errors import ConnectionFailedError, CredentialsError, InvalidInputError


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_certificate_is_stored_at_the_default_path_and_only_its_owner_can_read_it(cadc, home):
    result = skaha.login("cadc", user=USER, password=PASSWORD, days=3)
    assert (result.user, result.provider, result.method) == (USER, "cadc", "certificate")
    assert result.place == str(home.certificate)
    assert mode(home.certificate) == 0o600
    assert mode(home.certificate.parent) == 0o700
    assert list(home.certificate.parent.iterdir()) == [home.certificate]
    assert cadc.received[0].query == {"daysValid": ["3"]}
    expected = datetime.now(UTC) + timedelta(days=3)
    assert abs(result.expires - expected) < timedelta(minutes=1)
    assert result.expires == config.valid_until(home.certificate)
    with Session() as session:
        assert session.certificate == home.certificate


def test_a_platform_accepts_the_certificate(home, monkeypatch):
    authority = trustme.CA()
    authorities = home.path / "authorities.pem"
    authority.cert_pem.write_to_path(authorities)
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    with (
        CertificateService(authority) as service,
        ScriptedServer(server_side(authority)) as platform,
    ):
        assert service.url.startswith("https://")
        home.sites(f'[providers.cadc]\nmethod = "certificate"\nurl = "{service.url}"\n')
        skaha.login("cadc", user=USER, password=PASSWORD)
        platform.respond = lambda _: json_response([])
        with Session(server=platform.url) as session:
            assert session.fetch() == []
        presented = platform.received[0].certificate
    assert ssl.DER_cert_to_PEM_cert(presented) in home.certificate.read_text()


def test_a_new_certificate_replaces_the_old_file_and_its_permissions(cadc, home):
    home.certificate.parent.mkdir()
    home.certificate.write_text(cadc.issue(1))
    home.certificate.chmod(0o644)
    skaha.login("cadc", user=USER, password=PASSWORD)
    assert mode(home.certificate) == 0o600
    assert config.valid_until(home.certificate) > datetime.now(UTC) + timedelta(days=9)


def test_the_path_of_the_certificate_can_be_given(cadc, home):
    del cadc
    path = home.path / "folder" / "mine.pem"
    assert skaha.login("cadc", user=USER, password=PASSWORD, certificate=path).place == str(path)
    assert not home.certificate.exists()
    assert skaha.logout("cadc", certificate=path) == [str(path)]


def test_the_error_of_a_wrong_password_quotes_the_server(cadc, home):
    with pytest.raises(CredentialsError, match=r"refuses vrubin.*invalid username/password"):
        skaha.login("cadc", user=USER, password="wrong")
    assert not home.certificate.exists()
    assert len(cadc.received) == 1


@pytest.mark.parametrize("kind", ["html", "no key", "expired", "key of another certificate"])
def test_an_unusable_certificate_does_not_replace_the_old_one(cadc, home, kind):
    home.certificate.parent.mkdir()
    home.certificate.write_text("the old certificate")
    cadc.pem = {
        "html": lambda _: "<html>Welcome</html>",
        "no key": lambda days: cadc.issue(days, key=False),
        "expired": lambda _: cadc.issue(-1),
        "key of another certificate": lambda days: (
            cadc.issue(days, key=False)
            + "-----BEGIN"
            + cadc.issue(days).rpartition("-----BEGIN")[2]
        ),
    }[kind]
    with pytest.raises(CredentialsError, match="expired at" if kind == "expired" else "no cert"):
        skaha.login("cadc", user=USER, password=PASSWORD)
    assert home.certificate.read_text() == "the old certificate"
    assert list(home.certificate.parent.iterdir()) == [home.certificate]


def test_the_password_is_read_from_netrc(cadc, home):
    home.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    assert skaha.login("cadc").user == USER
    assert skaha.login("cadc", user=USER).user == USER
    with pytest.raises(CredentialsError, match="no user and password for cadc"):
        skaha.login("cadc", user="another-user")
    assert len(cadc.received) == 2


def test_a_netrc_that_others_can_read_is_refused_and_nothing_is_sent(cadc, home):
    home.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n", 0o644)
    with pytest.raises(CredentialsError, match="chmod 600"):
        skaha.login("cadc")
    assert cadc.received == []
    # The permissions do not matter if the file has no password for this machine.
    home.netrc("machine other.example.org login a password b\n", 0o644)
    skaha.login("cadc", user=USER, password=PASSWORD)


def test_the_error_of_a_damaged_netrc_does_not_quote_it(cadc, home):
    home.netrc(f"machine 127.0.0.1 login {USER} password\n  {PASSWORD} {PASSWORD}\n")
    with pytest.raises(CredentialsError, match="netrc cannot be read: line") as caught:
        skaha.login("cadc")
    assert PASSWORD not in str(caught.value)
    assert cadc.received == []


def test_the_password_is_sent_over_secure_connections_only(home):
    home.sites('[providers.cadc]\nmethod = "certificate"\nurl = "http://cadc.example.org/cred"\n')
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        skaha.login("cadc", user=USER, password=PASSWORD)


def test_the_password_is_not_sent_to_the_target_of_a_redirect(cadc):
    cadc.respond = lambda _: Response(302, headers={"Location": "http://127.0.0.1:9/steal"})
    with pytest.raises(CredentialsError, match="status 302"):
        skaha.login("cadc", user=USER, password=PASSWORD)
    assert len(cadc.received) == 1


def test_an_unreachable_service_is_reported(cadc):
    cadc.respond = lambda _: Response(503, "in maintenance")
    with pytest.raises(ConnectionFailedError, match="failed with status 503: in maintenance"):
        skaha.login("cadc", user=USER, password=PASSWORD)
    cadc.respond = lambda _: None
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        skaha.login("cadc", user=USER, password=PASSWORD)


@pytest.mark.parametrize(
    ("user", "password"), [("a:b", PASSWORD), ("a\nb", PASSWORD), (USER, "a\nb")]
)
def test_a_user_or_a_password_that_cannot_be_sent_is_refused(cadc, user, password):
    with pytest.raises(InvalidInputError, match="must be a printable text"):
        skaha.login("cadc", user=user, password=password)
    assert cadc.received == []


@pytest.mark.parametrize("name", ["provider", "user", "password", "client_id", "client_secret"])
@pytest.mark.parametrize("value", [b"a-secret-text", ["a-secret-text"], 5, {"a": "a-secret-text"}])
def test_an_argument_that_is_no_text_is_refused_and_not_shown(cadc, name, value):
    arguments = {"provider": "cadc", "user": USER, "password": PASSWORD, name: value}
    with pytest.raises(
        InvalidInputError, match=f"^{name} must be a text, not {type(value).__name__}$"
    ):
        skaha.login(**arguments)
    if name == "provider":
        with pytest.raises(InvalidInputError, match="provider must be a text"):
            skaha.logout(value)
        with pytest.raises(InvalidInputError, match="provider must be a text"):
            skaha.auth.discover(value)
    assert cadc.received == []


@pytest.mark.parametrize("problem", ["directory", "not UTF-8"])
def test_a_netrc_that_cannot_be_read_is_an_error(cadc, home, problem):
    path = home.path / ".netrc"
    if problem == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"machine a\xff")
    with pytest.raises(CredentialsError, match=r"netrc cannot be read: (Is|it)"):
        skaha.login("cadc")
    assert cadc.received == []


def test_a_certificate_that_cannot_be_written_or_removed_is_an_error(cadc, home):
    del cadc
    home.certificate.mkdir(parents=True)
    with pytest.raises(CredentialsError, match="cannot be written"):
        skaha.login("cadc", user=USER, password=PASSWORD)
    with pytest.raises(CredentialsError, match="cannot be removed"):
        skaha.logout("cadc")


def test_a_login_for_the_embedded_platform_changes_no_profile(cadc, home, monkeypatch):
    """The embedded platform needs no certificate."""
    del cadc
    monkeypatch.setenv("SKAHA_SERVER", "local")
    result = skaha.login("cadc", user=USER, password=PASSWORD)
    assert (result.server, result.profile) == (None, None)
    assert not home.config.exists()


@pytest.mark.parametrize("days", [0, -1, "ten", None, float("nan")])
def test_days_must_be_more_than_0(cadc, days):
    with pytest.raises(InvalidInputError, match="days"):
        skaha.login("cadc", user=USER, password=PASSWORD, days=days)
    assert cadc.received == []


def test_the_command_asks_for_the_password_at_a_terminal(cadc, home):
    with home.at_a_terminal("login", "cadc") as terminal:
        terminal.expect("User name at .*: ")
        terminal.sendline(USER)
        terminal.expect(f"Password of {USER} at 127.0.0.1: ")
        terminal.sendline(PASSWORD)
        terminal.expect(f"{USER} +cadc +certificate")
        terminal.expect(pexpect.EOF)
        assert PASSWORD not in terminal.before
        assert terminal.wait() == 0
    assert mode(home.certificate) == 0o600
    assert len(cadc.received) == 1


def test_the_command_without_a_terminal_explains_how_to_give_the_password(cadc, home):
    result = home.run("login", "cadc", code=4)
    assert "put them into ~/.netrc for the machine 127.0.0.1" in result.stderr
    assert cadc.received == []


def test_a_login_by_the_name_of_a_server_activates_its_profile(cadc, home):
    del cadc
    home.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    result = home.run("login", "canfar", "--output", "json")
    assert '"profile": "canfar"' in result.stdout
    assert config.settings().profile == "canfar"
    assert config.settings()["server"] == config.DEFAULTS["server"]


def test_logging_out_removes_the_certificate_once(cadc, home):
    del cadc
    home.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    # The server in use is CANFAR. Its provider is CADC, which makes certificates.
    home.run("login")
    assert home.run("logout", "-o", "name").stdout == f"{home.certificate}\n"
    assert not home.certificate.exists()
    assert home.run("logout", "-o", "json").stdout == "[]\n"


def test_a_notebook_asks_for_the_password(cadc, home):
    del cadc
    manager, client = start_new_kernel(kernel_name="python3", env=home.env)
    prompts = []

    def respond(message):
        prompts.append((message["content"]["prompt"], message["content"]["password"]))
        client.input(PASSWORD if prompts[-1][1] else USER)

    try:
        code = "import skaha; print(skaha.login('cadc').user)"
        result = client.execute_interactive(
            code, allow_stdin=True, stdin_hook=respond, output_hook=lambda _: None, timeout=30
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert result["content"]["status"] == "ok", result["content"]
    assert prompts == [("", False), (f"Password of {USER} at 127.0.0.1: ", True)]
    assert mode(home.certificate) == 0o600
