"""The store of a login: the keyring of the system, if it protects secrets, or else a file."""

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
    """A keyring in memory, as good as the keyring of a system."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.passwords = {}
        self.locked = False

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked("it is locked")
        return self.passwords.get((service, username))

    def set_password(self, service, username, password):
        if self.locked:
            raise KeyringLocked("it is locked")
        self.passwords[service, username] = password

    def delete_password(self, service, username):
        if self.passwords.pop((service, username), None) is None:
            raise PasswordDeleteError("it is not there")


class PlainFile(Memory):
    """A keyring that writes plain files."""

    priority = 0.5


@pytest.fixture
def memory():
    backend = Memory()
    keyring.set_keyring(backend)
    return backend


def test_a_login_in_the_keyring_is_in_no_file(memory, iam, home, log_in):
    assert log_in().place == PLACE
    assert home.stored_logins == []
    assert list(memory.passwords) == [("skaha", iam.issuer.rstrip("/"))]
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[0]


def test_a_renewed_login_stays_in_the_keyring(memory, iam, home, log_in):
    iam.life = 0.001
    log_in()
    iam.life = 3600
    token = LoginToken(iam.issuer)
    assert token() == LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]
    assert iam.families[0].refresh_token in memory.passwords["skaha", iam.issuer.rstrip("/")]
    assert home.stored_logins == []
    assert iam.renewals == 1


def test_logging_out_removes_the_login_from_the_keyring(memory, iam, log_in):
    log_in()
    assert skaha.logout(iam.issuer) == [PLACE]
    assert memory.passwords == {}
    assert skaha.logout(iam.issuer) == []


def test_a_new_login_moves_into_the_keyring(iam, home, log_in):
    log_in()
    assert len(home.stored_logins) == 1
    memory = Memory()
    keyring.set_keyring(memory)
    # Until the next login, the old login stays in its file.
    home.age()
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[1]
    assert memory.passwords == {}
    log_in()
    assert home.stored_logins == []
    assert LoginToken(iam.issuer)() == iam.families[1].access_tokens[0]


def test_a_file_replaces_a_locked_keyring(memory, iam, home, log_in):
    log_in()
    memory.locked = True
    with pytest.raises(CredentialsError, match="keyring of the system cannot be read: it is lock"):
        LoginToken(iam.issuer)()
    place = log_in().place
    assert place == str(home.stored_logins[0])
    memory.locked = False
    # The older login in the keyring is not used again.
    assert LoginToken(iam.issuer)() == iam.families[1].access_tokens[0]
    assert skaha.logout(iam.issuer) == [place, PLACE]


def test_a_keyring_of_plain_files_is_not_used(home, log_in):
    plain = PlainFile()
    keyring.set_keyring(plain)
    log_in()
    assert plain.passwords == {}
    assert len(home.stored_logins) == 1


def test_the_best_of_several_keyrings_is_used(monkeypatch, home, log_in):
    best, plain = Memory(), PlainFile()
    monkeypatch.setattr(ChainerBackend, "backends", [best, plain])
    keyring.set_keyring(ChainerBackend())
    assert log_in().place == PLACE
    assert best.passwords
    assert not plain.passwords
    assert home.stored_logins == []
