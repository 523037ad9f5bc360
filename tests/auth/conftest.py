"""Fixtures of the tests of logins: a home directory, and providers on the loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keyring
import pexpect
import pytest
from auth.providers import USER, CertificateService, IdentityProvider
from keyring.backends.null import Keyring as NoKeyring

import skaha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skaha.auth import Login

SKAHA = str(Path(sys.executable).with_name("skaha"))
NO_KEYRING = "keyring.backends.null.Keyring"


class Home:
    """The home directory of a user, and functions that run programs there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.certificate = path / ".ssl" / "cadcproxy.pem"
        self.config = path / ".config" / "skaha" / "config.toml"
        kept = ("PATH", "LANG", "COVERAGE_PROCESS_CONFIG")
        inherited = {name: os.environ[name] for name in kept if name in os.environ}
        self.env = inherited | {
            "HOME": str(path),
            "SKAHA_CONFIG": str(self.config),
            "PYTHON_KEYRING_BACKEND": NO_KEYRING,
            "PYTHONWARNINGS": "error::ResourceWarning",
            "TERM": "xterm",
        }

    def sites(self, text: str) -> None:
        """Write the user's list of sites."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.with_name("sites.toml").write_text(text)

    def netrc(self, text: str, permissions: int = 0o600) -> None:
        """Write the user's file of passwords."""
        path = self.path / ".netrc"
        path.write_text(text)
        path.chmod(permissions)

    @property
    def stored_logins(self) -> list[Path]:
        return sorted(self.path.rglob("logins/*.json"))

    def expire_token(self, **changes: float) -> None:
        """Let the stored access token expire; `changes` replace fields of the stored login."""
        [path] = self.stored_logins
        login = json.loads(path.read_text()) | {"obtained": 0, "expires": time.time() - 1}
        path.write_text(json.dumps(login | changes))

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command without a terminal."""
        result = subprocess.run(
            [SKAHA, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr
        return result

    def at_a_terminal(self, *arguments: str) -> pexpect.spawn:
        """Run the command at a terminal."""
        return pexpect.spawn(
            SKAHA,
            list(arguments),
            env=self.env,
            dimensions=(50, 100),
            timeout=60,
            encoding="utf-8",
        )

    def python(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a Python program; return its process."""
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Make a new home directory without a keyring and without a terminal."""
    for name in [name for name in os.environ if name.startswith(("SKAHA_", "XDG_"))]:
        monkeypatch.delenv(name)
    user_home = Home(tmp_path / "home")
    user_home.path.mkdir()
    for name, value in user_home.env.items():
        monkeypatch.setenv(name, value)
    previous_keyring = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield user_home
    keyring.set_keyring(previous_keyring)


@pytest.fixture
def cadc(home: Home) -> Iterator[CertificateService]:
    """Start a service that makes certificates, with the name `cadc`."""
    with CertificateService() as service:
        home.sites(f'[providers.cadc]\nmethod = "certificate"\nurl = "{service.url}"\n')
        yield service


@pytest.fixture
def iam() -> Iterator[IdentityProvider]:
    """Start a provider of OpenID Connect."""
    with IdentityProvider() as provider:
        yield provider
        provider.may_renew.set()


@pytest.fixture
def log_in(iam: IdentityProvider) -> Callable[..., Login]:
    """Return a function that logs in; the person confirms the code immediately."""

    def log_in(server: str = "http://127.0.0.1:9/skaha", **more: Any) -> Login:
        show = more.pop("show", lambda device: iam.decide(device.code))
        result = skaha.login(iam.issuer, server=server, show=show, **more)
        assert result.user == USER
        return result

    return log_in
