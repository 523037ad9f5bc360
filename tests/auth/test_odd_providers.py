"""Unexpected responses of providers cause only short errors of this library."""

import gzip
import itertools
import json
import socket
import threading
import time
from contextlib import suppress

import pytest
from auth.providers import PASSWORD, USER
from scripted import Response, json_response

import skaha
from skaha.auth import LoginToken, discover, token_expiry
from skaha.errors import ConnectionFailedError, CredentialsError, SkahaError, TimedOutError

KEYS = {
    "/.well-known/openid-configuration": (
        *("issuer", "token_endpoint", "device_authorization_endpoint", "registration_endpoint"),
        *("revocation_endpoint", "userinfo_endpoint", "scopes_supported"),
    ),
    "/register": ("client_id", "client_secret", "token_endpoint_auth_method"),
    "/devicecode": (
        *("device_code", "user_code", "verification_uri", "verification_uri_complete"),
        *("expires_in", "interval"),
    ),
    "/token": ("access_token", "refresh_token", "expires_in", "refresh_expires_in", "error"),
    "/userinfo": ("preferred_username", "sub"),
}
ODD = [
    None,
    True,
    -1,
    1e308,
    float("nan"),
    "",
    "\ud800",
    "\x00\x1b[31m",
    "x" * 10_000,
    "https://[",
    f"https://{'a' * 70}/",
    ["a", {}],
    {"a": [[[]]]},
]


def change_response(iam, path, change):
    """Let the function `change` replace the responses for one path."""
    usual = iam.respond

    def respond(received):
        response = usual(received)
        return change(response) if received.path == path else response

    iam.respond = respond


def message_of_a_login(iam):
    """Log in, use the token and log out; return the message of our error, if there is one."""
    try:
        skaha.login(iam.issuer, server="http://127.0.0.1:9/skaha", show=confirm_at(iam))
        LoginToken(iam.issuer)()
        skaha.logout(iam.issuer)
    except SkahaError as error:
        return str(error)
    return ""


def confirm_at(iam):
    return lambda device: iam.decide(device.code)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
@pytest.mark.parametrize("path", KEYS)
@pytest.mark.filterwarnings("ignore:the login at")
def test_an_unexpected_value_causes_an_error_of_this_library_or_none(iam, path, odd):
    iam.code_life = 0.1
    usual = iam.respond
    for key in KEYS[path]:
        change_response(
            iam, path, lambda good, key=key: json_response(json.loads(good.body) | {key: odd})
        )
        message = message_of_a_login(iam)
        assert len(message) < 1500
        assert message.isprintable()
        iam.respond = usual
        skaha.logout(iam.issuer)


@pytest.mark.parametrize("path", KEYS)
@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b'{"a": 9e999}', b"null", b""]
)
def test_unexpected_json_causes_an_error_of_this_library(iam, path, body):
    if path != "/userinfo":
        iam.code_life = 0.1
    change_response(iam, path, lambda _: Response(200, body, "application/json; charset=rot13"))
    message = message_of_a_login(iam)
    assert message.isprintable()
    assert bool(message) == (path != "/userinfo")


def large(total=2**23, part=2**16):
    headers = {"Content-Length": str(total)}
    return Response(200, (b"x" * part for _ in range(total // part)), headers=headers)


def test_a_large_response_is_not_read_to_its_end(iam, log_in, cadc):
    change_response(iam, "/.well-known/openid-configuration", lambda _: large())
    with pytest.raises(CredentialsError, match="larger than 4 MiB"):
        log_in()
    cadc.respond = lambda _: large()
    with pytest.raises(CredentialsError, match="larger than 4 MiB"):
        skaha.login("cadc", user=USER, password=PASSWORD)


def test_a_very_large_registry_counts_as_unreadable(home, scripted, caplog):
    scripted.respond = lambda _: large()
    home.sites(
        f'[providers.here]\nmethod = "oidc"\nurl = "{scripted.url}"\nregistry = "{scripted.url}"\n'
    )
    assert discover("here") == []
    assert "larger than 4 MiB" in caplog.text


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip"])
def test_a_compressed_response_does_not_fill_the_memory(iam, log_in, encoding):
    bomb = gzip.compress(bytes(2**24))
    change_response(
        iam,
        "/.well-known/openid-configuration",
        lambda _: Response(200, bomb, headers={"Content-Encoding": encoding}),
    )
    with pytest.raises(CredentialsError, match="compressed, or larger than 4 MiB"):
        log_in()


def test_a_slow_response_is_not_read_to_its_end(iam, log_in):
    def drip():
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    change_response(
        iam,
        "/.well-known/openid-configuration",
        lambda _: Response(200, drip(), headers={"Content-Length": "1000"}),
    )
    start = time.monotonic()
    with pytest.raises(TimedOutError, match="did not respond in time"):
        log_in(timeout=0.2)
    assert time.monotonic() - start < 30


def test_an_error_hides_secrets_that_the_provider_quotes(iam, home, log_in):
    """Some providers quote the refresh token that they refuse."""
    log_in()
    home.expire_token()
    refresh_token = iam.families[0].refresh_token
    for status in (400, 200, 503):
        body = json.dumps({"error": "x", "error_description": f"bad token: {refresh_token}"})
        iam.respond = lambda _, status=status, body=body: Response(status, body, "application/json")
        with pytest.raises(CredentialsError, match=r"bad token: \.\.\.") as caught:
            LoginToken(iam.issuer)()
        assert refresh_token not in str(caught.value)


def test_an_error_hides_the_password_that_the_service_quotes(cadc):
    cadc.respond = lambda _: Response(403, f"no {PASSWORD}")
    with pytest.raises(CredentialsError, match=r"no \.\.\.$"):
        skaha.login("cadc", user=USER, password=PASSWORD)


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "xn--\u00e9"])
def test_an_invalid_host_name_is_refused_before_a_request_is_sent(host):
    with pytest.raises(SkahaError):
        skaha.login(f"https://{host}/", server="http://127.0.0.1:9/skaha")


def test_a_token_of_brackets_has_no_expiry():
    # This is the Base64 of brackets.
    assert token_expiry(f"a.{'W1tb' * 100_000}.b") is None


def test_a_token_with_the_word_bearer_is_stored_without_it(iam):
    iam.fixed = "Bearer a-token"
    assert message_of_a_login(iam) == ""
    skaha.login(iam.issuer, server="http://127.0.0.1:9/skaha", show=confirm_at(iam))
    assert LoginToken(iam.issuer)() == "a-token"


def test_an_unreachable_provider_is_reported(iam, log_in):
    iam.is_unreachable = True
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        log_in()


ENDLESS = {
    "early responses": lambda: b"HTTP/1.1 100 Continue\r\n\r\n",
    "a header": itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], itertools.repeat(b"x")).__next__,
}


@pytest.mark.parametrize("next_part", ENDLESS.values(), ids=list(ENDLESS))
def test_a_response_without_an_end_is_not_awaited(next_part):
    """Each part comes in time, so the time-out for each part does not end it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def send_for_ever():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while True:
                    connection.sendall(next_part())
                    time.sleep(0.01)

        threading.Thread(target=send_for_ever, daemon=True).start()
        issuer = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        start = time.monotonic()
        with pytest.raises(TimedOutError, match="did not respond in time"):
            skaha.login(issuer, server="http://127.0.0.1:9/skaha", timeout=0.2)
        assert time.monotonic() - start < 5
