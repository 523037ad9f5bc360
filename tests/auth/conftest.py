"""What the tests of logging in share: a home, and providers on the loopback."""

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
    """Somebody's home directory, and what they run there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.certificate = path / ".ssl" / "cadcproxy.pem"
        self.config = path / ".config" / "skaha" / "config.toml"
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.env = kept | {
            "HOME": str(path),
            "SKAHA_CONFIG": str(self.config),
            "PYTHON_KEYRING_BACKEND": NO_KEYRING,
            "PYTHONWARNINGS": "error::ResourceWarning",
            "TERM": "xterm",
        }

    def sites(self, text: str) -> None:
        """Add to the sites that are known by name."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.with_name("sites.toml").write_text(text)

    def netrc(self, text: str, permissions: int = 0o600) -> None:
        path = self.path / ".netrc"
        path.write_text(text)
        path.chmod(permissions)

    @property
    def kept_logins(self) -> list[Path]:
        return sorted(self.path.rglob("logins/*.json"))

    def age(self, **changes: float) -> None:
        """Make the access token that is kept an old one."""
        [path] = self.kept_logins
        kept = json.loads(path.read_text()) | {"obtained": 0, "expires": time.time() - 1}
        path.write_text(json.dumps(kept | changes))

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command in pipes."""
        done = subprocess.run(
            [SKAHA, *words],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def at_a_terminal(self, *words: str) -> pexpect.spawn:
        """Run the command where somebody types."""
        return pexpect.spawn(
            SKAHA,
            list(words),
            env=self.env,
            dimensions=(50, 100),
            timeout=20,
            encoding="utf-8",
        )

    def python(self, code: str, *words: str) -> subprocess.Popen[str]:
        """Start Python."""
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home of its own, without a keyring, and nobody at a terminal."""
    for name in [one for one in os.environ if one.startswith(("SKAHA_", "XDG_"))]:
        monkeypatch.delenv(name)
    one = Home(tmp_path / "home")
    one.path.mkdir()
    for name, value in one.env.items():
        monkeypatch.setenv(name, value)
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield one
    keyring.set_keyring(before)


@pytest.fixture
def cadc(home: Home) -> Iterator[CertificateService]:
    """A service that makes certificates, known as `cadc`."""
    with CertificateService() as service:
        home.sites(f'[providers.cadc]\nmethod = "certificate"\nurl = "{service.url}"\n')
        yield service


@pytest.fixture
def iam() -> Iterator[IdentityProvider]:
    """A provider of OpenID Connect."""
    with IdentityProvider() as provider:
        yield provider
        provider.gate.set()


@pytest.fixture
def log_in(iam: IdentityProvider) -> Callable[..., Login]:
    """Log in, where a person says yes at once."""

    def log_in(server: str = "http://127.0.0.1:9/skaha", **more: Any) -> Login:
        show = more.pop("show", lambda device: iam.decide(device.code))
        done = skaha.login(iam.issuer, server=server, show=show, **more)
        assert done.user == USER
        return done

    return log_in
