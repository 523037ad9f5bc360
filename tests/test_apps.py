"""Desktop apps, the interactive view, image details, registries and capabilities."""

import pytest
import samples
from scripted import Response, json_response
from staged import IMAGE

from skaha import errors
from skaha.models import Capability, Interface

APP_IMAGE = "anywhere.org/skaha/terminal:1.2.0"


@pytest.fixture
def desktops(variant, session):
    ids = [
        variant.run(session.create(f"desk-{n}", IMAGE, None, None, kind="desktop"))[0]
        for n in (1, 2)
    ]
    yield ids
    variant.run(session.destroy(ids))


def test_an_app_is_attached_listed_inspected_and_deleted(variant, session, desktops):
    first, second = desktops
    app = variant.run(session.attach_app(first, APP_IMAGE))
    other = variant.run(session.attach_app(second, APP_IMAGE, cores=2, ram=4))
    assert len(app) == 3
    record = variant.run(session.app_info(first, app))
    assert (record["id"], record["appid"], record["type"]) == (first, app, "desktop-app")
    assert record["image"] == APP_IMAGE
    # The platform lists the apps of all desktops, even if the request names one desktop.
    assert [app_record["appid"] for app_record in variant.run(session.apps(first))] == [app]
    assert [app_record["appid"] for app_record in variant.run(session.apps(second))] == [other]
    assert {app_record["appid"] for app_record in variant.run(session.apps())} == {app, other}
    assert variant.run(session.apps(status="Terminating")) == []
    assert variant.run(session.apps(first, [record["status"], "Failed"]))[0]["appid"] == app
    assert variant.run(session.destroy_app(first, app)) is None
    with pytest.raises(errors.NotFoundError, match=f"info of app {app} on {first}"):
        variant.run(session.app_info(first, app))
    assert variant.run(session.apps(first)) == []
    # The desktop is still there.
    assert [record["id"] for record in variant.run(session.info(first))] == [first]


def test_an_app_needs_a_desktop(variant, session):
    with pytest.raises(errors.NotFoundError, match=r"app on unknown1: .* unknown1 not found"):
        variant.run(session.attach_app("unknown1", APP_IMAGE))


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
def test_invalid_input_is_refused_before_a_request_is_sent(
    variant, scripted, scripted_session, call, args
):
    with pytest.raises(errors.InvalidInputError):
        variant.run(getattr(scripted_session, call)(*args))
    assert scripted.received == []


def test_the_request_of_an_app_has_only_the_given_fields_and_is_not_repeated(variant, scripted):
    scripted.respond = lambda _: Response(503, "busy", headers={"Retry-After": "0"})
    session = variant.open(server=scripted.url, token="t")
    with pytest.raises(errors.ServerError):
        variant.run(session.attach_app("d8", APP_IMAGE, cores=2))
    [request] = scripted.received
    assert (request.method, request.path) == ("POST", "/skaha/v1/session/d8/app")
    assert request.form == {"image": [APP_IMAGE], "cores": ["2"]}


# Views.


def test_the_interactive_view_lists_only_interactive_sessions(variant, session, desktops):
    ids = variant.run(session.create("plain", IMAGE, 1, 1, cmd="true"))
    app = variant.run(session.attach_app(desktops[0], APP_IMAGE))
    try:
        records = variant.run(session.fetch(view="interactive"))
        assert {record["id"] for record in records} == set(desktops)
        assert app in {app_record.get("appid") for app_record in records}
        kinds = {
            record["type"] for record in variant.run(session.fetch("desktop", view="interactive"))
        }
        assert kinds == {"desktop"}
    finally:
        variant.run(session.destroy(ids))


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_records_are_filtered_if_the_platform_ignores_the_view(
    variant, scripted, scripted_session, profile
):
    scripted.respond = lambda _: json_response(samples.SESSIONS[profile])
    records = variant.run(scripted_session.fetch(view="interactive"))
    assert records == [
        record for record in samples.SESSIONS[profile] if record["type"] != "headless"
    ]
    assert scripted.received[0].query["view"] == ["interactive"]


# Images and registries.


def test_registries_are_listed(variant, platform):
    images = variant.open("Images", server=platform.url, token=platform.token)
    assert variant.run(images.repositories()) == ["images.canfar.net"]


def test_image_details_contain_all_fields_of_the_platform(variant, scripted, platform):
    images = variant.open("Images", server=platform.url, token=platform.token)
    details = variant.run(images.details())
    assert [image["id"] for image in details] == variant.run(images.fetch())
    carta_images = variant.run(images.details("carta"))
    assert carta_images
    assert all("carta" in image["types"] and image["digest"] for image in carta_images)
    scripted.respond = lambda _: json_response(samples.IMAGES)
    scripted_images = variant.open("Images", server=scripted.url, token="t")
    assert variant.run(scripted_images.details()) == samples.IMAGES


@pytest.mark.parametrize("kind", ["jupyter", "", 7])
def test_an_unknown_kind_is_refused(variant, scripted, kind):
    images = variant.open("Images", server=scripted.url, token="t")
    for method in (images.details, images.fetch):
        with pytest.raises(errors.InvalidInputError, match="kind"):
            variant.run(method(kind))
    assert scripted.received == []


@pytest.mark.parametrize("response", ['{"a": 1}', '["a", 1]', "images.canfar.net", "[[]]"])
def test_an_invalid_list_of_registries_raises_a_clear_error(variant, scripted, response):
    scripted.respond = lambda _: Response(200, response, "application/json")
    images = variant.open("Images", server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.AnswerError, match=r"repositories: .*list of texts"):
        variant.run(images.repositories())


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


def test_capabilities_have_their_interfaces(variant, scripted):
    scripted.respond = lambda _: Response(200, CAPABILITIES, "text/xml")
    overview = variant.open("Overview", server=scripted.url, token="t")
    methods = ("ivo://ivoa.net/sso#token", "ivo://ivoa.net/sso#tls-with-certificate")
    assert variant.run(overview.capabilities()) == [
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


def test_the_embedded_platform_states_its_capabilities(variant, platform, tmp_path, monkeypatch):
    """The request needs no credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    overview = variant.open("Overview", server=platform.url)
    interfaces = {
        capability.standard: capability.interfaces
        for capability in variant.run(overview.capabilities())
    }
    [interface, *_] = interfaces["http://www.opencadc.org/std/platform#session-1"]
    assert interface.url == f"{platform.url}/v1/session"


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
def test_an_invalid_capabilities_document_is_refused(variant, scripted, body):
    scripted.respond = lambda _: Response(200, body, "text/xml")
    overview = variant.open("Overview", server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.AnswerError, match="a VOSI capabilities document"):
        variant.run(overview.capabilities())
