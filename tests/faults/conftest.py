"""Fixtures of the tests on a bad network."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from faults.faulty import STALLS, Fault, FaultyPlatform

from skaha import Retry

# Pauses so short that tests do not wait, and a deadline that is not reached by chance.
QUICK = Retry(
    attempts=12, deadline=30, first_pause=0.005, longest_pause=0.02, settle=0.05, stop_look_up=0.5
)
# Seconds. The short one is for requests that the platform never answers; a busy machine must not
# reach the long one.
TIMEOUT, LONG_TIMEOUT = 0.5, 20
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"


def timeout_for(fault: Fault) -> float:
    return TIMEOUT if fault in STALLS else LONG_TIMEOUT


@pytest.fixture
def faulty() -> Iterator[FaultyPlatform]:
    """A platform whose faults are scripted, and none happen by themselves."""
    with FaultyPlatform() as platform:
        yield platform


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, to which a test may add some."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that the environment tells the client of."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return authority


def tls_of(authority: trustme.CA, *hosts: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(hosts or ("127.0.0.1",))).configure_cert(context)
    return context
