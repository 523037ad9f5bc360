"""Renewal of a token: only when it is necessary, only once, and without losing the login."""

import json
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from auth.providers import PASSWORD
from scripted import Response

import skaha
from skaha import Session
from skaha.auth import LoginToken
from skaha.errors import AuthenticationError, CredentialsError

PRINT_TOKEN = """
import sys
from skaha.auth import LoginToken

token = LoginToken(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(token(), flush=True)
"""

FETCH = """
import sys
from skaha import Session
from skaha.auth import LoginToken

Session(server=sys.argv[2], token=LoginToken(sys.argv[1])).fetch()
"""


@pytest.fixture
def token(iam, home, log_in):
    """Log in and let the token expire; return the token, which needs a renewal."""
    log_in()
    home.expire_token()
    return LoginToken(iam.issuer)


def test_a_fresh_token_is_not_renewed(iam, log_in):
    log_in()
    requests = len(iam.received)
    token = LoginToken(iam.issuer)
    assert token() == token() == iam.families[0].access_tokens[0]
    assert len(iam.received) == requests


def test_a_token_is_renewed_before_it_expires(iam, home, log_in):
    log_in()
    home.expire_token(obtained=time.time() - 3590, expires=time.time() + 10)
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]


@pytest.mark.parametrize("renewals", [0, 1])
def test_a_token_with_a_short_life_is_not_renewed_at_each_request(iam, home, log_in, renewals):
    iam.life = 20
    log_in()
    if renewals:
        home.expire_token()
    token = LoginToken(iam.issuer)
    assert token() == token()
    assert iam.renewals == renewals


def test_the_end_of_a_login_is_not_known_from_an_old_refresh_token(iam, home, log_in):
    iam.refresh_life = 3600
    log_in()
    home.expire_token()
    iam.refresh_life = None
    token = LoginToken(iam.issuer)
    assert token.ends() is not None
    token()
    assert token.ends() is None


def test_threads_renew_a_token_once(iam, token):
    barrier = threading.Barrier(10)

    def get_token(_):
        barrier.wait()
        return token()

    with ThreadPoolExecutor(10) as pool:
        tokens = set(pool.map(get_token, range(10)))
    assert tokens == {iam.families[0].access_tokens[-1]}
    assert iam.renewals == 1


def test_processes_renew_a_token_once(iam, token, home):
    processes = [home.python(PRINT_TOKEN, token.issuer) for _ in range(4)]
    # The renewal waits until all processes have started.
    iam.may_renew.clear()
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert iam.renewal_requested.wait(20)
    iam.may_renew.set()
    printed = {process.communicate(timeout=60)[0] for process in processes}
    assert printed == {iam.families[0].access_tokens[-1] + "\n"}
    assert iam.renewals == 1


def test_each_renewal_uses_the_newest_refresh_token(iam, token, home):
    for _ in range(3):
        home.expire_token()
        LoginToken(token.issuer)()
    # The provider would have revoked the login if it had received an old refresh token.
    assert iam.renewals == 3
    assert iam.families[0].alive


def test_a_provider_may_keep_the_refresh_token(iam, token, home):
    iam.rotates = False
    for _ in range(2):
        home.expire_token()
        LoginToken(token.issuer)()
    assert iam.renewals == 2
    assert iam.families[0].alive


def test_a_process_that_is_killed_during_a_renewal_does_not_block_others(iam, token, home):
    iam.may_renew.clear()
    with home.python(PRINT_TOKEN, token.issuer) as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert iam.renewal_requested.wait(20)
        process.send_signal(signal.SIGKILL)
        process.wait()
    # The request is lost with the process.
    iam.is_unreachable = True
    iam.may_renew.set()
    assert iam.request_lost.wait(20)
    iam.is_unreachable = False
    assert token() == iam.families[0].access_tokens[-1]


def test_a_process_that_is_killed_after_a_renewal_keeps_the_login(iam, token, home, scripted):
    """The new refresh token is stored before the first use of the new access token."""
    request_received, process_ended = threading.Event(), threading.Event()

    def platform(_):
        request_received.set()
        process_ended.wait()

    scripted.respond = platform
    with home.python(FETCH, token.issuer, scripted.url) as process:
        assert request_received.wait(20)
        process.send_signal(signal.SIGKILL)
        process.wait()
    process_ended.set()
    assert iam.renewals == 1
    home.expire_token()
    assert LoginToken(token.issuer)() == iam.families[0].access_tokens[-1]
    assert iam.families[0].alive


RENEW_ON_A_FULL_DISK = """
import resource
import sys
from skaha.auth import LoginToken

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    LoginToken(sys.argv[1])()
except ValueError as error:
    print(error)
"""


def test_a_token_is_not_renewed_if_it_cannot_be_stored(iam, token, home):
    with home.python(RENEW_ON_A_FULL_DISK, token.issuer) as program:
        assert "cannot be written: File too large" in program.communicate(timeout=60)[0]
    assert iam.renewals == 0
    assert token() == iam.families[0].access_tokens[1]


def test_the_error_of_an_ended_login_explains_a_new_login(iam, token):
    iam.families[0].alive = False
    for _ in range(3):
        with pytest.raises(CredentialsError, match=r"has ended.*`skaha login`"):
            token()
    assert iam.renewals == 1


def test_the_error_quotes_the_provider(iam, token):
    iam.families[0].alive = False
    with pytest.raises(CredentialsError, match="invalid_grant: this refresh token is of no use"):
        token()


def test_a_valid_token_is_used_while_the_provider_is_unreachable(iam, token, home):
    iam.is_unreachable = True
    with pytest.raises(CredentialsError, match=r"cannot be renewed now: 127.0.0.1 cannot be reach"):
        token()
    home.expire_token(expires=time.time() + 10)
    assert token() == iam.families[0].access_tokens[0]
    iam.is_unreachable = False
    home.expire_token()
    assert LoginToken(token.issuer)() == iam.families[0].access_tokens[1]


def test_a_valid_token_that_cannot_be_renewed_needs_no_lock(iam, home, log_in):
    log_in()
    home.expire_token(expires=time.time() + 1000, obtained=time.time() - 1e6, refresh_token=None)
    [path] = home.stored_logins
    path.with_suffix(".lock").unlink(missing_ok=True)
    path.with_suffix(".lock").mkdir()
    with pytest.warns(UserWarning, match="ends at"):
        assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[0]
    assert iam.renewals == 0


def test_a_login_that_ends_soon_causes_one_warning(iam, log_in):
    iam.refresh_life = 3600
    assert log_in().expires is not None
    token = LoginToken(iam.issuer)
    with pytest.warns(UserWarning, match="the login at .* ends at .* UTC: log in again"):
        token()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        token()


def test_the_end_of_a_login_is_shown(iam, home, log_in, platform):
    iam.fixed = platform.token
    iam.refresh_life = 10 * 86400
    result = log_in(server=platform.url)
    [item] = json.loads(home.run("auth", "-o", "json").stdout)
    assert item["expires"] == f"{result.expires:%Y-%m-%dT%H:%M:%SZ}"


def test_every_request_of_a_fan_out_uses_the_renewed_token(variant, scripted, iam, token):
    def platform(received):
        newest = iam.families[0].access_tokens[-1]
        assert received.headers["authorization"] == f"Bearer {newest}"
        return Response(200, "<none>")

    scripted.respond = platform
    session = variant.open(server=scripted.url, token=token)
    variant.run(session.events([f"abcd{number:04}" for number in range(40)]))
    assert len(scripted.received) == 40
    assert iam.renewals == 1


def test_without_a_login_no_request_is_sent(scripted, home):
    del home
    with (
        Session(server=scripted.url, token=LoginToken("https://iam.example.org")) as session,
        pytest.raises(CredentialsError, match=r"there is no login at https://iam.example.org"),
    ):
        session.fetch()
    assert scripted.received == []


def test_a_damaged_file_is_not_a_login(iam, token, home, log_in):
    [path] = home.stored_logins
    path.write_text("{")
    with pytest.raises(CredentialsError, match="there is no login"):
        token()
    log_in()
    assert token() == iam.families[-1].access_tokens[0]
    assert PASSWORD not in path.read_text()
    assert skaha.logout(iam.issuer) == [str(path)]


# Tokens that the platform refuses although they have not expired here: revoked, or clocks differ.


@pytest.fixture
def fresh(iam, log_in):
    """Log in; return the token, which has not expired."""
    log_in()
    return LoginToken(iam.issuer)


def accept_newest(scripted, iam, number):
    """Accept only the access token with this number, counted from 0."""

    def respond(received):
        tokens = iam.families[0].access_tokens[number:]
        is_good = received.headers["authorization"] in [f"Bearer {token}" for token in tokens]
        if not is_good:
            return Response(401, "Token has expired")
        return Response(200, "abcd0001\n" if received.method == "POST" else "<none>")

    scripted.respond = respond


def test_a_refused_token_is_renewed_once_and_the_requests_are_repeated(
    variant, scripted, iam, fresh
):
    accept_newest(scripted, iam, 1)
    session = variant.open(server=scripted.url, token=fresh, retry=False)
    ids = [f"abcd{number:04}" for number in range(40)]
    assert len(variant.run(session.events(ids))) == 40
    assert iam.renewals == 1
    assert len(scripted.received) <= 80
    requests = len(scripted.received)
    variant.run(session.events("abcd0000"))
    assert len(scripted.received) == requests + 1


def test_a_launch_is_repeated_after_a_renewal(variant, scripted, iam, fresh):
    accept_newest(scripted, iam, 1)
    session = variant.open(server=scripted.url, token=fresh)
    launched = variant.run(session.create("run", "images.example.org/a/b:1"))
    assert (list(launched), launched.retries, iam.renewals) == (["abcd0001"], 0, 1)
    assert [request.method for request in scripted.received] == ["POST", "POST"]
    assert scripted.received[0].form == scripted.received[1].form


def test_a_launch_is_not_repeated_after_the_sign_in_page_of_another_server(
    variant, scripted, iam, fresh
):
    """The other server may have passed the launch on before it sent its page."""
    scripted.respond = lambda _: Response(401, "<html><title>Sign in</title></html>", "text/html")
    session = variant.open(server=scripted.url, token=fresh, retry=False)
    with pytest.raises(AuthenticationError):
        variant.run(session.create("run", "images.example.org/a/b:1"))
    assert (len(scripted.received), iam.renewals) == (1, 0)


def test_a_new_token_that_is_refused_is_not_renewed(variant, scripted, iam, fresh):
    accept_newest(scripted, iam, 9)
    session = variant.open(server=scripted.url, token=fresh)
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="Token has expired"):
            variant.run(session.fetch())
    assert iam.renewals == 1
    assert len(scripted.received) == 4


def test_a_refused_token_of_an_ended_login_explains_a_new_login(variant, scripted, iam, fresh):
    accept_newest(scripted, iam, 1)
    iam.families[0].alive = False
    session = variant.open(server=scripted.url, token=fresh)
    with pytest.raises(CredentialsError, match=r"fetch: the login at .* has ended.*`skaha login`"):
        variant.run(session.fetch())


def test_a_refused_token_that_cannot_be_renewed_is_reported(variant, scripted, iam, fresh, home):
    accept_newest(scripted, iam, 1)
    session = variant.open(server=scripted.url, token=fresh)
    iam.is_unreachable = True
    with pytest.raises(CredentialsError, match="cannot be renewed now"):
        variant.run(session.fetch())
    home.expire_token(expires=time.time() + 9e5, obtained=time.time(), refresh_token=None)
    session = variant.open(server=scripted.url, token=LoginToken(iam.issuer))
    with pytest.raises(AuthenticationError, match="Token has expired"):
        variant.run(session.fetch())


def test_processes_renew_a_refused_token_once(variant, scripted, iam, fresh):
    accept_newest(scripted, iam, 1)
    for token in (fresh, LoginToken(iam.issuer)):
        variant.run(variant.open(server=scripted.url, token=token).events("abcd0000"))
    assert iam.renewals == 1


@pytest.mark.parametrize("has_new_token", [False, True])
def test_a_token_function_is_called_again_after_a_refusal(variant, scripted, has_new_token):
    tokens = ["old", "new", "newer"] if has_new_token else ["old"] * 9
    scripted.respond = lambda received: (
        Response(200, "[]")
        if "new" in received.headers["authorization"]
        else Response(401, "expired")
    )
    session = variant.open(server=scripted.url, token=lambda: tokens.pop(0))
    if has_new_token:
        assert variant.run(session.fetch()) == []
    else:
        with pytest.raises(AuthenticationError):
            variant.run(session.fetch())
    assert len(scripted.received) == 1 + has_new_token
