"""The store of a login: the keyring of the system if it protects secrets, otherwise a file."""

import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import keyring
import pytest
from filelock import FileLock
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

import skaha
from skaha._credentials import system_keyring
from skaha.auth import LoginToken
from skaha.errors import CredentialsError

PLACE = "the keyring of the system"


class MemoryKeyring(KeyringBackend):
    """A keyring in memory with the priority of a system's keyring."""

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


class PlainFileKeyring(MemoryKeyring):
    """A keyring with the low priority of keyrings that write plain files."""

    priority = 0.5


@pytest.fixture
def memory():
    backend = MemoryKeyring()
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
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    # Until the next login, the old login stays in its file.
    home.expire_token()
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


def test_an_old_file_that_cannot_be_removed_is_named(home, log_in):
    log_in()
    [path] = home.stored_logins
    path.unlink()
    path.mkdir()
    keyring.set_keyring(MemoryKeyring())
    with pytest.raises(CredentialsError, match=f"{path} cannot be removed"):
        log_in()


def test_a_login_that_cannot_be_removed_is_named(iam, home, log_in, monkeypatch):
    log_in()
    [path] = home.stored_logins

    def unlink(self, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "unlink", unlink)
    with pytest.raises(CredentialsError, match=f"{path} cannot be removed: Permission denied"):
        skaha.logout(iam.issuer)


@pytest.mark.parametrize("name", ["lock", "directory"])
def test_a_login_that_cannot_be_written_is_an_error(home, log_in, iam, name):
    if name == "directory":
        path = home.path / ".local" / "state" / "skaha" / "logins"
        path.parent.mkdir(parents=True)
        path.touch()
    else:
        log_in()
        home.expire_token()
        path = home.stored_logins[0].with_suffix(".lock")
        path.unlink()
        path.mkdir()
    with pytest.raises(CredentialsError, match="logins cannot be written"):
        log_in() if name == "directory" else LoginToken(iam.issuer)()


def test_another_process_that_renews_a_login_for_long_is_an_error(home, log_in, iam):
    log_in()
    home.expire_token()
    [path] = home.stored_logins
    with (
        FileLock(path.with_suffix(".lock")),
        pytest.raises(CredentialsError, match="another process has been renewing the login"),
    ):
        LoginToken(iam.issuer, timeout=0.05)()


@pytest.mark.parametrize("number", [1, 2])
def test_a_keyring_of_plain_files_is_not_used(monkeypatch, home, log_in, number):
    plain = PlainFileKeyring()
    monkeypatch.setattr(ChainerBackend, "backends", [plain] * number)
    keyring.set_keyring(plain if number == 1 else ChainerBackend())
    log_in()
    assert plain.passwords == {}
    assert len(home.stored_logins) == 1


def test_the_best_of_several_keyrings_is_used(monkeypatch, home, log_in):
    best, plain = MemoryKeyring(), PlainFileKeyring()
    monkeypatch.setattr(ChainerBackend, "backends", [best, plain])
    keyring.set_keyring(ChainerBackend())
    assert log_in().place == PLACE
    assert best.passwords
    assert not plain.passwords
    assert home.stored_logins == []


# Keyrings that fail or do not respond.


class FailingKeyring(MemoryKeyring):
    """A keyring that raises any error; keyrings behind D-Bus raise many kinds of errors."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def get_password(self, *_):
        raise self.error

    set_password = delete_password = get_password


class UnprintableError(Exception):
    def __str__(self):
        raise ValueError


class HangingKeyring(MemoryKeyring):
    """A keyring that does not respond until a person unlocks it."""

    def __init__(self):
        super().__init__()
        self.unlocked = threading.Event()

    def get_password(self, service, username):
        self.unlocked.wait()
        return super().get_password(service, username)

    def set_password(self, service, username, password):
        self.unlocked.wait()
        super().set_password(service, username, password)


@pytest.fixture
def short_limits(monkeypatch):
    monkeypatch.setattr(system_keyring, "_NOTICE", 0.02)
    monkeypatch.setattr(system_keyring, "_LIMIT", 0.2)
    monkeypatch.setattr(system_keyring, "_LIMIT_ALONE", 0.1)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hanging(short_limits):
    del short_limits
    backend = HangingKeyring()
    keyring.set_keyring(backend)
    yield backend
    backend.unlocked.set()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("No such interface"), "No such interface"),
        (OSError(13, "Permission denied"), "Permission denied"),
        (KeyError(), "KeyError"),
        (SystemExit("over"), "over"),
        (UnprintableError(), "UnprintableError"),
    ],
)
def test_a_file_replaces_a_keyring_that_raises_any_error(home, log_in, iam, error, reason):
    keyring.set_keyring(FailingKeyring(error))
    with pytest.raises(CredentialsError, match=f"keyring of the system cannot be read: .*{reason}"):
        LoginToken(iam.issuer)()
    assert log_in().place == str(home.stored_logins[0])
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[0]


@pytest.mark.parametrize("value", [b"bytes", 5, ["a"], "{", "[" * 100_000])
def test_a_keyring_with_an_invalid_value_has_no_login(memory, iam, value):
    memory.passwords["skaha", iam.issuer.rstrip("/")] = value
    with pytest.raises(CredentialsError, match="there is no login"):
        LoginToken(iam.issuer)()


def test_a_keyring_without_a_priority_causes_an_error_of_this_library(iam, monkeypatch):
    # keyring registers each class of a keyring: remove this one after the test.
    monkeypatch.setattr(KeyringBackend, "_classes", set(KeyringBackend._classes))

    class NotViable(MemoryKeyring):
        @property
        def priority(self):
            raise RuntimeError("no D-Bus")

    keyring.set_keyring(NotViable())
    with pytest.raises(CredentialsError, match="cannot be read: no D-Bus"):
        LoginToken(iam.issuer)()


def test_a_keyring_that_does_not_respond_is_given_up(hanging, iam, caplog):
    token = LoginToken(iam.issuer)
    with pytest.raises(CredentialsError, match=r"has not responded for 0.1 s: unlock it, or set"):
        token()
    assert "waiting for the keyring of the system: it may ask you for its password" in caplog.text
    # The library does not wait for the keyring again until it responds.
    with pytest.raises(CredentialsError, match="has not responded"):
        token()
    assert caplog.text.count("waiting for the keyring") == 1
    hanging.unlocked.set()
    assert system_keyring._last.is_over(10)
    with pytest.raises(CredentialsError, match="there is no login"):
        token()


def test_with_a_display_the_library_waits_longer(hanging, iam, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    with pytest.raises(CredentialsError, match=r"has not responded for 0.2 s"):
        LoginToken(iam.issuer)()
    hanging.unlocked.set()


def test_all_threads_wait_once_for_a_keyring(hanging, iam, caplog):
    token = LoginToken(iam.issuer)

    def get_token(_):
        with pytest.raises(CredentialsError, match="has not responded"):
            token()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(get_token, range(40)))
    assert caplog.text.count("waiting for the keyring") == 1
    hanging.unlocked.set()


def test_a_login_goes_to_a_file_if_the_keyring_does_not_respond(hanging, home, iam, log_in):
    assert log_in().place == str(home.stored_logins[0])
    assert LoginToken(iam.issuer)() == iam.families[0].access_tokens[0]
    hanging.unlocked.set()
