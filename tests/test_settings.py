"""What a client is not told, it takes from the environment, the user's file, or the defaults."""

import asyncio
import threading
import traceback

import pytest
from scripted import json_answer

import skaha
from skaha import SkahaClient
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
def test_an_argument_comes_before_the_environment_and_that_before_the_profile(monkeypatch):
    monkeypatch.setenv("SKAHA_TIMEOUT", "7")
    monkeypatch.setenv("SKAHA_CONCURRENCY", "8")
    client = SkahaClient(timeout=9)
    assert (client.timeout, client.concurrency, client.version) == (9, 8, "v0")


@pytest.mark.usefixtures("file")
def test_a_profile_is_chosen_by_name():
    client = SkahaClient(profile="other")
    assert (client.server, client.version, client.token) == ("https://other.example", "v1", None)
    with pytest.raises(InvalidInputError, match="no profile 'nope'; there is site, other"):
        SkahaClient(profile="nope")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("profile", [None, "other"])
def test_settings_that_were_looked_up_stay_what_they_are(profile):
    found = skaha.config.settings(profile)
    client = SkahaClient(**found)
    assert skaha.config.settings(**found) == found
    assert client.timeout == found.get("timeout", 30)


@pytest.mark.usefixtures("file")
def test_another_server_gets_nothing_of_the_profile_s_credentials():
    assert SkahaClient(server="https://elsewhere.example").token is None


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
def test_what_is_wrong_in_the_environment_is_blamed_on_it(monkeypatch, name, value):
    monkeypatch.setenv(f"SKAHA_{name}", value)
    with pytest.raises(InvalidInputError, match=f"^.*SKAHA_{name}.* must be "):
        SkahaClient()


@pytest.mark.parametrize("line", ["timeout = 'soon'", "tiemout = 5", "timeout ="])
def test_what_is_wrong_in_the_file_is_blamed_on_its_line(file, line):
    file.write_text(f"active = 'a'\n[profiles.a]\n{line}\n")
    with pytest.raises(InvalidInputError, match=r"config\.toml.*line 3"):
        SkahaClient()


def test_the_file_is_read_when_a_client_is_made(file):
    assert SkahaClient().timeout == 5
    file.unlink()
    assert SkahaClient().timeout == 30


def test_a_token_is_asked_for_at_each_request(variant, scripted):
    scripted.answer = lambda _: json_answer([])
    tokens = iter(["first", "second"])
    session = variant.open(server=scripted.url, token=lambda: next(tokens))
    for _ in range(2):
        variant.run(session.fetch())
    sent = [request.headers["authorization"] for request in scripted.received]
    assert sent == ["Bearer first", "Bearer second"]


def test_waiting_for_a_token_holds_nobody_else_up(scripted):
    scripted.answer = lambda _: json_answer([])
    others_ran = threading.Event()

    def token():
        assert others_ran.wait(10)
        return TOKEN

    async def main():
        async with skaha.AsyncSession(server=scripted.url, token=token) as session:
            fetched = asyncio.create_task(session.fetch())
            await asyncio.sleep(0)
            others_ran.set()
            assert await fetched == []

    asyncio.run(main())


def test_why_there_is_no_token_reaches_the_caller(variant, scripted):
    def token():
        raise CredentialsError("the login has ended: log in again")

    session = variant.open(server=scripted.url, token=token)
    with pytest.raises(CredentialsError, match="log in again"):
        variant.run(session.info(["abc", "def"]))
    assert scripted.received == []


@pytest.mark.parametrize("bad", [None, "", "a\nb", TOKEN.encode()])
def test_what_is_no_token_is_refused_and_never_shown(variant, scripted, bad):
    session = variant.open(server=scripted.url, token=lambda: bad)
    with pytest.raises(InvalidInputError, match="token must be") as caught:
        variant.run(session.fetch())
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_a_token_that_is_asked_for_travels_over_http_to_nobody_else():
    with pytest.raises(InvalidInputError, match="https"):
        SkahaClient(server="http://site.example", token=lambda: TOKEN)
