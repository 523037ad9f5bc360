"""Renewal of sessions and of certificates."""

import contextlib
import logging
import warnings
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from scripted import Response
from staged import IMAGE, Stage, embedded, record

import skaha
from skaha import errors, records

SERVER = "https://127.0.0.1:9/skaha"


# Sessions.


def test_active_sessions_are_renewed_and_others_are_reported(variant, session):
    ids = variant.run(session.create("desk", IMAGE, None, None, kind="desktop"))
    ended = variant.run(session.create("short", IMAGE, 1, 1, cmd="true"))
    try:
        variant.run(session.wait(ended, timeout=60))
        results = variant.run(session.renew([*ended, *ids, "unknown1"]))
        assert list(results) == [*ended, *ids, "unknown1"]
        assert results[ended[0]] is results["unknown1"] is False
        assert "No active job" in str(results.failures["unknown1"])
        assert str(results.failures["unknown1"]).startswith("renewal of unknown1: ")
    finally:
        variant.run(session.destroy([*ids, *ended]))


def test_a_renewed_session_has_more_time_left(variant, tmp_path):
    """A renewal gives less time than a headless session has at its start.

    Therefore the test renews the session repeatedly until its first expiry time is over.
    """
    # The lifetime of 14 days takes 4 s here; the 4 days after a renewal take 1.14 s.
    scale = 4 / (14 * 24 * 3600)
    with embedded(tmp_path, "--time-scale", str(scale)) as platform:
        session = variant.open(server=platform.url, token=platform.token)
        ids = variant.run(session.create("long", IMAGE, 1, 1, cmd="sleep", args="60"))
        variant.run(session.wait(ids, until="running", timeout=60))
        [before] = variant.run(session.info(ids))
        left = records.time_left(before)
        assert timedelta(0) < left <= timedelta(seconds=5)
        assert variant.run(session.renew(ids)) == {ids[0]: True}
        # Without renewals, the session would end after its first lifetime.
        end = records.expiry_time(before) + timedelta(seconds=1.1)

        while datetime.now(UTC) < end:
            assert variant.run(session.renew(ids)) == {ids[0]: True}
            with contextlib.suppress(errors.WaitTimeoutError):
                variant.run(session.wait(ids, timeout=0.2))
        [after] = variant.run(session.info(ids))
        assert after["status"] == "Running"
        assert records.expiry_time(after) > records.expiry_time(before)
        variant.run(session.destroy(ids))


def test_a_failed_renewal_is_repeated(variant, scripted):
    """A repeated renewal has no other effect than a single one."""
    responses = [Response(503, "busy", headers={"Retry-After": "0"}), None, Response()]
    scripted.respond = lambda _: responses.pop(0)
    session = variant.open(server=scripted.url, token="t", retry=skaha.Retry(first_pause=0.001))
    assert variant.run(session.renew("a1")) == {"a1": True}
    assert {(request.method, request.path) for request in scripted.received} == {
        ("POST", "/skaha/v1/session/a1")
    }
    assert [request.form | request.query for request in scripted.received] == [
        {"action": ["renew"]}
    ] * 3


def expiry_in(minutes):
    time = datetime.now(UTC) + timedelta(minutes=minutes)
    return {"expiryTime": time.strftime("%Y-%m-%dT%H:%M:%SZ")}


@pytest.mark.parametrize(
    ("minutes", "status", "count", "text"),
    [
        (30.2, "Running", 1, " will be ended by the platform in 30 min: renew it"),
        (0.1, "Running", 1, " will be ended by the platform in 1 min: renew it"),
        (-120, "Running", 1, " and the platform may end it at any time: renew it"),
        (90, "Running", 0, ""),
        (30, "Pending", 0, ""),
        (-5, "Failed", 0, ""),
    ],
)
def test_a_wait_warns_once_of_a_session_that_expires_soon(
    variant, scripted, scripted_session, caplog, minutes, status, count, text
):
    first = record("a1", status, **expiry_in(minutes))
    scripted.respond = Stage([first], [first], [record("a1", "Completed")])
    with caplog.at_level(logging.WARNING, "skaha"):
        variant.run(scripted_session.wait("a1", poll=0.001))
    messages = [message for message in caplog.messages if "a1" in message]
    assert len(messages) == count
    assert all(message.endswith(text) for message in messages)


def test_a_long_wait_warns_when_the_expiry_is_near(
    variant, scripted, scripted_session, caplog, monkeypatch
):
    """Each time: also after a renewal."""
    monkeypatch.setattr("skaha._sansio.status_tracker._SECONDS_BETWEEN_EXPIRY_CHECKS", 0)
    minutes = (5000, 50.2, 49.2, 4000, 20.2, 19.2)
    rounds = [[record("a1", "Running", **expiry_in(left))] for left in minutes]
    scripted.respond = Stage(*rounds, [record("a1", "Completed")])
    variant.run(scripted_session.wait("a1", poll=0.001))
    ends = [message.partition(" in ")[2] for message in caplog.messages]
    assert ends == ["50 min: renew it", "20 min: renew it"]


def test_a_wait_for_many_sessions_warns_of_their_expiry_once_in_a_round(
    variant, scripted, scripted_session, caplog
):
    ids = [f"a{number}" for number in range(100)]

    def listing(status, minutes):
        return [record(key, status, **expiry_in(minutes)) for key in ids]

    scripted.respond = Stage(
        [
            *listing("Running", 50)[:1],
            *listing("Running", 30.2)[1:60],
            *listing("Running", -5)[60:],
        ],
        [*listing("Running", 29.2)[:60], *listing("Running", -6)[60:]],
        listing("Completed", 30),
    )
    variant.run(scripted_session.wait(ids, poll=0.001))
    late, soon = caplog.messages
    assert late.startswith("sessions a60, a61, ")
    assert "a69 and 30 more passed the expiry time, and the platform may end them at any" in late
    assert soon.startswith("sessions a0, a1, ")
    assert "a9 and 50 more will be ended by the platform, the first one in 30 min: renew" in soon


@given(st.datetimes(min_value=datetime(1970, 1, 2)), st.timedeltas(timedelta(-99), timedelta(99)))  # noqa: DTZ001
def test_the_time_left_is_the_time_to_the_expiry(expiry, time_left):
    expiry = expiry.replace(microsecond=0, tzinfo=UTC)
    with contextlib.suppress(OverflowError):
        now = expiry - time_left
        for text in (expiry.isoformat(), expiry.isoformat().replace("+00:00", "Z")):
            assert records.time_left({"expiryTime": text}, now) == time_left


# Certificates.

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


def certificate(begin, end):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vrubin")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
    )
    return builder.sign(KEY, hashes.SHA256())


def pem(path, begin=timedelta(-1), end=timedelta(9), *, key_first=False, mode=0o600):
    text = certificate(begin, end).public_bytes(serialization.Encoding.PEM)
    path.write_bytes(KEY_PEM + text if key_first else text + KEY_PEM)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("key_first", [False, True])
@pytest.mark.parametrize("end", [timedelta(days=2), timedelta(days=365 * 60)])
def test_a_valid_certificate_is_used_without_a_warning(variant, tmp_path, key_first, end):
    """Certificates have another format for times after 2049."""
    path = pem(tmp_path / "proxy.pem", end=end, key_first=key_first)
    assert variant.open(server=SERVER, certificate=path).certificate == path


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        (timedelta(days=-9), timedelta(seconds=-2), "expired at .* UTC: get a new one"),
        (timedelta(days=-365 * 60), timedelta(days=-365 * 40), "expired at 19"),
        (timedelta(hours=2), timedelta(days=9), "is not valid before .* UTC"),
    ],
)
def test_a_certificate_that_is_expired_or_not_yet_valid_is_refused(
    variant, tmp_path, begin, end, message
):
    path = pem(tmp_path / "proxy.pem", begin, end)
    with pytest.raises(errors.CredentialsError, match=message) as caught:
        variant.open(server=SERVER, certificate=path)
    assert str(path) in str(caught.value)


def test_an_expired_default_certificate_is_refused_when_it_is_needed(
    variant, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssl").mkdir()
    pem(tmp_path / ".ssl" / "cadcproxy.pem", end=timedelta(seconds=-2))
    session = variant.open(server=SERVER, retry=False)
    with pytest.raises(errors.CredentialsError, match="expired"):
        variant.run(session.fetch())
    # With a token, the certificate is not read.
    variant.open(server=SERVER, token="t")


@pytest.mark.parametrize("kind", ["Session", "Images", "Context", "Overview"])
def test_the_warning_of_a_certificate_that_expires_soon_names_the_line_of_the_caller(
    variant, tmp_path, kind
):
    path = pem(tmp_path / "proxy.pem", end=timedelta(hours=23))
    with pytest.warns(UserWarning, match=r"proxy\.pem expires at .*: get a new one") as caught:
        getattr(variant, kind)(server=SERVER, certificate=path)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644])
def test_a_certificate_that_others_can_read_causes_a_warning(variant, tmp_path, mode):
    path = pem(tmp_path / "proxy.pem", mode=mode)
    with pytest.warns(UserWarning, match=f"others can read .*chmod 600 {path}") as caught:
        variant.open(server=SERVER, certificate=path)
    assert len(caught) == 1


def test_a_certificate_without_its_key_is_refused(variant, tmp_path):
    path = pem(tmp_path / "proxy.pem")
    path.write_bytes(path.read_bytes().replace(KEY_PEM, b""))
    with pytest.raises(errors.CredentialsError, match=r"proxy\.pem cannot be used"):
        variant.open(server=SERVER, certificate=path)


DER = certificate(timedelta(-1), timedelta(9)).public_bytes(serialization.Encoding.DER)
DAMAGED = st.tuples(st.integers(0, len(DER) - 1), st.binary(max_size=4), st.integers(0, 9)).map(
    lambda cut: DER[: cut[0]] + cut[1] + DER[cut[0] + cut[2] :]
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60) | DAMAGED, st.booleans())
def test_a_file_of_any_content_is_used_as_a_certificate_or_refused(tmp_path, content, is_pem):
    path = tmp_path / "proxy.pem"
    path.touch(mode=0o600)
    if is_pem:
        import ssl

        content = ssl.DER_cert_to_PEM_cert(content).encode() + KEY_PEM
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(errors.CredentialsError):
            skaha.SkahaClient(server=SERVER, certificate=path)
