"""No secret of a login is written, shown or logged anywhere but where it is kept."""

import base64
import json
import logging
import traceback

import pytest
from auth.providers import PASSWORD, USER
from scripted import Answer

import skaha
from skaha import config
from skaha.auth import LoginToken
from skaha.errors import SkahaError

CANARY = "canary"


@pytest.fixture
def logged(caplog):
    """Everything that anybody logs, at any level."""
    caplog.set_level(0)
    for name in ("skaha", "httpx", "httpcore", "authlib", "keyring", "filelock"):
        caplog.set_level(0, name)
    yield caplog
    records = caplog.get_records("call")
    assert any(record.name.startswith("httpcore") for record in records)
    texts = [text for one in records for text in (one.getMessage(), repr(vars(one)))]
    assert not [text for text in texts if CANARY in text]


def told(error):
    """Return everything that a traceback can show."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The frames of this file and of the servers hold what they have to.
    for part in _chain(shown):
        part.stack[:] = [one for one in part.stack if "/tests/auth/" not in one.filename]
    return "".join(shown.format()) + repr(error) + str(vars(error))


def _chain(shown):
    while shown is not None:
        yield shown
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def requested(server):
    return [f"{one.path} {one.query}" for one in server.received]


def test_a_login_by_password(logged, cadc):
    done = skaha.login("cadc", user=USER, password=PASSWORD)
    assert CANARY not in repr(done)
    assert "PRIVATE KEY" not in logged.text
    assert not [one for one in requested(cadc) if CANARY in one]


@pytest.mark.parametrize("answer", [Answer(401, "no"), Answer(500, "oh"), Answer(200, "x"), None])
def test_a_login_by_password_that_fails(logged, cadc, answer):
    del logged
    cadc.answer = lambda _: answer
    with pytest.raises(SkahaError) as caught:
        skaha.login("cadc", user=USER, password=PASSWORD)
    assert "fetch_certificate" in told(caught.value) or "keep_certificate" in told(caught.value)
    assert CANARY not in told(caught.value)


@pytest.mark.parametrize("problem", ["open to others", "damaged"])
def test_a_netrc_that_cannot_be_used(cadc, home, problem):
    home.netrc(
        f"machine 127.0.0.1 login {USER} password {PASSWORD}\n"
        + (f"{PASSWORD}\n" if problem == "damaged" else ""),
        0o644,
    )
    with pytest.raises(SkahaError, match=r"netrc") as caught:
        skaha.login("cadc")
    assert "_in_netrc" in told(caught.value)
    assert CANARY not in told(caught.value)
    assert cadc.received == []


def test_a_login_by_device_and_its_renewal(logged, iam, home, log_in):
    shown = []

    def show(device):
        shown.append(repr(device))
        iam.decide(device.code)

    done = log_in(show=show)
    home.age()
    token = LoginToken(iam.issuer)
    token()
    texts = [repr(done), *shown, repr(token), repr(vars(token)), repr(config.settings())]
    assert not [text for text in texts if CANARY in text]
    assert not [one for one in requested(iam) if CANARY in one]
    assert skaha.logout(iam.issuer)
    del logged


GARBAGE = [
    Answer(400, '{"error": "invalid_request"}', "application/json"),
    Answer(200, "[]", "application/json"),
    Answer(200, '{"expires_in": "soon", "access_token": 5}', "application/json"),
    Answer(200, "<html>", "text/html"),
    Answer(503, "oh"),
    None,
]


@pytest.mark.parametrize("answer", GARBAGE)
@pytest.mark.parametrize("path", ["/register", "/devicecode", "/token"])
def test_a_login_by_device_that_fails(logged, iam, log_in, path, answer):
    del logged
    iam.code_life = 0.2
    good = iam.answer
    iam.answer = lambda received: answer if received.path == path else good(received)
    with pytest.raises(SkahaError) as caught:
        log_in()
    assert CANARY not in told(caught.value)
    for pair in iam.clients.items():
        assert base64.b64encode(":".join(pair).encode()).decode() not in told(caught.value)


@pytest.mark.parametrize("answer", GARBAGE)
def test_a_renewal_that_fails(logged, iam, home, log_in, answer):
    del logged
    log_in()
    home.age()
    iam.answer = lambda _: answer
    with pytest.raises(SkahaError) as caught:
        LoginToken(iam.issuer)()
    assert "_renewed" in told(caught.value)
    assert CANARY not in told(caught.value)


def test_the_command_says_no_more_with_more_words(cadc, iam, home, log_in):
    home.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    done = home.run("-v", "login", "cadc")
    assert CANARY not in done.stdout + done.stderr
    cadc.answer = lambda _: Answer(401, "no")
    failed = home.run("login", "cadc", code=4)
    assert CANARY not in failed.stdout + failed.stderr
    log_in()
    for words in (["config", "show", "-o", "json"], ["-v", "logout", iam.issuer]):
        done = home.run(*words)
        assert CANARY not in done.stdout + done.stderr
    assert logging.getLogger("skaha").level == logging.NOTSET
    assert json.loads(home.run("config", "show", "-o", "json").stdout)
