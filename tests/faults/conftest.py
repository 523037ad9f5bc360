"""Fixtures of the tests on a bad network."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from faults.faulty import STALLS, Fault, FaultyPlatform

from skaha import Retry

# The pauses are so short that tests do not wait, and no test reaches the deadline by chance.
QUICK = Retry(
    attempts=12, deadline=30, first_pause=0.005, longest_pause=0.02, settle=0.05, stop_look_up=0.5
)
# Seconds. The short time-out is for requests that the platform never answers. The long time-out
# must be long enough for a busy machine.
TIMEOUT, LONG_TIMEOUT = 0.5, 60
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"


def timeout_for(fault: Fault) -> float:
    return TIMEOUT if fault in STALLS else LONG_TIMEOUT


@pytest.fixture
def faulty() -> Iterator[FaultyPlatform]:
    """Start a platform that has only scripted faults, no random ones."""
    with FaultyPlatform() as platform:
        yield platform


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Remove all proxies from the environment; a test can set variables with the result."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Return a certificate authority that the environment names in SSL_CERT_FILE."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return authority


def tls_of(authority: trustme.CA, *hosts: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(hosts or ("127.0.0.1",))).configure_cert(context)
    return context
