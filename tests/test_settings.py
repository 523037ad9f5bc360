"""Clients take missing arguments from the environment, the configuration file or the defaults."""

import asyncio
import threading
import traceback

import pytest
from scripted import Response, json_response

import skaha
from skaha import Retry, SkahaClient
from skaha.errors import CredentialsError, InvalidInputError

TOKEN = "a-very-secret-token"
CLASSES = [
    *("SkahaClient", "Session", "Images", "Context", "Overview"),
    *("AsyncSession", "AsyncImages", "AsyncContext", "AsyncOverview"),
]


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    monkeypatch.setenv("SKAHA_CONFIG", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    path.touch(mode=0o600)
    path.write_text(f"""
active = "site"
[profiles.site]
server = "https://site.example/skaha"
version = "v0"
token = "{TOKEN}"
timeout = 5
concurrency = 3
[profiles.other]
server = "https://other.example"
""")
    return path


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("name", CLASSES)
def test_every_class_reads_the_active_profile(name):
    client = getattr(skaha, name)()
    assert (client.server, client.version) == ("https://site.example/skaha", "v0")
    assert (client.token, client.timeout, client.concurrency) == (TOKEN, 5, 3)


@pytest.mark.usefixtures("file")
def test_arguments_have_priority_over_variables_and_variables_over_the_profile(monkeypatch):
    monkeypatch.setenv("SKAHA_TIMEOUT", "7")
    monkeypatch.setenv("SKAHA_CONCURRENCY", "8")
    client = SkahaClient(timeout=9)
    assert (client.timeout, client.concurrency, client.version) == (9, 8, "v0")


@pytest.mark.usefixtures("file")
def test_a_profile_is_selected_by_its_name():
    client = SkahaClient(profile="other")
    assert (client.server, client.version, client.token) == ("https://other.example", "v1", None)
    with pytest.raises(InvalidInputError, match="no profile 'nope'; there is site, other"):
        SkahaClient(profile="nope")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("profile", [None, "other"])
def test_settings_can_be_passed_on_as_arguments(profile):
    settings = skaha.config.settings(profile)
    client = SkahaClient(**settings)
    assert skaha.config.settings(**settings) == settings
    assert client.timeout == settings.get("timeout", 30)


@pytest.mark.usefixtures("file")
def test_another_server_does_not_get_the_credentials_of_the_profile():
    assert SkahaClient(server="https://another.example").token is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEOUT", "-1"),
        ("TIMEOUT", "soon"),
        ("CONCURRENCY", "0"),
        ("SERVER", "example.org"),
        ("VERSION", "v 1"),
        ("TOKEN", "t\u00f6k"),
    ],
)
def test_the_error_of_an_invalid_variable_names_the_variable(monkeypatch, name, value):
    monkeypatch.setenv(f"SKAHA_{name}", value)
    with pytest.raises(InvalidInputError, match=f"^.*SKAHA_{name}.* must be "):
        SkahaClient()


@pytest.mark.parametrize("line", ["timeout = 'soon'", "tiemout = 5", "timeout ="])
def test_the_error_of_an_invalid_entry_names_the_line(file, line):
    file.write_text(f"active = 'a'\n[profiles.a]\n{line}\n")
    with pytest.raises(InvalidInputError, match=r"config\.toml.*line 3"):
        SkahaClient()


@pytest.mark.parametrize("line", ["timeout = -1", "timeout =", 'token = "\u00e9"'])
def test_the_traceback_of_an_invalid_entry_shows_no_secret(file, line):
    file.write_text(f"active = 'a'\n[profiles.b]\ntoken = '{TOKEN}'\n[profiles.a]\n{line}\n")
    with pytest.raises(InvalidInputError) as caught:
        skaha.config.settings()
    formatted = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    formatted.stack[:] = [frame for frame in formatted.stack if frame.filename != __file__]
    assert TOKEN not in "".join(formatted.format())


@pytest.mark.parametrize("source", ["argument", "variable", "profile", "config set"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout", -1),
        ("concurrency", 0),
        ("server", "ftp://site.example"),
        ("version", "v/1"),
        ("token", "t\u00f6k"),
    ],
)
def test_an_invalid_value_is_refused_from_every_source(file, monkeypatch, source, key, value):
    before = file.read_text()
    if source == "variable":
        monkeypatch.setenv(f"SKAHA_{key.upper()}", str(value))
    elif source == "profile":
        before = f"active = 'a'\n[profiles.a]\n{key} = {value!r}\n"
        file.write_text(before)
    if source == "config set":
        function, arguments = skaha.config.save, {"key": key, "value": str(value)}
    else:
        function, arguments = skaha.config.settings, {key: value} if source == "argument" else {}
    with pytest.raises(InvalidInputError, match=f"{key} must be "):
        function(**arguments)
    assert file.read_text() == before


def test_an_invalid_entry_can_be_corrected(file):
    file.write_text("active = 'a'\n[profiles.a]\nserver = 'site.example'\n")
    with pytest.raises(InvalidInputError, match="line 3: profile a: server must be"):
        skaha.config.settings()
    skaha.config.save("server", "https://site.example")
    assert SkahaClient().server == "https://site.example"
    file.write_text("active = 'a'\n[profiles.a]\ntimeout = 0\n")
    skaha.config.remove("timeout")
    assert SkahaClient().timeout == 30


def test_an_entry_of_no_profile_is_already_removed(file):
    text = "[profiles.a]\ntimeout = 5\n"  # no profile is active
    file.write_text(text)
    skaha.config.remove("timeout")
    assert file.read_text() == text


def test_the_active_profile_is_a_text(file):
    before = file.read_text()
    with pytest.raises(InvalidInputError, match="active must be the name of a profile"):
        skaha.config.save("active", ["site"])
    assert file.read_text() == before


def test_the_file_is_read_when_a_client_is_constructed(file):
    assert SkahaClient().timeout == 5
    file.unlink()
    assert SkahaClient().timeout == 30


def test_a_token_function_is_called_for_each_request(variant, scripted):
    scripted.respond = lambda _: json_response([])
    tokens = iter(["first", "second"])
    session = variant.open(server=scripted.url, token=lambda: next(tokens))
    for _ in range(2):
        variant.run(session.fetch())
    headers = [request.headers["authorization"] for request in scripted.received]
    assert headers == ["Bearer first", "Bearer second"]


def test_the_event_loop_continues_while_a_token_function_runs(scripted):
    scripted.respond = lambda _: json_response([])
    other_task_ran = threading.Event()

    def token():
        assert other_task_ran.wait(10)
        return TOKEN

    async def main():
        async with skaha.AsyncSession(server=scripted.url, token=token) as session:
            fetching = asyncio.create_task(session.fetch())
            await asyncio.sleep(0)
            other_task_ran.set()
            assert await fetching == []

    asyncio.run(main())


def test_the_error_of_a_token_function_reaches_the_caller(variant, scripted):
    def token():
        raise CredentialsError("the login has ended: log in again")

    session = variant.open(server=scripted.url, token=token)
    with pytest.raises(CredentialsError, match="log in again"):
        variant.run(session.info(["abc", "def"]))
    assert scripted.received == []


def test_the_error_of_a_token_function_is_no_error_of_an_earlier_response(variant, scripted):
    scripted.respond = lambda _: Response(503, "busy")
    tokens = [TOKEN]
    session = variant.open(server=scripted.url, token=tokens.pop, retry=Retry(first_pause=0.001))
    with pytest.raises(IndexError, match="pop from empty list"):
        variant.run(session.fetch())


@pytest.mark.parametrize("token", [None, "", "a\nb", TOKEN.encode()])
def test_an_invalid_token_of_a_function_is_refused_and_not_shown(variant, scripted, token):
    session = variant.open(server=scripted.url, token=lambda: token)
    with pytest.raises(InvalidInputError, match="token must be") as caught:
        variant.run(session.fetch())
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_a_token_function_needs_https_for_another_machine():
    with pytest.raises(InvalidInputError, match="https"):
        SkahaClient(server="http://site.example", token=lambda: TOKEN)
