"""The secrets of a login are only in their store, not in texts, errors or logs."""

import base64
import json
import logging
import traceback

import pytest
from auth.providers import PASSWORD, USER
from scripted import Response

import skaha
from skaha import config
from skaha.auth import LoginToken
from skaha.errors import InvalidInputError, SkahaError

CANARY = "canary"


@pytest.fixture
def logged(caplog):
    """Record the logs of all libraries at all levels; check that they contain no secret."""
    caplog.set_level(0)
    for name in ("skaha", "httpx", "httpcore", "keyring", "filelock"):
        caplog.set_level(0, name)
    yield caplog
    records = caplog.get_records("call")
    assert any(record.name.startswith("httpcore") for record in records)
    texts = [text for record in records for text in (record.getMessage(), repr(vars(record)))]
    assert not [text for text in texts if CANARY in text]


def traceback_of(error):
    """Return the traceback with all local variables."""
    formatted = traceback.TracebackException.from_exception(error, capture_locals=True)
    # Leave out the frames of this file and of the servers, because they contain the secrets.
    for part in _chain(formatted):
        part.stack[:] = [frame for frame in part.stack if "/tests/auth/" not in frame.filename]
    return "".join(formatted.format()) + repr(error) + str(vars(error))


def _chain(part):
    """Yield the traceback of an error and those of its causes."""
    while part is not None:
        yield part
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)


def addresses(server):
    return [f"{request.path} {request.query}" for request in server.received]


def test_a_login_by_password_shows_no_secret(logged, cadc):
    result = skaha.login("cadc", user=USER, password=PASSWORD)
    assert CANARY not in repr(result)
    assert "PRIVATE KEY" not in logged.text
    assert not [text for text in addresses(cadc) if CANARY in text]


@pytest.mark.parametrize(
    "response",
    [
        *(Response(401, "no"), Response(403, "<html>no</html>", "text/html")),
        *(Response(500, "oh"), Response(200, "x"), None),
    ],
)
def test_a_failed_login_by_password_shows_no_secret(logged, cadc, response):
    del logged
    cadc.respond = lambda _: response
    with pytest.raises(SkahaError) as caught:
        skaha.login("cadc", user=USER, password=PASSWORD)
    text = traceback_of(caught.value)
    assert "fetch_certificate" in text or "save_certificate" in text
    assert CANARY not in text


def test_a_provider_that_quotes_the_header_shows_no_secret(logged, cadc):
    """The header contains the password in Base64."""
    del logged
    cadc.respond = lambda received: Response(403, f"refused: {received.headers['authorization']}")
    with pytest.raises(SkahaError, match=r"refused: Basic \.\.\.") as caught:
        skaha.login("cadc", user=USER, password=PASSWORD)
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert encoded not in traceback_of(caught.value)


@pytest.mark.parametrize("problem", ["open to others", "damaged"])
def test_the_error_of_an_unusable_netrc_shows_no_secret(cadc, home, problem):
    home.netrc(
        f"machine 127.0.0.1 login {USER} password {PASSWORD}\n"
        + (f"{PASSWORD}\n" if problem == "damaged" else ""),
        0o644,
    )
    with pytest.raises(SkahaError, match=r"netrc") as caught:
        skaha.login("cadc")
    assert "_find_in_netrc" in traceback_of(caught.value)
    assert CANARY not in traceback_of(caught.value)
    assert cadc.received == []


def test_a_login_by_device_and_its_renewal_show_no_secret(logged, iam, home, log_in):
    devices = []

    def show(device):
        devices.append(repr(device))
        iam.decide(device.code)

    result = log_in(show=show)
    home.expire_token()
    token = LoginToken(iam.issuer)
    token()
    texts = [repr(result), *devices, repr(token), repr(vars(token)), repr(config.settings())]
    assert not [text for text in texts if CANARY in text]
    assert not [text for text in addresses(iam) if CANARY in text]
    assert skaha.logout(iam.issuer)
    del logged


URL = f"https://user:{CANARY}@iam.example.org"
URLS = [URL, URL.replace(CANARY, f"{CANARY}/{CANARY}"), URL.replace("https://", "")]
CALLS = {
    "login": skaha.login,
    "login with a server": lambda url: skaha.login("srcnet", server=url),
    "logout": skaha.logout,
    "discover": skaha.auth.discover,
    "LoginToken": LoginToken,
    "Session": skaha.Session,
    "save login": lambda url: config.save("login", url),
    "save server": lambda url: config.save("server", url),
}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_an_error_hides_the_password_in_a_url(call, url):
    with pytest.raises(InvalidInputError) as caught:
        call(url)
    assert CANARY not in traceback_of(caught.value)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("key", ["login", "server"])
def test_an_error_hides_the_password_in_a_configured_url(home, monkeypatch, key, url):
    monkeypatch.setenv(f"SKAHA_{key.upper()}", url)
    with pytest.raises(InvalidInputError) as caught:
        config.settings()
    assert CANARY not in traceback_of(caught.value)
    monkeypatch.delenv(f"SKAHA_{key.upper()}")
    home.config.parent.mkdir(parents=True)
    home.config.touch(mode=0o600)
    home.config.write_text(f"active = 'a'\n[profiles.a]\n{key} = '{url}'\n")
    with pytest.raises(InvalidInputError, match="line 3") as caught:
        config.settings()
    assert CANARY not in traceback_of(caught.value)


def test_the_commands_do_not_show_the_password_in_a_url(home):
    for words in (["login"], ["logout"], ["servers"], ["config", "set", "login"], ["--server"]):
        more = ["ps"] if words == ["--server"] else []
        result = home.run(*words, URL, *more, code=2)
        assert CANARY not in result.stdout + result.stderr


INVALID_RESPONSES = [
    Response(400, '{"error": "invalid_request"}', "application/json"),
    Response(400, "no"),
    Response(200, "[]", "application/json"),
    Response(200, '{"expires_in": "soon", "access_token": 5}', "application/json"),
    Response(200, "<html>", "text/html"),
    Response(503, "oh"),
    None,
]


@pytest.mark.parametrize("response", INVALID_RESPONSES)
@pytest.mark.parametrize("path", ["/register", "/devicecode", "/token"])
def test_a_failed_login_by_device_shows_no_secret(logged, iam, log_in, path, response):
    del logged
    iam.code_life = 0.2
    respond_as_usual = iam.respond
    iam.respond = lambda received: response if received.path == path else respond_as_usual(received)
    with pytest.raises(SkahaError) as caught:
        log_in()
    assert CANARY not in traceback_of(caught.value)
    for pair in iam.clients.items():
        assert base64.b64encode(":".join(pair).encode()).decode() not in traceback_of(caught.value)


@pytest.mark.parametrize("response", INVALID_RESPONSES)
def test_a_failed_renewal_shows_no_secret(logged, iam, home, log_in, response):
    del logged
    log_in()
    home.expire_token()
    iam.respond = lambda _: response
    with pytest.raises(SkahaError) as caught:
        LoginToken(iam.issuer)()
    assert "_renew" in traceback_of(caught.value)
    assert CANARY not in traceback_of(caught.value)


def test_the_verbose_command_shows_no_secret(cadc, iam, home, log_in):
    home.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    result = home.run("-v", "login", "cadc")
    assert CANARY not in result.stdout + result.stderr
    cadc.respond = lambda _: Response(401, "no")
    failed = home.run("login", "cadc", code=4)
    assert CANARY not in failed.stdout + failed.stderr
    log_in()
    for words in (["config", "show", "-o", "json"], ["-v", "logout", iam.issuer]):
        result = home.run(*words)
        assert CANARY not in result.stdout + result.stderr
    assert logging.getLogger("skaha").level == logging.NOTSET
    assert json.loads(home.run("config", "show", "-o", "json").stdout)
