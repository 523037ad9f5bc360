"""Discovery of servers in registries; unreadable registries and lines are skipped."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Response

import skaha
from skaha.auth import discover, server_url
from skaha.config import ConfigurationError
from skaha.config._discovery import _entries
from skaha.config._sites import known_sites
from skaha.errors import CredentialsError, InvalidInputError

LISTING = """
# platforms
ivo://cadc.nrc.ca/skaha = https://new.canfar.example/skaha/capabilities
ivo://cadc.nrc.ca/arc = https://new.canfar.example/arc/capabilities
  ivo://new.example.org/skaha=https://new.example.org/skaha/capabilities
ivo://new.example.org/skaha = https://twice.example.org/skaha/capabilities/more
ivo://dev.example.org/skaha = https://dev.example.org/skaha/capabilities
ivo://rc.example.org/skaha = https://rc-uv.example.org/skaha/capabilities
ivo://devon.example.org/skaha = https://devon.example.org/skaha/capabilities
ivo://open.example.org/skaha = http://open.example.org/skaha/capabilities
ivo://odd.example.org/skaha = https://user@odd.example.org/skaha/capabilities
ivo://odd2.example.org/skaha = not a url/capabilities
ivo://canfar.net/src/skaha = https://src.canfar.example/skaha/capabilities
a line without an entry
= https://nameless.example.org/skaha/capabilities
ivo://empty.example.org/skaha =
"""


@pytest.fixture
def registry(scripted, home):
    """Start a registry with many lines that are not about servers; return its URL."""
    scripted.respond = lambda _: Response(200, LISTING)
    url = scripted.url.replace("/skaha", "/reg/resource-caps")
    home.sites(
        '[providers.cadc]\nmethod = "certificate"\nurl = "https://cadc.example.org"\n'
        f'registry = "{url}"\n[providers.srcnet]\nmethod = "oidc"\n'
        'url = "https://iam.example.org"\nregistry = "http://127.0.0.1:9/reg/resource-caps"\n'
    )
    return url


def test_discovery_finds_the_servers_among_other_lines(registry):
    servers = discover("cadc")
    assert [(server.name, server.url) for server in servers] == [
        ("canfar", "https://new.canfar.example/skaha"),
        ("ivo://new.example.org/skaha", "https://new.example.org/skaha"),
        ("ivo://devon.example.org/skaha", "https://devon.example.org/skaha"),
    ]
    assert {server.source for server in servers} == {registry}
    assert {server.provider for server in servers} == {"cadc"}


def test_servers_for_tests_are_listed_on_request(registry):
    del registry
    names = {server.uri for server in discover("cadc", trial=True)}
    assert {"ivo://dev.example.org/skaha", "ivo://rc.example.org/skaha"} < names


def test_known_servers_are_listed_if_the_registry_cannot_be_read(registry, scripted, caplog):
    del registry
    servers = discover("srcnet")
    assert "sweSRC" in {server.name for server in servers}
    assert {server.source for server in servers} == {"known"}
    assert "registry of srcnet cannot be read, so only known servers are listed" in caplog.text
    scripted.respond = lambda _: Response(500, "oh")
    assert [server.source for server in discover("cadc")] == ["known"]
    scripted.respond = lambda _: Response(404, "gone")
    assert [server.url for server in discover("cadc")] == ["https://ws-uv.canfar.net/skaha"]
    assert "only known servers are listed: status 404, gone" in caplog.text


def test_known_servers_are_listed_if_the_provider_has_no_registry(home):
    home.sites(
        '[providers.mine]\nmethod = "oidc"\nurl = "https://iam.example.org"\n'
        '[servers.my]\nprovider = "mine"\nurl = "https://my.example.org/skaha"\n'
    )
    assert [(server.name, server.source) for server in discover("mine")] == [("my", "known")]


def test_discovery_works_in_a_notebook_with_a_running_event_loop(registry):
    del registry

    async def cell():
        return discover("cadc")

    assert len(asyncio.run(cell())) == 3


def test_the_command_lists_all_servers(registry, home):
    result = home.run("servers", "--output", "json")
    items = {item["name"]: item for item in json.loads(result.stdout)}
    assert items["canfar"] == {
        "name": "canfar",
        "url": "https://new.canfar.example/skaha",
        "provider": "cadc",
        "uri": "ivo://cadc.nrc.ca/skaha",
        "source": registry,
    }
    assert items["sweSRC"]["source"] == "known"
    assert "registry of srcnet cannot be read" in result.stderr
    assert "canfar\thttps://new.canfar.example/skaha\tcadc" in home.run("servers", "cadc").stdout
    assert "there is no provider 'nope'" in home.run("servers", "nope", code=2).stderr


def test_a_server_without_a_url_is_looked_up(iam, home, scripted, platform):
    iam.fixed = platform.token
    listing = f"ivo://aussrc.org/skaha = {platform.url}/capabilities\n"
    scripted.respond = lambda _: Response(200, listing)
    home.sites(
        f'[providers.srcnet]\nmethod = "oidc"\nurl = "{iam.issuer}"\nregistry = "{scripted.url}"\n'
    )
    result = skaha.login("ausSRC", show=lambda device: iam.decide(device.code))
    assert (result.server, result.profile) == (platform.url, "ausSRC")
    with skaha.Session() as session:
        assert session.fetch() == []


@given(st.text() | st.lists(st.sampled_from(LISTING.split()), max_size=20).map(" ".join))
def test_any_text_can_be_read_and_only_secure_urls_are_returned(text):
    for uri, url in _entries(text):
        assert uri.endswith("/skaha")
        assert url.startswith("https://")


@pytest.mark.usefixtures("registry")
def test_the_name_of_a_server_has_its_url():
    assert server_url("canfar") == "https://ws-uv.canfar.net/skaha"
    with pytest.raises(
        InvalidInputError, match=r"one of the names canfar, ausSRC, .*; not 'canfra'"
    ):
        server_url("canfra")
    # This registry cannot be read.
    with pytest.raises(CredentialsError, match="the URL of chSRC is unknown"):
        server_url("chSRC")


def test_the_list_of_sites_is_complete():
    sites = known_sites()
    assert len(sites.servers) == 14
    assert sites.servers["canfar"].url == "https://ws-uv.canfar.net/skaha"
    assert all(provider.registry for provider in sites.providers.values())


@pytest.mark.parametrize(
    "text",
    [
        "[providers",
        '[providers.mine]\nmethod = "magic"\nurl = "https://a.example.org"\n',
        '[providers.mine]\nmethod = "oidc"\n',
        '[servers.mine]\nprovider = "unknown"\n',
        '[servers.mine]\nprovider = "cadc"\ncolour = "red"\n',
        "providers = 5\n",
    ],
)
def test_the_error_of_an_invalid_list_of_sites_names_the_file(home, text):
    home.sites(text)
    with pytest.raises(ConfigurationError, match=r"sites\.toml"):
        discover()
    with pytest.raises(InvalidInputError, match=r"sites\.toml"):
        skaha.login("cadc")
