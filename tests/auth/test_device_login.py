"""Logins by OpenID Connect: the terminal shows a code, and a person enters it in a browser."""

import asyncio
import json
import stat
import threading
import time

import pexpect
import pytest
from auth.providers import USER
from scripted import Response, json_response

import skaha
from skaha import config
from skaha.auth import LoginToken
from skaha.errors import ConnectionFailedError, CredentialsError, InvalidInputError

SERVER = "http://127.0.0.1:9/skaha"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_session_is_opened_with_the_token_of_the_login(variant, platform, iam, log_in):
    iam.fixed = platform.token
    result = log_in(server=platform.url)
    assert (result.user, result.provider, result.method) == (USER, iam.issuer, "oidc")
    assert result.server == platform.url
    # The configuration now contains all settings.
    assert config.settings().profile == result.profile
    assert isinstance(config.settings()["token"], LoginToken)
    assert config.settings().sources["token"].startswith(f"login at {iam.issuer}, named by profile")
    assert variant.run(variant.open().fetch()) == []
    # The token is for that platform only.
    assert "token" not in config.settings(server="http://127.0.0.1:9/skaha")


def test_only_the_owner_can_read_a_stored_login(home, log_in):
    result = log_in()
    [path] = home.stored_logins
    assert result.place == str(path)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert mode(home.config) == 0o600
    assert "canary" not in home.config.read_text()


def test_a_login_works_in_a_notebook_with_a_running_event_loop(log_in, platform, iam):
    iam.fixed = platform.token

    async def cell():
        log_in(server=platform.url)
        async with skaha.AsyncSession() as session:
            return await session.fetch()

    assert asyncio.run(cell()) == []


def test_the_command_shows_the_code_and_waits(iam, home, platform):
    iam.fixed = platform.token
    home.sites(
        f'[providers.site-iam]\nmethod = "oidc"\nurl = "{iam.issuer}"\n'
        f'[servers.site]\nprovider = "site-iam"\nurl = "{platform.url}"\n'
    )
    with home.at_a_terminal("login", "site") as terminal:
        terminal.expect(f"Open {iam.issuer}device\r\n")
        terminal.expect(r"enter the code (WDJB-\d+) within 10 min")
        code = terminal.match[1]
        # The QR code consists of half blocks.
        terminal.expect("▄.*█")
        iam.decide(code)
        terminal.expect(f"{USER} +site-iam +oidc")
        terminal.expect(pexpect.EOF)
        assert terminal.wait() == 0
    [item] = home.run("auth", "-o", "ndjson").stdout.splitlines()
    assert '"method": "login"' in item
    assert f"login at {iam.issuer}, named by profile site" in item
    # Without a name, the command uses the provider of the server in use.
    assert len(home.run("logout", "-o", "name").stdout.splitlines()) == 1
    assert "there is no login" in home.run("ps", code=4).stderr


def change_response(iam, path, **changes):
    """Change fields in the responses of a provider for one path."""
    respond_as_usual = iam.respond

    def respond(received):
        response = respond_as_usual(received)
        if received.path != path:
            return response
        return json_response(json.loads(response.body) | changes)

    iam.respond = respond


@pytest.mark.parametrize("life", [None, float("inf"), float("nan"), 0])
def test_a_code_without_a_usable_lifetime_gets_the_default(iam, log_in, life):
    change_response(iam, "/devicecode", expires_in=life)
    minutes = []

    def show(device):
        skaha.auth.show_code(device)
        minutes.append((device.expires - time.time()) / 60)
        iam.decide(device.code)

    log_in(show=show)
    assert 9 < minutes[0] <= 10


@pytest.mark.parametrize("interval", [None, 0, -1, float("nan")])
def test_a_provider_without_a_usable_interval_is_asked_at_the_default_interval(
    iam, log_in, interval
):
    change_response(iam, "/devicecode", interval=interval, expires_in=0.1)
    intervals = []
    with pytest.raises(CredentialsError, match="not entered in time"):
        log_in(show=lambda device: intervals.append(device.interval))
    assert intervals == [5]


def test_a_login_that_ends_after_the_last_year_of_the_calendar_has_no_end(iam, log_in):
    change_response(iam, "/token", refresh_expires_in=1e300)
    assert log_in().expires is None


@pytest.mark.parametrize(
    "tokens",
    [{"access_token": "é"}, {"access_token": "a\nb"}, {"access_token": ""}, {"refresh_token": 5}],
)
def test_tokens_that_cannot_be_sent_are_not_stored(iam, home, log_in, tokens):
    change_response(iam, "/token", **tokens)
    with pytest.raises(CredentialsError, match="sent no token that can be used"):
        log_in()
    assert home.stored_logins == []


def test_a_pipe_gets_no_qr_code(capsys, iam, log_in):
    def show(device):
        skaha.auth.show_code(device)
        iam.decide(device.code)

    log_in(show=show)
    output = capsys.readouterr()
    assert output.out == ""
    first, second = output.err.splitlines()
    assert first == f"Open {iam.issuer}device"
    assert second.startswith("and enter the code WDJB-")


def test_the_program_registers_once(iam, log_in):
    log_in()
    log_in()
    assert iam.count("/register") == 1
    # The provider deletes the registration.
    iam.clients.clear()
    log_in()
    assert iam.count("/register") == 2


def test_a_known_client_needs_no_registration(iam, log_in):
    iam.registers = False
    iam.clients["mine"] = "canary-secret-of-mine"
    with pytest.raises(CredentialsError, match=r"status 403, access_denied: no more programs"):
        log_in()
    log_in(client_id="mine", client_secret="canary-secret-of-mine")
    iam.description = {"registration_endpoint": None}
    with pytest.raises(CredentialsError, match=r"refuses: invalid_client: who is that\?"):
        log_in(client_id="mine", client_secret="wrong")


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post", "none"])
def test_the_program_authenticates_by_the_method_of_its_registration(
    iam, home, log_in, client_auth
):
    iam.client_auth = client_auth
    log_in()
    home.expire_token()
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]
    assert len(skaha.logout(iam.issuer)) == 1
    assert not iam.families[0].alive


def test_an_unknown_method_of_authentication_is_reported(iam, log_in):
    iam.client_auth = "private_key_jwt"
    with pytest.raises(CredentialsError, match="'private_key_jwt', which is not supported"):
        log_in()


def test_slow_down_makes_the_interval_longer(iam, log_in, monkeypatch):
    iam.slow_downs = 1
    intervals = []
    monkeypatch.setattr(time, "sleep", intervals.append)
    log_in()
    first, second = intervals
    assert second == first + 5
    assert iam.count("/token") == 2


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        ("access_denied", r"the login was denied; .* refuses: access_denied: says the person"),
        ("expired_token", r"the code was not entered in time: log in again"),
        ("server_error", r"refuses: server_error: says the person"),
    ],
)
def test_a_login_ends_when_the_provider_refuses(iam, log_in, home, verdict, message):
    with pytest.raises(CredentialsError, match=message):
        log_in(show=lambda device: iam.decide(device.code, verdict))
    assert home.stored_logins == []
    assert not home.config.exists()


def test_a_login_ends_when_the_code_has_expired(iam, log_in):
    iam.code_life = 0.05
    with pytest.raises(CredentialsError, match="not entered in time"):
        log_in(show=lambda _: None)


def test_a_request_is_repeated_while_the_provider_is_unreachable(iam, log_in):
    def show(device):
        iam.is_unreachable = True
        iam.decide(device.code)
        threading.Timer(0.1, setattr, (iam, "is_unreachable", False)).start()

    log_in(show=show)
    assert iam.count("/token") > 1


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"issuer": "https://other.example.org"}, "describes another provider"),
        ({"device_authorization_endpoint": None}, "does not support logins by device"),
    ],
)
def test_an_unusable_provider_is_reported(iam, log_in, description, message):
    iam.description = description
    with pytest.raises(CredentialsError, match=message):
        log_in()


def test_secrets_are_sent_over_secure_connections_only(iam, log_in):
    iam.description = {"token_endpoint": "http://iam.example.org/token"}
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        log_in()
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        skaha.login("http://iam.example.org/", server=SERVER)
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        log_in(server="http://platform.example.org/skaha")


def test_a_server_that_is_not_a_provider_is_reported(iam, log_in):
    iam.respond = lambda _: Response(200, "<html>Welcome</html>", "text/html")
    with pytest.raises(CredentialsError, match="is not a JSON object"):
        log_in()
    iam.is_unreachable, iam.respond = True, iam._respond
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        log_in()


def test_a_token_is_not_sent_to_a_platform_that_has_another_provider(iam):
    # The default server is CANFAR. Its provider is CADC, which makes certificates.
    with pytest.raises(InvalidInputError, match=r"the login at .* needs a server"):
        skaha.login(iam.issuer)
    assert iam.received == []


def test_the_error_of_an_unknown_name_lists_the_known_names():
    with pytest.raises(
        InvalidInputError, match=r"unknown server or provider 'swe'; known are .*sweSRC"
    ):
        skaha.login("swe")
    with pytest.raises(
        InvalidInputError, match=r"the provider of credentials for http.* is unknown"
    ):
        skaha.login(server=SERVER)


@pytest.mark.parametrize("show", [5, "show", asyncio.sleep])
def test_a_wrong_function_for_the_code_is_refused_before_a_login(iam, show):
    with pytest.raises(InvalidInputError, match="show must be a function"):
        skaha.login(iam.url, server=SERVER, show=show)
    assert iam.received == []


def test_a_profile_of_another_server_does_not_change(home, log_in):
    config.save("server", "https://site.example.org/skaha", "mine")
    assert log_in().profile == "127.0.0.1"
    assert config.settings("mine")["server"] == "https://site.example.org/skaha"
    assert config.settings()["server"] == SERVER
    assert log_in(profile="third").profile == "third"
    del home


def test_a_user_and_a_password_are_refused_for_openid_connect(iam, log_in):
    with pytest.raises(InvalidInputError, match="does not accept a user and a password"):
        log_in(user=USER, password="a-password")
    assert iam.received == []


def test_a_slash_at_the_end_of_a_provider_makes_no_difference(iam, log_in):
    log_in()
    assert LoginToken(iam.issuer.rstrip("/"))() == iam.families[0].access_tokens[0]
    assert len(skaha.logout(iam.issuer.rstrip("/"))) == 1


def test_other_programs_get_the_token_from_the_command(iam, home, log_in):
    log_in()
    token = iam.families[0].access_tokens[0]
    assert home.run("config", "get", "token").stdout == f"{token}\n"
    assert token not in home.run("config", "show").stdout


LIBRARIES = {"cryptography", "filelock", "keyring", "segno", "tomlkit"}
CHECK_IMPORTS = f"""
import sys
import skaha
from skaha import *
from skaha.cli._app import run

with skaha.Session():
    skaha.config.settings()["token"]()
assert run(["--help"]) == 0
assert not {LIBRARIES} & sys.modules.keys()
"""


def test_libraries_are_imported_only_when_they_are_needed(home, log_in):
    log_in()
    with home.python(CHECK_IMPORTS) as program:
        assert program.communicate(timeout=60)[0].startswith("Usage: ")
    assert program.returncode == 0


LOGIN_WITHOUT_SEGNO = """
import sys
import skaha

sys.modules["segno"] = None
try:
    skaha.login(sys.argv[1], server="http://127.0.0.1:9/skaha")
except ValueError as error:
    print(error)
"""


def test_a_missing_library_is_named_with_its_extra(iam, home):
    with home.python(LOGIN_WITHOUT_SEGNO, iam.issuer) as program:
        printed = program.communicate(timeout=60)[0]
    assert printed.startswith("logging in needs segno")
    assert "pip install 'skaha[login]>=2'" in printed
    assert iam.received == []


def test_logging_out_revokes_and_removes_a_login_once(iam, home, log_in):
    log_in()
    [path] = home.stored_logins
    assert skaha.logout(iam.issuer) == [str(path)]
    assert home.stored_logins == []
    assert not iam.families[0].alive
    assert skaha.logout(iam.issuer) == []
    with pytest.raises(CredentialsError, match=r"there is no login at .*`skaha login`"):
        config.settings()["token"]()
    # The profile still contains the provider, so no name is needed.
    show = lambda device: iam.decide(device.code)  # noqa: E731
    assert skaha.login(show=show).server == SERVER


@pytest.mark.parametrize("reason", ["unreachable", "no endpoint", "refuses"])
def test_a_login_that_cannot_be_revoked_is_removed_anyway(iam, home, log_in, caplog, reason):
    if reason == "no endpoint":
        iam.description = {"revocation_endpoint": None}
    log_in()
    iam.is_unreachable = reason == "unreachable"
    if reason == "refuses":
        iam.clients.clear()
    assert len(skaha.logout(iam.issuer)) == 1
    assert home.stored_logins == []
    assert "does not revoke the login" in caplog.text
