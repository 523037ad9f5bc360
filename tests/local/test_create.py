"""What a create request may say, in which order it is checked, and what is answered."""

import base64
import re

import pytest


@pytest.fixture(autouse=True)
def _clean(clean):
    """Start each test with the interactive sessions of the one before gone."""


def refusal(platform, **parameters):
    response = platform.post(**parameters)
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/plain"
    return response.text


def test_answer_is_the_id_and_a_line_feed(platform):
    """A create answers 200 with eight characters, the first a letter, and one line feed."""
    response = platform.post(cmd="true")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain"
    assert "location" not in response.headers
    assert re.fullmatch(r"[a-z][a-z0-9]{7}\n", response.text)


def test_names_are_lower_case_and_not_unique(platform):
    """Two sessions of one name are two sessions, and the name comes back in lower case."""
    first, second = (
        platform.create(name="Bias-1", cmd="true"),
        platform.create(name="Bias-1", cmd="true"),
    )
    assert first != second
    assert {platform.session(i)["name"] for i in (first, second)} == {"bias-1"}


# Each request is wrong in every way that comes after the one it is refused for.
BAD = {"type": "nope", "cores": "99", "ram": "3", "name": "a_b", "gpus": "0", "cmd": "$HOME"}
ELSEWHERE = "docker.io/library/alpine:3"
HOST = "must come from one of [images.canfar.net]"
NO_AUTH = (
    "No authentication provided for unknown or private image.  Use x-skaha-registry-auth request"
    " header with base64Encode(username:secret)."
)
UNTAGGED = "images.canfar.net/skaha/terminal"


@pytest.mark.parametrize(
    ("right", "text"),
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
def test_refusals_come_in_the_servers_order(platform, right, text):
    """The first wrong thing decides the text, however much else is wrong."""
    parameters = {"image": UNTAGGED} | BAD | right
    given = {name: value for name, value in parameters.items() if value is not None}
    response = platform.client.post("/session", data=given)
    assert response.status_code == 400
    assert response.text == f"{text}\n"


def test_the_limit_is_checked_between_name_and_gpus(platform):
    """Interactive sessions share one limit of five; headless ones have none."""
    for kind in ("notebook", "carta", "desktop", "contributed", "firefly"):
        platform.create(type=kind)
    user = platform.sessions()[0]["userid"]
    text = refusal(platform, type="carta", gpus="0", image=UNTAGGED)
    assert text == f"User {user} has reached the maximum of 5 active sessions.\n"
    assert refusal(platform, type="carta", name="a_b").startswith("name can only")
    platform.create(cmd="true")
    desktop = platform.sessions(type="desktop")[0]["id"]
    assert platform.client.post(f"/session/{desktop}/app", data={"image": "x"}).status_code == 200
    platform.delete(desktop)
    platform.create(type="carta")


@pytest.mark.parametrize("cores", ["0", "0.5", "1e9", "1e999", "-1", "nan", "two", "1_0", "9"])
def test_cores_have_to_be_an_option(platform, cores):
    """What is no number, or not among the context's options, is refused as it was given."""
    assert refusal(platform, cores=cores) == f"Invalid value for 'cores': {cores}\n"


@pytest.mark.parametrize("gpus", ["0", "29", "1.0", "one", "-1"])
def test_gpus_have_to_be_an_option(platform, gpus):
    """Not even none may be asked for."""
    assert refusal(platform, gpus=gpus) == f"Invalid value for 'gpus': {gpus}\n"


def test_of_a_fraction_only_the_whole_part_is_checked(platform):
    """2.9 cores and 4.5 GB pass, and are what is requested."""
    session = platform.session(platform.create(cores="2.9", ram="4.5", cmd="true"))
    assert session["requestedCPUCores"] == "2.900"
    assert session["requestedRAM"] == "4.83"


def test_blank_resources_and_type_count_as_absent(platform):
    """A client may send what it leaves open as blank."""
    session = platform.session(platform.create(cores="", ram=" ", gpus="", type="", cmd="true"))
    assert session["type"] == "headless"
    assert session["isFixedResources"] is False


def test_the_type_is_trimmed_and_in_any_case(platform):
    """Types are matched generously on create."""
    assert platform.session(platform.create(type=" CarTA "))["type"] == "carta"


def test_options_are_those_of_the_context(platform):
    """Everything that the context offers is accepted."""
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
        ("user", "Invalid input.  Must be in form of username:secret\n"),
        ("a:b:c", "Invalid input.  Must be in form of username:secret\n"),
        (None, "null\n"),
    ],
)
def test_an_image_outside_the_cache_needs_good_registry_credentials(platform, credential, text):
    """What is no full reference is in no cache, so the server would have to ask the registry."""
    header = "?!" if credential is None else base64.b64encode(credential.encode()).decode()
    headers = {"X-Skaha-Registry-Auth": header}
    data = {"name": "n", "image": UNTAGGED, "cmd": "true"}
    response = platform.client.post("/session", data=data, headers=headers)
    assert (response.status_code, response.text) == (400, text)
    headers = {"X-Skaha-Registry-Auth": base64.b64encode(b"user:secret").decode()}
    assert platform.client.post("/session", data=data, headers=headers).status_code == 200


def test_the_host_is_compared_as_a_prefix_only(platform):
    """Another host that begins alike passes the first check, but its images are unknown."""
    assert refusal(platform, image="images.canfar.network/a/b:1") == f"{NO_AUTH}\n"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("$HOME", 400),
        ("${HOME}", 400),
        ("$(HOME)", 400),
        ("cost$", 400),
        ("end\\", 400),
        ("$1", 500),
        ('say"hi', 500),
    ],
)
@pytest.mark.parametrize("where", ["cmd", "args", "env"])
def test_what_the_template_cannot_carry(platform, where, value, status):
    """Dollars, quotes and a last backslash break a headless launch, and no other."""
    parameters = {"cmd": "true"} | {where: f"A={value}" if where == "env" else value}
    response = platform.post(**parameters)
    assert response.status_code == status
    if status == 500:
        assert response.text.startswith("unexpected exception: java.")
        assert not response.text.endswith("\n")
    assert platform.post(type="carta", **parameters).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "status", "text"),
    [
        ({"name": "-a"}, 400, "canfar.net/name label value cannot be blank\n"),
        ({"name": "a-"}, 500, None),
        ({"name": "a" * 64}, 500, None),
        ({"env": "1A=b"}, 500, None),
        ({"env": "=b"}, 500, None),
        ({"type": "desktop-app"}, 500, None),
    ],
)
def test_what_kubernetes_would_refuse_at_last(platform, parameters, status, text):
    """Names that are no labels or host names, and other things that only the cluster finds."""
    response = platform.post(**parameters)
    assert response.status_code == status
    if text is None:
        assert response.text.startswith("unexpected exception: java.")
        assert not response.text.endswith("\n")
    else:
        assert response.text == text


def test_nothing_refused_is_listed(platform):
    """A refused create leaves nothing behind."""
    before = {session["id"] for session in platform.sessions()}
    platform.post(name="a_b")
    platform.post(cmd="$HOME")
    platform.post(name="a-")
    assert {session["id"] for session in platform.sessions()} == before


def test_any_image_of_the_registry_runs(platform):
    """Whether or not it is among those that are shown."""
    for image in ("images.canfar.net/a/b:1", "images.canfar.net/a/b/c@sha256:0123456789abcdef"):
        platform.wait(platform.create(image=image, cmd="true"))
