"""The platform conforms to the OpenAPI description, for generated requests."""

import pytest
import requests
import schemathesis
from described import DOCUMENT as SPEC
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

pytestmark = pytest.mark.slow

SCHEMA = schemathesis.openapi.from_dict(SPEC)
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations()}
# An operation without parameters accepts no wrong values.
WITH_PARAMETERS = [
    label
    for label, operation in OPERATIONS.items()
    if operation.body or operation.query or operation.path_parameters
]


def only_java_errors(_context, response, _case):
    """Check that a server error copies the real server, and is not an error of this platform."""
    if response.status_code == 500:
        causes = ("java.", "while parsing a ", "while scanning a ", "unacceptable code point ")
        assert response.text.startswith(tuple(f"unexpected exception: {cause}" for cause in causes))


def content_type_conformance(context, response, case):
    """Check the content type; an empty response has none."""
    if response.content:
        return checks.content_type_conformance(context, response, case)
    assert "content-type" not in response.headers or case.path.startswith("/v1/session")
    return None


CHECKS = [
    only_java_errors,
    content_type_conformance,
    checks.status_code_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
]


@pytest.fixture(autouse=True)
def _clean():
    """Keep the sessions of this module."""


@pytest.fixture(scope="module")
def platform(launch_shared):
    """A platform for this module."""
    return launch_shared()


@pytest.fixture(scope="module")
def http_session(platform):
    with requests.Session() as session:
        session.trust_env = False
        session.headers = dict(platform.client.headers)
        yield session


@pytest.fixture(scope="module")
def platform_with_sessions(platform):
    """A platform with a session for each kind of response."""
    platform.wait(platform.create(cmd="true", ram="4"))
    desktop = platform.create(type="desktop")
    platform.client.post(f"/session/{desktop}/app", data={"image": "a/b:1"})
    return platform


@pytest.mark.parametrize("operation", OPERATIONS)
def test_valid_requests(platform_with_sessions, http_session, operation):
    check_operation(
        platform_with_sessions,
        http_session,
        OPERATIONS[operation],
        schemathesis.GenerationMode.POSITIVE,
    )


@pytest.mark.parametrize("operation", WITH_PARAMETERS)
def test_invalid_requests(platform_with_sessions, http_session, operation):
    check_operation(
        platform_with_sessions,
        http_session,
        OPERATIONS[operation],
        schemathesis.GenerationMode.NEGATIVE,
    )


def test_launches_with_a_valid_image(platform_with_sessions, http_session, image):
    """Random images are refused, so the image and a harmless command are fixed."""

    def make_valid(case):
        case.body = case.body | {"image": image, "cmd": "true"}
        return case

    operation, mode = OPERATIONS["POST /v1/session"], schemathesis.GenerationMode.POSITIVE
    check_operation(platform_with_sessions, http_session, operation, mode, make_valid)
    assert len(platform_with_sessions.sessions(type="headless")) > 3


def check_operation(platform, http_session, operation, mode, change=lambda case: case):
    """Send generated requests, and compare the responses with the description."""

    @settings(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        response = change(case).call(base_url=platform.url, session=http_session)
        case.validate_response(response, checks=CHECKS)

    check()
