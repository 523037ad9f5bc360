"""A login by OpenID Connect: a code on the terminal, and a person with any browser."""

import asyncio
import json
import stat
import threading
import time

import pexpect
import pytest
from auth.providers import USER
from scripted import Answer, json_answer

import skaha
from skaha import config
from skaha.auth import LoginToken
from skaha.errors import ConnectionFailedError, CredentialsError, InvalidInputError

SERVER = "http://127.0.0.1:9/skaha"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_session_is_opened_with_the_token_of_the_login(variant, platform, iam, log_in):
    iam.fixed = platform.token
    done = log_in(server=platform.url)
    assert (done.user, done.provider, done.method) == (USER, iam.issuer, "oidc")
    assert done.server == platform.url
    # Everything comes from the configuration now.
    assert config.settings().profile == done.profile
    assert isinstance(config.settings()["token"], LoginToken)
    assert config.settings().sources["token"].startswith(f"login at {iam.issuer}, named by profile")
    assert variant.run(variant.open().fetch()) == []
    # It is for that platform, and for no other.
    assert "token" not in config.settings(server="http://127.0.0.1:9/skaha")


def test_it_is_kept_for_its_owner_alone(home, log_in):
    done = log_in()
    [path] = home.kept_logins
    assert done.place == str(path)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert mode(home.config) == 0o600
    assert "canary" not in home.config.read_text()


def test_it_works_in_a_notebook_where_a_loop_runs(log_in, platform, iam):
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
        # The QR code, in half blocks.
        terminal.expect("▄.*█")
        iam.decide(code)
        terminal.expect(f"{USER} +site-iam +oidc")
        terminal.expect(pexpect.EOF)
        assert terminal.wait() == 0
    [item] = home.run("auth", "-o", "ndjson").stdout.splitlines()
    assert '"method": "login"' in item
    assert f"login at {iam.issuer}, named by profile site" in item
    # Without a name, it is the provider of the server in use.
    assert len(home.run("logout", "-o", "name").stdout.splitlines()) == 1
    assert "nobody is logged in" in home.run("ps", code=4).stderr


def saying(iam, path, **changes):
    """Let a provider change what it says in one place."""
    usual = iam.answer

    def answer(received):
        said = usual(received)
        if received.path != path:
            return said
        return json_answer(json.loads(said.body) | changes)

    iam.answer = answer


@pytest.mark.parametrize("life", [None, float("inf"), float("nan"), 0])
def test_a_code_without_a_usable_life_has_the_usual_one(iam, log_in, life):
    saying(iam, "/devicecode", expires_in=life)
    shown = []

    def show(device):
        skaha.auth.show_code(device)
        shown.append((device.expires - time.time()) / 60)
        iam.decide(device.code)

    log_in(show=show)
    assert 9 < shown[0] <= 10


@pytest.mark.parametrize("pause", [None, 0, -1, float("nan")])
def test_a_provider_without_a_usable_pause_is_not_asked_all_the_time(iam, log_in, pause):
    saying(iam, "/devicecode", interval=pause, expires_in=0.1)
    pauses = []
    with pytest.raises(CredentialsError, match="not entered in time"):
        log_in(show=lambda device: pauses.append(device.interval))
    assert pauses == [5]


def test_a_login_may_outlive_the_calendar(iam, log_in):
    saying(iam, "/token", refresh_expires_in=1e300)
    assert log_in().expires is None


@pytest.mark.parametrize(
    "tokens",
    [{"access_token": "é"}, {"access_token": "a\nb"}, {"access_token": ""}, {"refresh_token": 5}],
)
def test_tokens_that_cannot_be_sent_are_not_kept(iam, home, log_in, tokens):
    saying(iam, "/token", **tokens)
    with pytest.raises(CredentialsError, match="gives no token in its answer"):
        log_in()
    assert home.kept_logins == []


def test_in_a_pipe_there_is_no_qr_code(capsys, iam, log_in):
    def show(device):
        skaha.auth.show_code(device)
        iam.decide(device.code)

    log_in(show=show)
    shown = capsys.readouterr()
    assert shown.out == ""
    first, second = shown.err.splitlines()
    assert first == f"Open {iam.issuer}device"
    assert second.startswith("and enter the code WDJB-")


def test_this_program_registers_once(iam, log_in):
    log_in()
    log_in()
    assert iam.count("/register") == 1
    # The provider has forgotten it.
    iam.clients.clear()
    log_in()
    assert iam.count("/register") == 2


def test_a_client_that_the_provider_knows_needs_no_registration(iam, log_in):
    iam.registers = False
    iam.clients["mine"] = "canary-secret-of-mine"
    with pytest.raises(CredentialsError, match=r"answered 403, access_denied: no more programs"):
        log_in()
    log_in(client_id="mine", client_secret="canary-secret-of-mine")
    iam.described = {"registration_endpoint": None}
    with pytest.raises(CredentialsError, match=r"refuses: invalid_client: who is that\?"):
        log_in(client_id="mine", client_secret="wrong")


def test_it_asks_more_slowly_when_it_is_told_to(iam, log_in, monkeypatch):
    iam.slow_downs = 1
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    log_in()
    first, second = pauses
    assert second == first + 5
    assert iam.count("/token") == 2


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("access_denied", r"the login was denied; .* refuses: access_denied: says the person"),
        ("expired_token", r"the code was not entered in time: log in again"),
        ("server_error", r"refuses: server_error: says the person"),
    ],
)
def test_it_ends_when_the_provider_says_so(iam, log_in, home, verdict, words):
    with pytest.raises(CredentialsError, match=words):
        log_in(show=lambda device: iam.decide(device.code, verdict))
    assert home.kept_logins == []
    assert not home.config.exists()


def test_it_ends_when_the_code_has_expired(iam, log_in):
    iam.code_life = 0.05
    with pytest.raises(CredentialsError, match="not entered in time"):
        log_in(show=lambda _: None)


def test_a_provider_that_is_away_for_a_moment_is_asked_again(iam, log_in):
    def show(device):
        iam.away = True
        iam.decide(device.code)
        threading.Timer(0.1, setattr, (iam, "away", False)).start()

    log_in(show=show)
    assert iam.count("/token") > 1


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"issuer": "https://other.example.org"}, "describes another provider"),
        ({"device_authorization_endpoint": None}, "no login by device"),
    ],
)
def test_a_provider_that_cannot_be_used_is_told(iam, log_in, described, words):
    iam.described = described
    with pytest.raises(CredentialsError, match=words):
        log_in()


def test_secrets_go_nowhere_where_others_could_read_them(iam, log_in):
    iam.described = {"token_endpoint": "http://iam.example.org/token"}
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        log_in()
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        skaha.login("http://iam.example.org/", server=SERVER)
    with pytest.raises(InvalidInputError, match="must be an https URL"):
        log_in(server="http://platform.example.org/skaha")


def test_what_is_no_provider_is_told(iam, log_in):
    iam.answer = lambda _: Answer(200, "<html>Welcome</html>", "text/html")
    with pytest.raises(CredentialsError, match="is no JSON object"):
        log_in()
    iam.away, iam.answer = True, iam._answer
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        log_in()


def test_a_token_is_not_sent_to_a_platform_that_has_another_provider(iam):
    # Without a server, it would be CANFAR's, for which CADC makes certificates.
    with pytest.raises(InvalidInputError, match=r"which server is the login at .* for"):
        skaha.login(iam.issuer)
    assert iam.received == []


def test_unknown_names_are_told_with_the_known_ones():
    with pytest.raises(InvalidInputError, match=r"nothing is known by the name 'swe'.*sweSRC"):
        skaha.login("swe")
    with pytest.raises(InvalidInputError, match="nobody knows who hands out credentials for http"):
        skaha.login(server=SERVER)


def test_a_profile_of_another_server_is_left_alone(home, log_in):
    config.save("server", "https://site.example.org/skaha", "mine")
    assert log_in().profile == "127.0.0.1"
    assert config.settings("mine")["server"] == "https://site.example.org/skaha"
    assert config.settings()["server"] == SERVER
    assert log_in(profile="third").profile == "third"
    del home


def test_a_user_and_a_password_are_of_no_use_there(iam, log_in):
    with pytest.raises(InvalidInputError, match="takes no user and password"):
        log_in(user=USER, password="a-password")
    assert iam.received == []


def test_the_last_slash_of_a_provider_makes_no_difference(iam, log_in):
    log_in()
    assert LoginToken(iam.issuer.rstrip("/"))() == iam.families[0].access_tokens[0]
    assert len(skaha.logout(iam.issuer.rstrip("/"))) == 1


def test_other_programs_get_the_token_from_the_command(iam, home, log_in):
    log_in()
    good = iam.families[0].access_tokens[0]
    assert home.run("config", "get", "token").stdout == f"{good}\n"
    assert good not in home.run("config", "show").stdout


LIBRARIES = {"authlib", "cryptography", "filelock", "keyring", "segno", "tomlkit"}
UNUSED = f"""
import sys
import skaha
from skaha import *
from skaha.cli._app import run

with skaha.Session():
    skaha.config.settings()["token"]()
assert run(["--help"]) == 0
assert not {LIBRARIES} & sys.modules.keys()
"""


def test_no_library_is_imported_before_it_is_needed(home, log_in):
    log_in()
    with home.python(UNUSED) as program:
        assert program.communicate(timeout=20)[0].startswith("Usage: ")
    assert program.returncode == 0


BARE = """
import sys
import skaha

sys.modules["authlib"] = None
try:
    skaha.login(sys.argv[1], server="http://127.0.0.1:9/skaha")
except ValueError as error:
    print(error)
"""


def test_a_library_that_is_missing_is_named_with_its_extra(iam, home):
    with home.python(BARE, iam.issuer) as program:
        said = program.communicate(timeout=20)[0]
    assert said.startswith("logging in needs authlib")
    assert "pip install 'skaha[login]'" in said
    assert iam.received == []


def test_logging_out_revokes_and_removes_it_once(iam, home, log_in):
    log_in()
    [path] = home.kept_logins
    assert skaha.logout(iam.issuer) == [str(path)]
    assert home.kept_logins == []
    assert not iam.families[0].alive
    assert skaha.logout(iam.issuer) == []
    with pytest.raises(CredentialsError, match=r"nobody is logged in at .*`skaha login`"):
        config.settings()["token"]()
    # The profile still says how, so no names are needed.
    show = lambda device: iam.decide(device.code)  # noqa: E731
    assert skaha.login(show=show).server == SERVER


@pytest.mark.parametrize("reason", ["away", "no endpoint", "refuses"])
def test_a_login_that_cannot_be_revoked_is_removed_all_the_same(iam, home, log_in, caplog, reason):
    if reason == "no endpoint":
        iam.described = {"revocation_endpoint": None}
    log_in()
    iam.away = reason == "away"
    if reason == "refuses":
        iam.clients.clear()
    assert len(skaha.logout(iam.issuer)) == 1
    assert home.kept_logins == []
    assert "does not revoke the login" in caplog.text
