"""Construction of the classes: settings, refused values, secrets and credentials."""

import json
import logging
import pickle
import pwd
import ssl
import traceback
import warnings
from datetime import datetime
from pathlib import Path

import pytest
from scripted import Response, ScriptedServer, json_response

import skaha
from skaha import ContainerRegistry, Retry, SkahaClient, config
from skaha.auth import LoginToken, logout
from skaha.errors import (
    ConfigurationError,
    ConnectionFailedError,
    CredentialsError,
    InvalidInputError,
    LocalPlatformError,
)

TOKEN = "a-very-secret-token"
SECRET = "a-very-secret-password"
CERTIFICATE = Path(__file__).parent / "nobody.pem"
AVAILABLE = "<availability><available>true</available></availability>"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Return an empty home directory, so that no certificate of the user is found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def _restore_log_level():
    level = logging.getLogger("skaha").level
    yield
    logging.getLogger("skaha").setLevel(level)


CLASSES = [
    *("SkahaClient", "Session", "Images", "Context", "Overview"),
    *("AsyncSession", "AsyncImages", "AsyncContext", "AsyncOverview"),
]


@pytest.mark.parametrize("name", CLASSES)
def test_without_arguments_every_setting_has_a_default(name):
    client = getattr(skaha, name)()
    assert (client.server, client.version) == ("https://ws-uv.canfar.net/skaha", "v1")
    assert (client.timeout, client.concurrency, client.verify) == (30, 32, True)
    assert client.token is client.certificate is client.registry is client.loglevel is None
    assert client.retry == Retry()


@pytest.mark.parametrize("name", CLASSES)
def test_an_unknown_keyword_raises_an_error_that_names_it(name):
    with pytest.raises(TypeError, match="tokne"):
        getattr(skaha, name)(tokne=TOKEN)


def test_every_setting_can_be_read_from_the_client():
    registry = ContainerRegistry("images.example.org", "vrubin", SECRET)
    settings = {
        "server": "https://skaha.example.com",
        "version": "v0",
        "token": TOKEN,
        "timeout": 2.5,
        "concurrency": 1000,
        "registry": registry,
        "loglevel": 40,
        "retry": Retry(attempts=2),
    }
    client = SkahaClient(**settings)
    assert {name: getattr(client, name) for name in settings} == settings


INVALID = [
    *[
        ("server", value)
        for value in (
            *("", "localhost", "skaha.example.com", "//skaha.example.com", "LOCAL", 5),
            *(
                "ftp://skaha.example.com",
                "https://",
                "https:///skaha",
                "https://h:port",
                "https://h\n",
            ),
            *("https://h?view=all", "https://h#top", "https://h/skaha/v1", "https://h/skaha/v1/"),
            *(
                "https://me@h",
                "https://me:pass@h",
                " https://h",
                "http://h:99999",
                "https://h /skaha",
            ),
        )
    ],
    *[("version", value) for value in ("", "v1/", "/v1", "..", ".", "v 1", "v1?", "v%31", 1)],
    *[("token", value) for value in ("Bearer", "Bearer ", "a b", "Bearer a b")],
    *[("token", value) for value in ("", " ", "a\nb", "a\rb", "tök", "\N{BULLET}", b"token", 5)],
    *[("certificate", value) for value in (5, ["a"], b"proxy.pem", "a\0b", "a\ud800")],
    *[
        ("timeout", value)
        for value in (0, -1, float("nan"), float("inf"), True, "30 s", "", (1, 2))
    ],
    *[("timeout", value) for value in (2_147_484, 1e10, 1e300, 10**400)],
    *[("concurrency", value) for value in (0, -1, 1.5, 32.0, True, "32.5", "x", 2**31)],
    *[("profile", value) for value in (5, ["x"], b"x", "a\nb", "\ud800")],
    *[("registry", value) for value in ("me:secret", {"username": "me"}, ("h", "me", "x"))],
    ("registry", {"username": "me", "secret": "x", "password": "x"}),
    *[("registry", {"username": "me", "secret": value}) for value in (b"x", ["x"])],
    ("registry", {"username": b"me", "secret": "x"}),
    *[("loglevel", value) for value in (0, 9, 51, -10, 30.0, "INFO", True)],
    *[("retry", value) for value in (3, "yes", None, 0)],
]


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_an_invalid_value_raises_an_error_that_names_the_setting(name, value):
    with pytest.raises(InvalidInputError, match=name) as caught:
        SkahaClient(**{"server": "https://skaha.example.com", name: value})
    assert isinstance(caught.value, ValueError)


def test_digits_and_a_dictionary_are_accepted_as_by_older_clients():
    parts = {"username": "vrubin", "secret": SECRET}
    client = SkahaClient(timeout="30", concurrency="8", loglevel="40", registry=parts)
    assert (client.timeout, client.concurrency, client.loglevel) == (30, 8, 40)
    expected = "ContainerRegistry(url='images.canfar.net', username='vrubin')"
    assert repr(client.registry) == expected
    assert client.registry.encoded() == ContainerRegistry(**parts).encoded()
    other_client = SkahaClient(registry=parts | {"url": "images.example.org"})
    assert other_client.registry.url == "images.example.org"


@pytest.mark.parametrize("name", ["timeout", "concurrency"])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_with_too_many_digits_raises_an_error_that_names_the_setting(name, sign):
    with pytest.raises(InvalidInputError, match=name):
        SkahaClient(**{name: sign * 10**5000})


@pytest.mark.parametrize("version", ["v0", "v1", "v2", "v1.1"])
@pytest.mark.parametrize("end", ["", "/"])
def test_a_server_with_a_version_is_refused_with_advice(version, end):
    with pytest.raises(InvalidInputError) as caught:
        SkahaClient(server=f"https://skaha.example.com/skaha/{version}{end}")
    assert f"remove /{version}, and set version to '{version}'" in str(caught.value)


def test_a_version_of_another_form_is_refused_only_if_it_is_also_the_end_of_the_server():
    server = "https://skaha.example.com/skaha/beta"
    with pytest.raises(InvalidInputError, match="server must not end in the version: remove /beta"):
        SkahaClient(server=server, version="beta")
    assert SkahaClient(server=server, version="v1").version == "v1"


@pytest.mark.parametrize("token", [f"{TOKEN}\nb", f"{TOKEN}\N{BULLET}", [TOKEN], TOKEN.encode()])
def test_an_invalid_token_is_not_shown(token):
    with pytest.raises(InvalidInputError) as caught:
        SkahaClient(token=token)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "token", ["Bearer abc", "bearer abc", " BEARER\t abc \n", "abc", "Bearer\nabc"]
)
@pytest.mark.parametrize("source", ["argument", "function", "variable", "profile", "config set"])
def test_the_word_bearer_is_removed_from_a_token(
    variant, scripted, tmp_path, monkeypatch, token, source
):
    monkeypatch.setenv("SKAHA_CONFIG", str(tmp_path / "config.toml"))
    arguments = {"argument": {"token": token}, "function": {"token": lambda: token}}
    if source == "variable":
        monkeypatch.setenv("SKAHA_TOKEN", token)
    elif source == "config set":
        config.save("server", scripted.url)
        config.save("token", token)
    elif source == "profile":
        (tmp_path / "config.toml").touch(0o600)
        profile = f"server = '{scripted.url}'\ntoken = {json.dumps(token)}\n"
        (tmp_path / "config.toml").write_text(f"active = 'a'\n[profiles.a]\n{profile}")
    scripted.respond = lambda _: json_response([])
    session = variant.open(server=scripted.url, **arguments.get(source, {}))
    variant.run(session.fetch())
    assert scripted.received[0].headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize("name", CLASSES)
def test_a_client_of_resolved_settings_does_not_read_them_again(name, monkeypatch):
    settings = config.settings(server="https://skaha.example.com", token=TOKEN, timeout=2)
    monkeypatch.setenv("SKAHA_TIMEOUT", "3")
    monkeypatch.setenv("SKAHA_CONCURRENCY", "3")
    client_class = getattr(skaha, name)
    client = client_class.from_settings(settings, retry=False)
    assert type(client) is client_class
    assert (client.server, client.token) == ("https://skaha.example.com", TOKEN)
    assert (client.timeout, client.concurrency, client.verify) == (2, 32, True)
    assert client.retry.attempts == 1
    with pytest.raises(InvalidInputError, match="loglevel"):
        client_class.from_settings(settings, loglevel=5)


@pytest.mark.parametrize("name", CLASSES)
def test_from_settings_refuses_a_dictionary(name):
    with pytest.raises(InvalidInputError, match=r"result of skaha\.config\.settings"):
        getattr(skaha, name).from_settings({"server": "local"})


def test_the_longest_allowed_time_out_works(variant, scripted):
    """A socket with a longer time-out would fail or give up immediately."""
    scripted.respond = lambda _: json_response([])
    session = variant.open(server=scripted.url, token="t", timeout=2_147_483)
    assert variant.run(session.fetch()) == []


@pytest.mark.parametrize("name", ["deadline", "first_pause", "longest_pause", "settle"])
@pytest.mark.parametrize("value", [-1, float("nan"), 2**31, 1e300, 10**400, True, "5", None])
def test_an_invalid_duration_of_the_retry_policy_is_refused(name, value):
    with pytest.raises(InvalidInputError, match=f"^{name} must be "):
        Retry(**{name: value})


def test_the_error_of_an_invalid_setting_names_its_source(monkeypatch):
    monkeypatch.setenv("SKAHA_CERTIFICATE", "/nowhere")
    message = "environment variable SKAHA_CERTIFICATE: the certificate /nowhere cannot be read"
    with pytest.raises(CredentialsError, match=message):
        SkahaClient()
    monkeypatch.delenv("SKAHA_CERTIFICATE")
    monkeypatch.setenv("SKAHA_SERVER", "http://skaha.example.com")
    with pytest.raises(InvalidInputError, match="variable SKAHA_SERVER: other people could"):
        SkahaClient(token=TOKEN)
    monkeypatch.setenv("SKAHA_PROFILE", "nope")
    with pytest.raises(InvalidInputError, match=r"SKAHA_PROFILE: .*: there is no profile 'nope'"):
        SkahaClient()


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://skaha.example.com", "https://skaha.example.com"),
        ("https://skaha.example.com/", "https://skaha.example.com"),
        ("https://skaha.example.com/skaha//", "https://skaha.example.com/skaha"),
        ("http://127.0.0.1:8080/skaha", "http://127.0.0.1:8080/skaha"),
        ("https://v1.example.com", "https://v1.example.com"),
    ],
)
def test_slashes_at_the_end_of_the_server_are_removed(server, expected):
    assert SkahaClient(server=server).server == expected


def test_a_slash_at_the_end_of_the_server_changes_no_request(variant, scripted):
    scripted.respond = lambda _: json_response([])
    variant.run(variant.open(server=f"{scripted.url}/", token=TOKEN).fetch())
    assert scripted.received[0].path == "/skaha/v1/session"


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda client: repr(vars(client))])
def test_neither_token_nor_secret_is_shown(name, show):
    registry = ContainerRegistry("images.example.org", "vrubin", SECRET)
    client = getattr(skaha, name)(token=TOKEN, registry=registry)
    for text in (show(client), repr(client.api), str(client.api), repr(client.api._settings)):
        assert TOKEN not in text
        assert SECRET not in text


def test_neither_token_nor_secret_is_logged(variant, scripted, caplog):
    caplog.set_level(logging.DEBUG)
    registry = ContainerRegistry("images.example.org", "vrubin", SECRET)
    scripted.respond = lambda _: Response(403, "no")
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    with pytest.raises(skaha.errors.PermissionDeniedError):
        variant.run(session.create("a", "images.example.org/a/b:1", env={"A": SECRET}))
    assert caplog.text
    for secret in (TOKEN, SECRET, registry.encoded()):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    "server",
    [
        *("http://skaha.example.com/skaha", "http://127.0.0.1.example.com", "http://10.0.0.1"),
        *("http://localhost.example.com", "http://[2001:db8::1]", "http://0.0.0.0"),
    ],
)
def test_a_token_over_plain_http_needs_allow_http(server):
    with pytest.raises(InvalidInputError, match="allow_http"):
        SkahaClient(server=server, token=TOKEN)
    assert SkahaClient(server=server, token=TOKEN, allow_http=True).server == server
    assert SkahaClient(server=server).server == server


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:1", "http://127.1.2.3", "http://[::1]:8080", "http://localhost"]
)
def test_a_token_over_plain_http_is_allowed_on_this_machine(server):
    assert SkahaClient(server=server, token=TOKEN).token == TOKEN


def test_verify_has_no_effect_and_the_warning_names_the_line_of_the_caller():
    with pytest.warns(DeprecationWarning, match="verify has no effect") as caught:
        skaha.Session(verify=False)
    assert caught[0].filename == __file__


def test_loglevel_changes_only_the_logger_of_this_library():
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("httpx").level)
    SkahaClient(loglevel=40)
    assert logging.getLogger("skaha").level == logging.ERROR
    assert logging.getLogger("skaha").propagate
    assert (root.level, list(root.handlers), logging.getLogger("httpx").level) == before


def test_without_a_loglevel_the_logger_does_not_change():
    logging.getLogger("skaha").setLevel(logging.CRITICAL)
    SkahaClient()
    assert logging.getLogger("skaha").level == logging.CRITICAL


# Certificates.


@pytest.fixture
def proxy_certificate(home):
    (home / ".ssl").mkdir()
    return private(home / ".ssl" / "cadcproxy.pem")


def private(path):
    """Copy the certificate to `path`; only this user can read it. Return `path`."""
    path.write_bytes(CERTIFICATE.read_bytes())
    path.chmod(0o600)
    return path


@pytest.fixture
def pem(home):
    return private(home / "nobody.pem")


def test_the_proxy_certificate_in_the_home_directory_is_used(proxy_certificate):
    assert SkahaClient().certificate == proxy_certificate


def test_a_token_has_priority_over_the_proxy_certificate(proxy_certificate):
    assert proxy_certificate.exists()
    assert SkahaClient(token=TOKEN).certificate is None


@pytest.mark.parametrize("path_type", [str, Path])
def test_a_certificate_may_be_a_text_or_a_path(pem, path_type):
    assert SkahaClient(certificate=path_type(pem)).certificate == pem


def test_a_certificate_that_others_can_read_causes_a_warning(pem):
    pem.chmod(0o644)
    with pytest.warns(UserWarning, match=r"others can read .*nobody\.pem") as caught:
        skaha.Session(certificate=pem)
    assert caught[0].filename == __file__


def test_a_tilde_in_the_path_of_a_certificate_is_expanded(proxy_certificate):
    assert SkahaClient(certificate="~/.ssl/cadcproxy.pem").certificate == proxy_certificate


def test_a_missing_certificate_is_refused(home):
    for path in (home / "nothing.pem", home):
        with pytest.raises(CredentialsError, match=str(path)):
            SkahaClient(certificate=path)


def test_a_file_that_is_not_a_certificate_is_refused(home):
    (home / "text.pem").write_text("not a certificate")
    with pytest.raises(CredentialsError, match=r"text\.pem"):
        SkahaClient(certificate=home / "text.pem")


@pytest.fixture
def tls_server():
    """Start a server with TLS; it asks for a certificate and accepts each one that it trusts."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    tls.load_verify_locations(CERTIFICATE)
    tls.verify_mode = ssl.CERT_OPTIONAL
    with ScriptedServer(tls) as server:
        server.respond = lambda _: json_response([])
        yield server


def test_a_certificate_is_presented_to_the_server(variant, tls_server, pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    assert variant.run(variant.open(server=tls_server.url, certificate=pem).fetch()) == []
    [request] = tls_server.received
    assert request.certificate == ssl.PEM_cert_to_DER_cert(
        CERTIFICATE.read_text().split("-----BEGIN PR")[0]
    )
    assert "authorization" not in request.headers


def test_with_a_token_no_certificate_is_presented(variant, tls_server, pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    session = variant.open(server=tls_server.url, certificate=pem, token=TOKEN)
    assert variant.run(session.fetch()) == []
    [request] = tls_server.received
    assert request.certificate is None
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_the_availability_needs_no_certificate_that_has_expired_since(
    variant, tls_server, pem, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls_server.respond = lambda _: Response(200, AVAILABLE, "text/xml")
    session = variant.open(server=tls_server.url, certificate=pem)
    overview = variant.open("Overview", server=tls_server.url, certificate=pem)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.max.replace(tzinfo=tz)

    monkeypatch.setattr("skaha._credentials.x509.datetime", Later)
    with pytest.raises(CredentialsError, match=f"{pem} expired at"):
        variant.run(session.fetch())
    with pytest.raises(CredentialsError, match=f"{pem} expired at"):
        variant.run(session.whoami())
    assert variant.run(overview.availability()) is True
    [request] = tls_server.received
    assert request.certificate is None


@pytest.mark.parametrize("verify", [True, False])
def test_a_server_with_an_untrusted_certificate_receives_no_request(variant, tls_server, verify):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        session = variant.open(server=tls_server.url, token=TOKEN, verify=verify, retry=False)
    with pytest.raises(ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        variant.run(session.fetch())
    assert tls_server.received == []


# No credentials.

CALLS = {
    "create": lambda session: session.create("a", "images.canfar.net/a/b:1"),
    "fetch": lambda session: session.fetch(),
    "info": lambda session: session.info("a1"),
    "logs": lambda session: session.logs(["a1", "a2"]),
    "events": lambda session: session.events("a1"),
    "destroy": lambda session: session.destroy(["a1", "a2"]),
    "destroy_with": lambda session: session.destroy_with("a"),
    "stats": lambda session: session.stats(),
}


@pytest.mark.parametrize("retry", [True, False])
@pytest.mark.parametrize("call", CALLS)
def test_without_credentials_no_request_is_sent(variant, scripted, call, retry):
    session = variant.open(server=scripted.url, retry=retry)
    with pytest.raises(CredentialsError, match="no credentials: log in with"):
        variant.run(CALLS[call](session))
    assert scripted.received == []


@pytest.mark.parametrize(("kind", "method"), [("Images", "fetch"), ("Context", "resources")])
def test_without_credentials_the_other_classes_send_no_request(variant, scripted, kind, method):
    with pytest.raises(CredentialsError):
        variant.run(getattr(variant.open(kind, server=scripted.url), method)())
    assert scripted.received == []


def test_a_certificate_does_not_count_as_credentials_without_tls(variant, scripted, pem):
    with pytest.raises(CredentialsError):
        variant.run(variant.open(server=scripted.url, certificate=pem).fetch())
    assert scripted.received == []


# Registries.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": ""}, "url"),
        ({"username": ""}, "username"),
        ({"secret": ""}, "secret"),
        ({"username": "a:b"}, "colon"),
        ({"secret": "a:b"}, "colon"),
        ({"secret": 5}, "secret"),
    ],
)
def test_a_registry_that_the_platform_cannot_read_is_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        ContainerRegistry(**{"url": "h", "username": "me", "secret": SECRET} | changes)


def test_a_registry_does_not_show_its_secret():
    registry = ContainerRegistry("images.example.org", "vrubin", SECRET)
    assert SECRET not in f"{registry!r} {registry}"
    with pytest.raises(InvalidInputError) as caught:
        ContainerRegistry("images.example.org", "vrubin", f"{SECRET}:")
    assert SECRET not in str(caught.value)


def test_a_client_cannot_be_pickled(variant, scripted):
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(variant.open(server=scripted.url))


def test_a_user_without_a_home_directory_can_use_a_token(variant, scripted, monkeypatch):
    """A container may run with a user id that the system does not know."""

    def unknown_user(_):
        raise KeyError

    names = ("HOME", "SKAHA_CONFIG", "SKAHA_LOCAL_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown_user)
    scripted.respond = lambda _: json_response([])
    session = variant.open(server=scripted.url, token=TOKEN)
    assert variant.run(session.fetch()) == []
    assert variant.open(server=scripted.url).certificate is None
    with pytest.raises(LocalPlatformError, match="no home directory: set SKAHA_LOCAL_STATE"):
        variant.run(variant.open(server="local").fetch())
    with pytest.raises(ConfigurationError, match="no home directory: set SKAHA_CONFIG"):
        config.save("server", "local")
    with pytest.raises(CredentialsError, match="no home directory to store a login"):
        LoginToken("https://iam.example.org")()
    with pytest.raises(CredentialsError, match="no home directory: give the path"):
        logout("cadc")
