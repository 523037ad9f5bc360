"""Create requests: the order of the checks, the error texts and the response."""

import pytest


def error_text(platform, **parameters):
    response = platform.post(**parameters)
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/plain"
    return response.text


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


@pytest.mark.parametrize("cores", ["0", "1e9", "1e999", "nan", "1_0", "9", "0x1p9999"])
def test_cores_must_be_an_option(platform, cores):
    """The error quotes a value that is not a number or not an option of the context."""
    assert error_text(platform, cores=cores) == f"Invalid value for 'cores': {cores}\n"


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
