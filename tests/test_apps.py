"""Desktop apps, and what else the platform tells: images, registries, views, capabilities."""

import pytest
import samples
from scripted import Answer, json_answer
from staged import IMAGE

from skaha import errors
from skaha.models import Capability, Interface

APP_IMAGE = "anywhere.org/skaha/terminal:1.2.0"


@pytest.fixture
def desktops(colour, session):
    ids = [
        colour.run(session.create(f"desk-{n}", IMAGE, None, None, kind="desktop"))[0]
        for n in (1, 2)
    ]
    yield ids
    colour.run(session.destroy(ids))


def test_an_app_is_attached_listed_read_and_ended(colour, session, desktops):
    first, second = desktops
    app = colour.run(session.attach_app(first, APP_IMAGE))
    other = colour.run(session.attach_app(second, APP_IMAGE, cores=2, ram=4))
    assert len(app) == 3
    told = colour.run(session.app_info(first, app))
    assert (told["id"], told["appid"], told["type"]) == (first, app, "desktop-app")
    assert told["image"] == APP_IMAGE
    # The platform lists the apps of all desktops, whichever it is asked about.
    assert [one["appid"] for one in colour.run(session.apps(first))] == [app]
    assert [one["appid"] for one in colour.run(session.apps(second))] == [other]
    assert {one["appid"] for one in colour.run(session.apps())} == {app, other}
    assert colour.run(session.apps(status="Terminating")) == []
    assert colour.run(session.apps(first, [told["status"], "Failed"]))[0]["appid"] == app
    assert colour.run(session.destroy_app(first, app)) is None
    with pytest.raises(errors.NotFoundError, match=f"info of app {app} on {first}"):
        colour.run(session.app_info(first, app))
    assert colour.run(session.apps(first)) == []
    # The desktop is still there.
    assert [one["id"] for one in colour.run(session.info(first))] == [first]


def test_an_app_needs_a_desktop(colour, session):
    with pytest.raises(errors.NotFoundError, match=r"app on nobodys1: .* nobodys1 not found"):
        colour.run(session.attach_app("nobodys1", APP_IMAGE))


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("apps", ("d 8",)),
        ("apps", (None, "Dreaming")),
        ("attach_app", ("../d8", APP_IMAGE)),
        ("attach_app", ("d8", "")),
        ("attach_app", ("d8", APP_IMAGE, 0)),
        ("attach_app", ("d8", APP_IMAGE, 1, -1)),
        ("app_info", ("d8", "")),
        ("app_info", ("", "k4b")),
        ("destroy_app", ("d8", "..")),
        ("destroy_app", ("d8", "k4b/../..")),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(
    colour, scripted, scripted_session, call, args
):
    with pytest.raises(errors.InvalidInputError):
        colour.run(getattr(scripted_session, call)(*args))
    assert scripted.received == []


def test_an_app_is_attached_with_what_was_asked_for_and_never_twice(colour, scripted):
    scripted.answer = lambda _: Answer(503, "busy", headers={"Retry-After": "0"})
    session = colour.open(server=scripted.url, token="t")
    with pytest.raises(errors.ServerError):
        colour.run(session.attach_app("d8", APP_IMAGE, cores=2))
    [request] = scripted.received
    assert (request.method, request.path) == ("POST", "/skaha/v1/session/d8/app")
    assert request.form == {"image": [APP_IMAGE], "cores": ["2"]}


# Views.


def test_what_is_interactive_is_in_a_view_of_its_own(colour, session, desktops):
    ids = colour.run(session.create("plain", IMAGE, 1, 1, cmd="true"))
    app = colour.run(session.attach_app(desktops[0], APP_IMAGE))
    try:
        found = colour.run(session.fetch(view="interactive"))
        assert {one["id"] for one in found} == set(desktops)
        assert app in {one.get("appid") for one in found}
        kinds = {one["type"] for one in colour.run(session.fetch("desktop", view="interactive"))}
        assert kinds == {"desktop"}
    finally:
        colour.run(session.destroy(ids))


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_a_platform_that_knows_no_such_view_is_helped(colour, scripted, scripted_session, profile):
    scripted.answer = lambda _: json_answer(samples.SESSIONS[profile])
    found = colour.run(scripted_session.fetch(view="interactive"))
    assert found == [one for one in samples.SESSIONS[profile] if one["type"] != "headless"]
    assert scripted.received[0].query["view"] == ["interactive"]


# Images and registries.


def test_registries_are_told(colour, platform):
    images = colour.open("Images", server=platform.url, token=platform.token)
    assert colour.run(images.repositories()) == ["images.canfar.net"]


def test_images_are_told_with_all_there_is(colour, scripted, platform):
    images = colour.open("Images", server=platform.url, token=platform.token)
    every = colour.run(images.details())
    assert [one["id"] for one in every] == colour.run(images.fetch())
    carta = colour.run(images.details("carta"))
    assert carta
    assert all("carta" in one["types"] and one["digest"] for one in carta)
    scripted.answer = lambda _: json_answer(samples.IMAGES)
    odd = colour.open("Images", server=scripted.url, token="t")
    assert colour.run(odd.details()) == samples.IMAGES


@pytest.mark.parametrize("kind", ["jupyter", "", 7])
def test_a_kind_that_nobody_knows_is_refused(colour, scripted, kind):
    images = colour.open("Images", server=scripted.url, token="t")
    for call in (images.details, images.fetch):
        with pytest.raises(errors.InvalidInputError, match="kind"):
            colour.run(call(kind))
    assert scripted.received == []


@pytest.mark.parametrize("answer", ['{"a": 1}', '["a", 1]', "images.canfar.net", "[[]]"])
def test_what_is_no_list_of_registries_is_told(colour, scripted, answer):
    scripted.answer = lambda _: Answer(200, answer, "application/json")
    images = colour.open("Images", server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.AnswerError, match=r"repositories: .*list of texts"):
        colour.run(images.repositories())


# Capabilities.

CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
    xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <capability standardID="ivo://ivoa.net/std/VOSI#availability">
    <interface xsi:type="vs:ParamHTTP" role="std" version="1.0">
      <accessURL use="full">
        https://ws.example.org/skaha/availability
      </accessURL>
    </interface>
  </capability>
  <capability standardID="http://www.opencadc.org/std/platform#session-1">
    <interface xsi:type="vs:ParamHTTP" role="std">
      <accessURL>https://ws.example.org/skaha/v1/session</accessURL>
      <securityMethod standardID="ivo://ivoa.net/sso#token" />
      <securityMethod standardID="ivo://ivoa.net/sso#tls-with-certificate" />
      <securityMethod />
    </interface>
    <interface/>
  </capability>
  <capability/>
</vosi:capabilities>"""


def test_capabilities_are_told_with_their_interfaces(colour, scripted):
    scripted.answer = lambda _: Answer(200, CAPABILITIES, "text/xml")
    overview = colour.open("Overview", server=scripted.url, token="t")
    methods = ("ivo://ivoa.net/sso#token", "ivo://ivoa.net/sso#tls-with-certificate")
    assert colour.run(overview.capabilities()) == [
        Capability(
            "ivo://ivoa.net/std/VOSI#availability",
            (Interface("https://ws.example.org/skaha/availability", (), "1.0"),),
        ),
        Capability(
            "http://www.opencadc.org/std/platform#session-1",
            (Interface("https://ws.example.org/skaha/v1/session", methods), Interface("")),
        ),
        Capability(""),
    ]


def test_the_embedded_platform_can_what_it_says(colour, platform, tmp_path, monkeypatch):
    """No credentials are needed to ask."""
    monkeypatch.setenv("HOME", str(tmp_path))
    overview = colour.open("Overview", server=platform.url)
    found = {one.standard: one.interfaces for one in colour.run(overview.capabilities())}
    [session, *_] = found["http://www.opencadc.org/std/platform#session-1"]
    assert session.url == f"{platform.url}/v1/session"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "<availability/>",
        "<!doctype html><html></html>",
        "<capabilities><capability>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><capabilities>&x;</capabilities>",
        b"\x00\xff",
    ],
)
def test_whatever_is_no_such_document_is_refused(colour, scripted, body):
    scripted.answer = lambda _: Answer(200, body, "text/xml")
    overview = colour.open("Overview", server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.AnswerError, match="a VOSI capabilities document"):
        colour.run(overview.capabilities())
