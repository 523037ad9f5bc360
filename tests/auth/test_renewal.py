"""A token is renewed when it has to be: once, whoever asks, and no login is lost by it."""

import json
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from auth.providers import PASSWORD
from scripted import json_answer

import skaha
from skaha import Session
from skaha.auth import LoginToken
from skaha.errors import CredentialsError

ASK = """
import sys
from skaha.auth import LoginToken

token = LoginToken(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(token(), flush=True)
"""

USE = """
import sys
from skaha import Session
from skaha.auth import LoginToken

Session(server=sys.argv[2], token=LoginToken(sys.argv[1])).fetch()
"""


@pytest.fixture
def token(iam, home, log_in):
    """The token of a login, which has to be renewed."""
    log_in()
    home.age()
    return LoginToken(iam.issuer)


def test_a_fresh_one_is_used_as_it_is(iam, log_in):
    log_in()
    asked = len(iam.received)
    token = LoginToken(iam.issuer)
    assert token() == token() == iam.families[0].access_tokens[0]
    assert len(iam.received) == asked


def test_it_is_renewed_before_it_expires(iam, home, log_in):
    log_in()
    home.age(obtained=time.time() - 3590, expires=time.time() + 10)
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]


def test_a_short_life_is_not_renewed_at_each_request(iam, log_in):
    iam.life = 20
    log_in()
    token = LoginToken(iam.issuer)
    assert token() == token()
    assert iam.renewals == 0


def test_threads_renew_it_once(iam, token):
    everybody = threading.Barrier(10)

    def ask(_):
        everybody.wait()
        return token()

    with ThreadPoolExecutor(10) as pool:
        tokens = set(pool.map(ask, range(10)))
    assert tokens == {iam.families[0].access_tokens[-1]}
    assert iam.renewals == 1


def test_processes_renew_it_once(iam, token, home):
    processes = [home.python(ASK, token.issuer) for _ in range(4)]
    # It takes as long as it takes for all of them to be there.
    iam.gate.clear()
    for one in processes:
        assert one.stdout.readline() == "ready\n"
    for one in processes:
        one.stdin.write("go\n")
        one.stdin.flush()
    assert iam.knocked.wait(20)
    iam.gate.set()
    answers = {one.communicate(timeout=20)[0] for one in processes}
    assert answers == {iam.families[0].access_tokens[-1] + "\n"}
    assert iam.renewals == 1


def test_each_renewal_uses_the_newest_refresh_token(iam, token, home):
    for _ in range(3):
        home.age()
        LoginToken(token.issuer)()
    # The provider revokes everything when it sees an old one.
    assert iam.renewals == 3
    assert iam.families[0].alive


def test_a_provider_that_does_not_rotate_is_fine_too(iam, token, home):
    iam.rotates = False
    for _ in range(2):
        home.age()
        LoginToken(token.issuer)()
    assert iam.renewals == 2
    assert iam.families[0].alive


def test_a_process_that_is_killed_while_it_asks_blocks_nobody(iam, token, home):
    iam.gate.clear()
    with home.python(ASK, token.issuer) as asking:
        asking.stdin.write("go\n")
        asking.stdin.flush()
        assert iam.knocked.wait(20)
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    # What it asked is lost with it.
    iam.away = True
    iam.gate.set()
    assert iam.missed.wait(20)
    iam.away = False
    assert token() == iam.families[0].access_tokens[-1]


def test_a_process_that_is_killed_after_the_renewal_loses_nothing(iam, token, home, scripted):
    """The new refresh token is kept before the new access token is used for the first time."""
    seen, over = threading.Event(), threading.Event()

    def platform(_):
        seen.set()
        over.wait()

    scripted.answer = platform
    with home.python(USE, token.issuer, scripted.url) as using:
        assert seen.wait(20)
        using.send_signal(signal.SIGKILL)
        using.wait()
    over.set()
    assert iam.renewals == 1
    home.age()
    assert LoginToken(token.issuer)() == iam.families[0].access_tokens[-1]
    assert iam.families[0].alive


FULL = """
import resource
import sys
from skaha.auth import LoginToken

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    LoginToken(sys.argv[1])()
except ValueError as error:
    print(error)
"""


def test_where_nothing_can_be_written_nothing_is_renewed(iam, token, home):
    with home.python(FULL, token.issuer) as program:
        assert "cannot be written: File too large" in program.communicate(timeout=20)[0]
    assert iam.renewals == 0
    assert token() == iam.families[0].access_tokens[1]


def test_an_ended_login_says_what_to_do_and_asks_the_provider_once(iam, token):
    iam.families[0].alive = False
    for _ in range(3):
        with pytest.raises(CredentialsError, match=r"has ended.*`skaha login`"):
            token()
    assert iam.renewals == 1


def test_the_words_of_the_provider_are_told(iam, token):
    iam.families[0].alive = False
    with pytest.raises(CredentialsError, match="invalid_grant: this refresh token is of no use"):
        token()


def test_a_provider_that_is_away_does_no_harm_while_the_token_lives(iam, token, home):
    iam.away = True
    with pytest.raises(CredentialsError, match=r"cannot be renewed now: 127.0.0.1 cannot be reach"):
        token()
    home.age(expires=time.time() + 10)
    assert token() == iam.families[0].access_tokens[0]
    iam.away = False
    home.age()
    assert LoginToken(token.issuer)() == iam.families[0].access_tokens[1]


def test_a_login_that_ends_soon_says_so_once(iam, log_in):
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
    done = log_in(server=platform.url)
    [item] = json.loads(home.run("auth", "-o", "json").stdout)
    assert item["expires"] == f"{done.expires:%Y-%m-%dT%H:%M:%SZ}"


def test_every_request_of_a_fan_out_has_the_renewed_token(variant, scripted, iam, token):
    def platform(received):
        good = iam.families[0].access_tokens[-1]
        assert received.headers["authorization"] == f"Bearer {good}"
        return json_answer([])

    scripted.answer = platform
    session = variant.open(server=scripted.url, token=token)
    variant.run(session.events([f"abcd{number:04}" for number in range(40)]))
    assert len(scripted.received) == 40
    assert iam.renewals == 1


def test_without_a_login_nothing_is_sent(scripted, home):
    del home
    with (
        Session(server=scripted.url, token=LoginToken("https://iam.example.org")) as session,
        pytest.raises(CredentialsError, match=r"nobody is logged in at https://iam.example.org"),
    ):
        session.fetch()
    assert scripted.received == []


def test_a_file_that_is_damaged_is_no_login(iam, token, home, log_in):
    [path] = home.kept_logins
    path.write_text("{")
    with pytest.raises(CredentialsError, match="nobody is logged in"):
        token()
    log_in()
    assert token() == iam.families[-1].access_tokens[0]
    assert PASSWORD not in path.read_text()
    assert skaha.logout(iam.issuer) == [str(path)]
