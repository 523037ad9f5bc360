"""Images, resources, statistics and the availability of a platform."""

import pytest
import samples
from scripted import Response, json_response

from skaha.errors import AnswerError, CredentialsError, ServerError

VOSI = 'xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0"'
NAMESPACE = 'xmlns="http://www.ivoa.net/xml/VOSIAvailability/v1.0"'


def open_client(variant, scripted, kind, body, content_type="text/xml"):
    scripted.respond = lambda _: Response(200, body, content_type)
    return variant.open(kind, server=scripted.url, token="t", retry=False)


@pytest.mark.parametrize(
    ("body", "available"),
    [
        (
            f"<vosi:availability {VOSI}><vosi:available>true</vosi:available></vosi:availability>",
            True,
        ),
        (f"<availability {NAMESPACE}><available>false</available></availability>", False),
        (
            "<availability><available>\n true \n</available><note>a &lt; b</note></availability>",
            True,
        ),
        ("<?xml version='1.0'?><availability><available>0</available></availability>", False),
        ("<a><available>1</available><!-- from 10.0.0.1 --></a>", True),
        (
            "<?xml version='1.0' encoding='utf-16'?><a><available>true</available></a>".encode(
                "utf-16"
            ),
            True,
        ),
    ],
)
def test_the_availability_is_read_from_the_document(variant, scripted, body, available):
    overview = open_client(variant, scripted, "Overview", body)
    assert variant.run(overview.availability()) is available


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
INVALID_DOCUMENTS = {
    "billion laughs": f"<!DOCTYPE a [<!ENTITY l0 'ha'>{LAUGHS}]><a><available>&l9;</available></a>",
    "external entity": (
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a><available>&x;</available></a>"
    ),
    "an entity that says true": (
        "<!DOCTYPE a [<!ENTITY x 'true'>]><a><available>&x;</available></a>"
    ),
    "external document type": "<!DOCTYPE a SYSTEM 'http://127.0.0.1/a.dtd'><a>&b;</a>",
    "neither true nor false": "<a><available>perhaps</available></a>",
    "no statement": "<a><note>fine</note></a>",
    "empty": "",
    "cut off": "<a><available>true</availab",
    "not XML": "available: true",
    "JSON": '{"available": true}',
    "an HTML page": "<!doctype html><html><body>true</body></html>",
    "unknown encoding": "<?xml version='1.0' encoding='moon'?><a><available>true</available></a>",
    "not a text": b"\x00\xff\xfe\x00",
    "nested": "<a>" * 3000 + "<available>true</available>",
}


@pytest.mark.parametrize("body", INVALID_DOCUMENTS.values(), ids=list(INVALID_DOCUMENTS))
def test_an_invalid_availability_document_is_refused(variant, scripted, body):
    overview = open_client(variant, scripted, "Overview", body)
    with pytest.raises(AnswerError, match="GET /skaha/availability answered 200") as caught:
        variant.run(overview.availability())
    assert "VOSI availability" in str(caught.value)


def test_an_error_response_instead_of_the_document_is_raised(variant, scripted):
    overview = open_client(variant, scripted, "Overview", "")
    scripted.respond = lambda _: Response(503, "down for repairs")
    with pytest.raises(ServerError, match="down for repairs"):
        variant.run(overview.availability())


def test_the_availability_needs_no_credentials(variant, platform, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert variant.run(variant.open("Overview", server=platform.url).availability()) is True


def test_images_are_returned_as_their_references(variant, scripted):
    images = open_client(variant, scripted, "Images", "")
    scripted.respond = lambda _: json_response(
        [*samples.IMAGES, {"types": ["headless"]}, {"id": ""}]
    )
    assert variant.run(images.fetch()) == [image["id"] for image in samples.IMAGES]


def test_images_are_filtered_by_kind(variant, platform):
    images = variant.open("Images", server=platform.url, token=platform.token)
    all_images = variant.run(images.fetch())
    headless = variant.run(images.fetch(kind="headless"))
    assert "images.canfar.net/skaha/terminal:1.1.2" in headless
    assert set(variant.run(images.fetch("desktop"))) < set(all_images)
    assert all(isinstance(image, str) for image in all_images)


@pytest.mark.parametrize("profile", samples.CONTEXTS)
def test_resources_are_returned_unchanged(variant, scripted, profile):
    context = open_client(variant, scripted, "Context", "")
    scripted.respond = lambda _: json_response(samples.CONTEXTS[profile])
    assert variant.run(context.resources()) == samples.CONTEXTS[profile]


@pytest.mark.parametrize("profile", samples.STATISTICS)
def test_statistics_are_returned_unchanged(variant, scripted, scripted_session, profile):
    scripted.respond = lambda _: json_response(samples.STATISTICS[profile])
    assert variant.run(scripted_session.stats()) == samples.STATISTICS[profile]


def test_the_embedded_platform_allows_the_default_amounts_of_a_launch(variant, platform):
    context = variant.open("Context", server=platform.url, token=platform.token)
    resources = variant.run(context.resources())
    assert 2 in resources["cores"]["options"]
    assert 4 in resources["memoryGB"]["options"]


def test_overview_sends_no_credentials(variant, scripted):
    """So an ended login does not hide whether the service is available."""
    documents = {
        "/skaha/availability": "<a><available>true</available></a>",
        "/skaha/capabilities": "<capabilities><capability standardID='a'/></capabilities>",
    }
    scripted.respond = lambda received: Response(200, documents[received.path], "text/xml")

    def ended_login():
        raise CredentialsError("the login has ended")

    for token in ("a-token", ended_login):
        overview = variant.open("Overview", server=scripted.url, token=token, retry=False)
        assert variant.run(overview.availability()) is True
        assert [item.standard for item in variant.run(overview.capabilities())] == ["a"]
    assert len(scripted.received) == 4
    assert not [request for request in scripted.received if "authorization" in request.headers]
    scripted.respond = lambda _: json_response([])
    images = variant.open("Images", server=scripted.url, token="a-token", retry=False)
    variant.run(images.fetch())
    assert scripted.received[-1].headers["authorization"] == "Bearer a-token"
