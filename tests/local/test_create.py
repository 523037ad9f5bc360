"""Create requests: the order of the checks, the error texts and the response."""

import base64
import re

import pytest


def error_text(platform, **parameters):
    response = platform.post(**parameters)
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/plain"
    return response.text


def test_the_response_is_the_id_and_a_line_feed(platform):
    """The id has eight characters; the first is a letter."""
    response = platform.post(cmd="true")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain"
    assert "location" not in response.headers
    assert re.fullmatch(r"[a-z][a-z0-9]{7}\n", response.text)


def test_names_are_lower_case_and_not_unique(platform):
    """Two sessions may have the same name, and the server returns it in lower case."""
    first, second = (
        platform.create(name="Bias-1", cmd="true"),
        platform.create(name="Bias-1", cmd="true"),
    )
    assert first != second
    assert {platform.session(i)["name"] for i in (first, second)} == {"bias-1"}


# Each request has all errors that come after the error that the server reports.
BAD = {"type": "nope", "cores": "99", "ram": "3", "name": "a_b", "gpus": "0", "cmd": "$HOME"}
ELSEWHERE = "docker.io/library/alpine:3"
HOST = "must come from one of [images.canfar.net]"
NO_AUTH = (
    "No authentication provided for unknown or private image.  Use x-skaha-registry-auth request"
    " header with base64Encode(username:secret)."
)
UNTAGGED = "images.canfar.net/skaha/terminal"


@pytest.mark.parametrize(
    ("valid", "text"),
    [
        ({"image": None}, "Missing parameter 'image'"),
        ({"image": "  "}, "image is required"),
        ({"image": ELSEWHERE}, f"session image '{ELSEWHERE}' {HOST}"),
        ({}, "Invalid session type: nope"),
        ({"type": "headless"}, "Invalid value for 'cores': 99"),
        ({"type": "headless", "cores": "1"}, "Invalid value for 'ram': 3"),
        ({"type": "headless", "cores": "1", "ram": "1", "name": None}, "Missing parameter 'name'"),
        ({"type": "headless", "cores": "1", "ram": "1", "name": " "}, "Missing parameter 'name'"),
        (
            {"type": "headless", "cores": "1", "ram": "1"},
            "name can only contain alpha-numeric chars and '-'",
        ),
        (
            {"type": "headless", "cores": "1", "ram": "1", "name": "-a"},
            "Invalid value for 'gpus': 0",
        ),
        ({"type": "headless", "cores": "1", "ram": "1", "name": "-a", "gpus": "1"}, NO_AUTH),
    ],
)
def test_the_first_error_decides(platform, valid, text):
    """The server reports only the first error, in a fixed order of checks."""
    parameters = {"image": UNTAGGED} | BAD | valid
    data = {name: value for name, value in parameters.items() if value is not None}
    response = platform.client.post("/session", data=data)
    assert response.status_code == 400
    assert response.text == f"{text}\n"


def test_the_limit_is_checked_between_name_and_gpus(platform):
    """All interactive sessions share a limit of five; headless sessions have none."""
    for kind in ("notebook", "carta", "desktop", "contributed", "firefly"):
        platform.create(type=kind)
    user = platform.sessions()[0]["userid"]
    text = error_text(platform, type="carta", gpus="0", image=UNTAGGED)
    assert text == f"User {user} has reached the maximum of 5 active sessions.\n"
    assert error_text(platform, type="carta", name="a_b").startswith("name can only")
    platform.create(cmd="true")
    desktop = platform.sessions(type="desktop")[0]["id"]
    assert platform.client.post(f"/session/{desktop}/app", data={"image": "x"}).status_code == 200
    platform.delete(desktop)
    platform.create(type="carta")


@pytest.mark.parametrize("cores", ["0", "0.5", "1e9", "1e999", "-1", "nan", "two", "1_0", "9"])
def test_cores_must_be_an_option(platform, cores):
    """The error quotes a value that is not a number or not an option of the context."""
    assert error_text(platform, cores=cores) == f"Invalid value for 'cores': {cores}\n"


@pytest.mark.parametrize("gpus", ["0", "29", "1.0", "one", "-1"])
def test_gpus_must_be_an_option(platform, gpus):
    """Also 0 is refused."""
    assert error_text(platform, gpus=gpus) == f"Invalid value for 'gpus': {gpus}\n"


@pytest.mark.parametrize("cores", ["2d", "2.0F", " 2 ", "0x1p1", "0x.8p2d", "+2e0", "2."])
def test_numbers_are_those_of_java(platform, cores):
    """A number may have a suffix, an exponent of two, and blanks around it."""
    created = platform.create(cores=cores, ram="0x1p2", cmd="true")
    assert platform.session(created)["requestedCPUCores"] == "2"


def test_only_the_integer_part_of_a_number_is_checked(platform):
    """2.9 cores and 4.5 GB are accepted, and the session requests these amounts."""
    session = platform.session(platform.create(cores="2.9", ram="4.5", cmd="true"))
    assert session["requestedCPUCores"] == "2.900"
    assert session["requestedRAM"] == "4.83"


def test_blank_resources_and_type_count_as_absent(platform):
    """A client may send blank values for absent parameters."""
    session = platform.session(platform.create(cores="", ram=" ", gpus="", type="", cmd="true"))
    assert session["type"] == "headless"
    assert session["isFixedResources"] is False


def test_the_type_may_have_blanks_and_upper_case(platform):
    """A create ignores blanks and case in the type."""
    assert platform.session(platform.create(type=" CarTA "))["type"] == "carta"


def test_all_options_of_the_context_are_accepted(platform):
    """Every listed number of cores, GB and GPUs can be requested."""
    context = platform.client.get("/context").json()
    for cores in context["cores"]["options"]:
        platform.create(cores=str(cores), name="options", type="headless")
    for ram in context["memoryGB"]["options"]:
        platform.create(ram=str(ram), type="headless")
    for gpus in context["gpus"]["options"]:
        platform.create(gpus=str(gpus), type="headless")
    assert {1, 2, 4, 8} <= set(context["cores"]["options"])
    assert {1, 2, 4, 8, 16, 32} <= set(context["memoryGB"]["options"])
    assert context["gpus"]["options"] == list(range(1, 29))


@pytest.mark.parametrize(
    ("credential", "text"),
    [
        (b"user", "Invalid input.  Must be in form of username:secret\n"),
        (b"alice:a:b", "Invalid input.  Must be in form of username:secret\n"),
        (b"alice:", "Invalid input.  Must be in form of username:secret\n"),
        (b":x", "username is required.\n"),
        ("?!", "Length of Base64 encoded input string is not a multiple of 4.\n"),
        ("?!?!", "Illegal character in Base64 encoded data.\n"),
    ],
)
@pytest.mark.parametrize("image", [UNTAGGED, "images.canfar.net/priv/ate:1"])
def test_an_unknown_image_needs_valid_registry_credentials(platform, image, credential, text):
    """A credential is checked for each image that the platform does not list."""
    is_text = isinstance(credential, str)
    header = credential if is_text else base64.b64encode(credential).decode()
    headers = {"X-Skaha-Registry-Auth": header}
    data = {"name": "job", "image": image, "cmd": "true"}
    response = platform.client.post("/session", data=data, headers=headers)
    assert (response.status_code, response.text) == (400, text)
    headers = {"X-Skaha-Registry-Auth": base64.b64encode(b"user:secret").decode()}
    assert platform.client.post("/session", data=data, headers=headers).status_code == 200


def test_the_registry_is_compared_as_a_prefix(platform):
    """A host with the same beginning passes the first check, but its images are unknown."""
    assert error_text(platform, image="images.canfar.network/a/b:1") == f"{NO_AUTH}\n"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("$HOME", 400),
        ("${HOME}", 400),
        ("$(HOME)", 400),
        ("cost$", 400),
        ("$1", 500),
        ('say"hi', 500),
        ("bell\a", 500),
    ],
)
@pytest.mark.parametrize("where", ["cmd", "args", "env"])
def test_characters_that_break_the_template(platform, where, value, status):
    """Dollars, quotes and control characters break headless launches only."""
    parameters = {"cmd": "true"} | {where: f"A={value}" if where == "env" else value}
    response = platform.post(**parameters)
    assert response.status_code == status
    if status == 500:
        assert response.text.startswith("unexpected exception: ")
    assert platform.post(type="carta", **parameters).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "status", "text"),
    [
        ({"name": "-a"}, 400, "canfar.net/name label value cannot be blank\n"),
        ({"name": "a-"}, 500, None),
        ({"name": "a" * 64}, 500, None),
        ({"env": "=b"}, 500, None),
        ({"type": "desktop-app"}, 500, None),
    ],
)
def test_errors_that_only_kubernetes_finds(platform, parameters, status, text):
    """Names that are not valid labels or host names, and invalid names of variables."""
    response = platform.post(**parameters)
    assert response.status_code == status
    if text is None:
        assert response.text.startswith("unexpected exception: java.")
        assert not response.text.endswith("\n")
    else:
        assert response.text == text


def test_a_refused_create_leaves_no_session(platform):
    """The list does not change."""
    before = {session["id"] for session in platform.sessions()}
    platform.post(name="a_b")
    platform.post(cmd="$HOME")
    platform.post(name="a-")
    assert {session["id"] for session in platform.sessions()} == before


def test_every_image_of_the_registry_runs(platform):
    """Also an image that the platform does not list."""
    for image in ("images.canfar.net/a/b:1", "images.canfar.net/a/b/c@sha256:0123456789abcdef"):
        platform.wait(platform.create(image=image, cmd="true"))
