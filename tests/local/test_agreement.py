"""The description and the platform agree, whatever a client may think of within the description."""

from pathlib import Path

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

SPEC = yaml.safe_load((Path(__file__).parents[2] / "openapi" / "skaha.yaml").read_text())
SCHEMA = schemathesis.openapi.from_dict(SPEC)
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations()}
# What asks for nothing cannot ask for it wrongly, and another view is another operation.
TAKES_WRONG_THINGS = [
    label
    for label, operation in OPERATIONS.items()
    if "#" not in label and (operation.body or operation.query or operation.path_parameters)
]


def only_javas_errors(_context, response, _case):
    """A server error is one of the real server's, not of this one."""
    if response.status_code == 500:
        assert response.text.startswith("unexpected exception: java.")


def content_type_conformance(context, response, case):
    """What is empty needs no type, and has none."""
    if response.content:
        return checks.content_type_conformance(context, response, case)
    assert "content-type" not in response.headers or case.path.startswith("/v1/session")
    return None


CHECKS = [
    only_javas_errors,
    content_type_conformance,
    checks.status_code_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
]


@pytest.fixture(scope="module")
def caller(platform):
    with requests.Session() as session:
        session.trust_env = False
        session.headers = dict(platform.client.headers)
        yield session


@pytest.fixture(scope="module")
def inhabited(platform):
    """A platform with a session of each kind of answer."""
    platform.wait(platform.create(cmd="true", ram="4"))
    desktop = platform.create(type="desktop")
    platform.client.post(f"/session/{desktop}/app", data={"image": "a/b:1"})
    return platform


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_within_the_description(inhabited, caller, operation):
    hold(inhabited, caller, OPERATIONS[operation], schemathesis.GenerationMode.POSITIVE)


@pytest.mark.parametrize("operation", TAKES_WRONG_THINGS)
def test_requests_beyond_the_description(inhabited, caller, operation):
    hold(inhabited, caller, OPERATIONS[operation], schemathesis.GenerationMode.NEGATIVE)


def test_launches_that_get_past_the_image(inhabited, caller, image):
    """What chance does not hit upon is given: an image of the registry, and a harmless command."""

    def launchable(case):
        case.body = case.body | {"image": image, "cmd": "true"}
        return case

    operation, mode = OPERATIONS["POST /v1/session"], schemathesis.GenerationMode.POSITIVE
    hold(inhabited, caller, operation, mode, launchable)
    assert len(inhabited.sessions(type="headless")) > 3


def hold(platform, caller, operation, mode, change=lambda case: case):
    """Hold the platform's answers to generated requests against the description."""

    @settings(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        response = change(case).call(base_url=platform.url, session=caller)
        case.validate_response(response, checks=CHECKS)

    check()
