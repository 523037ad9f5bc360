"""Where a login is kept: in the keyring of the system, if there is one that keeps secrets."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

import skaha
from skaha.auth import LoginToken
from skaha.errors import CredentialsError

PLACE = "the keyring of the system"


class Memory(KeyringBackend):
    """A keyring that is as good as that of a system, for as long as the test takes."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.locked = False

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked("it is locked")
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        if self.locked:
            raise KeyringLocked("it is locked")
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("it is not there")


class PlainFile(Memory):
    """What others can read."""

    priority = 0.5


@pytest.fixture
def memory():
    one = Memory()
    keyring.set_keyring(one)
    return one


def test_a_login_is_in_the_keyring_and_in_no_file(memory, iam, home, log_in):
    assert log_in().place == PLACE
    assert home.kept_logins == []
    assert list(memory.kept) == [("skaha", iam.issuer.rstrip("/"))]
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[0]


def test_what_is_renewed_stays_in_the_keyring(memory, iam, home, log_in):
    iam.life = 0.001
    log_in()
    iam.life = 3600
    token = LoginToken(iam.issuer)
    assert token() == LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]
    assert iam.families[0].refresh_token in memory.kept["skaha", iam.issuer.rstrip("/")]
    assert home.kept_logins == []
    assert iam.renewals == 1


def test_logging_out_empties_it(memory, iam, log_in):
    log_in()
    assert skaha.logout(iam.issuer) == [PLACE]
    assert memory.kept == {}
    assert skaha.logout(iam.issuer) == []


def test_a_new_login_moves_into_the_keyring(iam, home, log_in):
    log_in()
    assert len(home.kept_logins) == 1
    memory = Memory()
    keyring.set_keyring(memory)
    # Until then, it is used and renewed where it is.
    home.age()
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]
    assert memory.kept == {}
    log_in()
    assert home.kept_logins == []
    assert LoginToken(iam.issuer)() == iam.families[1].access_tokens[0]


def test_a_keyring_that_cannot_be_written_is_left_alone(memory, iam, home, log_in):
    log_in()
    memory.locked = True
    with pytest.raises(CredentialsError, match="keyring of the system cannot be read: it is lock"):
        LoginToken(iam.issuer)()
    place = log_in().place
    assert place == str(home.kept_logins[0])
    memory.locked = False
    # What is older in the keyring is not used again.
    assert LoginToken(iam.issuer)() == iam.families[1].access_tokens[0]
    assert skaha.logout(iam.issuer) == [place, PLACE]


def test_plain_files_are_no_keyring(home, log_in):
    plain = PlainFile()
    keyring.set_keyring(plain)
    log_in()
    assert plain.kept == {}
    assert len(home.kept_logins) == 1


def test_of_several_keyrings_the_best_is_used(monkeypatch, home, log_in):
    best, plain = Memory(), PlainFile()
    monkeypatch.setattr(ChainerBackend, "backends", [best, plain])
    keyring.set_keyring(ChainerBackend())
    assert log_in().place == PLACE
    assert best.kept
    assert not plain.kept
    assert home.kept_logins == []
