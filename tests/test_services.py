"""Images, resources and the health of a platform."""

import pytest
import samples
from scripted import Answer, json_answer

from skaha.errors import AnswerError, ServerError

VOSI = 'xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0"'
NAMESPACE = 'xmlns="http://www.ivoa.net/xml/VOSIAvailability/v1.0"'


def opened(variant, scripted, kind, body, content_type="text/xml"):
    scripted.answer = lambda _: Answer(200, body, content_type)
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
def test_a_service_says_whether_it_is_available(variant, scripted, body, available):
    overview = opened(variant, scripted, "Overview", body)
    assert variant.run(overview.availability()) is available


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
HOSTILE = {
    "billion laughs": f"<!DOCTYPE a [<!ENTITY l0 'ha'>{LAUGHS}]><a><available>&l9;</available></a>",
    "external entity": (
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a><available>&x;</available></a>"
    ),
    "an entity that says true": (
        "<!DOCTYPE a [<!ENTITY x 'true'>]><a><available>&x;</available></a>"
    ),
    "external document type": "<!DOCTYPE a SYSTEM 'http://127.0.0.1/a.dtd'><a>&b;</a>",
    "neither yes nor no": "<a><available>perhaps</available></a>",
    "nothing said": "<a><note>fine</note></a>",
    "empty": "",
    "cut off": "<a><available>true</availab",
    "no document": "available: true",
    "JSON": '{"available": true}',
    "a page": "<!doctype html><html><body>true</body></html>",
    "unknown encoding": "<?xml version='1.0' encoding='moon'?><a><available>true</available></a>",
    "no text": b"\x00\xff\xfe\x00",
    "nested": "<a>" * 3000 + "<available>true</available>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=list(HOSTILE))
def test_whatever_is_no_such_document_is_refused(variant, scripted, body):
    overview = opened(variant, scripted, "Overview", body)
    with pytest.raises(AnswerError, match="GET /skaha/availability answered 200") as caught:
        variant.run(overview.availability())
    assert "VOSI availability" in str(caught.value)


def test_a_service_that_cannot_even_say_so_is_an_error(variant, scripted):
    overview = opened(variant, scripted, "Overview", "")
    scripted.answer = lambda _: Answer(503, "down for repairs")
    with pytest.raises(ServerError, match="down for repairs"):
        variant.run(overview.availability())


def test_health_is_told_without_credentials(variant, platform, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert variant.run(variant.open("Overview", server=platform.url).availability()) is True


def test_images_are_their_references(variant, scripted):
    images = opened(variant, scripted, "Images", "")
    scripted.answer = lambda _: json_answer([*samples.IMAGES, {"types": ["headless"]}, {"id": ""}])
    assert variant.run(images.fetch()) == [image["id"] for image in samples.IMAGES]


def test_images_are_of_the_kind_asked_for(variant, platform):
    images = variant.open("Images", server=platform.url, token=platform.token)
    every = variant.run(images.fetch())
    headless = variant.run(images.fetch(kind="headless"))
    assert "images.canfar.net/skaha/terminal:1.1.2" in headless
    assert set(variant.run(images.fetch("desktop"))) < set(every)
    assert all(isinstance(image, str) for image in every)


@pytest.mark.parametrize("profile", samples.CONTEXTS)
def test_resources_are_the_platforms_own_words(variant, scripted, profile):
    context = opened(variant, scripted, "Context", "")
    scripted.answer = lambda _: json_answer(samples.CONTEXTS[profile])
    assert variant.run(context.resources()) == samples.CONTEXTS[profile]


@pytest.mark.parametrize("profile", samples.STATISTICS)
def test_statistics_are_the_platforms_own_words(variant, scripted, scripted_session, profile):
    scripted.answer = lambda _: json_answer(samples.STATISTICS[profile])
    assert variant.run(scripted_session.stats()) == samples.STATISTICS[profile]


def test_the_embedded_platform_offers_what_a_launch_asks_for(variant, platform):
    context = variant.open("Context", server=platform.url, token=platform.token)
    found = variant.run(context.resources())
    assert 2 in found["cores"]["options"]
    assert 4 in found["memoryGB"]["options"]
