"""The generated client: it reads whatever is answered, and works by itself or in the facade."""

import importlib.resources
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
import samples
import yaml
from hypothesis import given, settings
from scripted import json_answer

import skaha_api
from skaha import errors
from skaha_api import models
from skaha_api.api.context import get_context
from skaha_api.api.desktop_app import (
    attach_desktop_app,
    delete_desktop_app,
    get_desktop_app,
    list_all_desktop_apps,
    list_desktop_apps,
)
from skaha_api.api.image import list_images
from skaha_api.api.repository import list_repositories
from skaha_api.api.service import get_availability, get_capabilities
from skaha_api.api.session import (
    create_session,
    delete_session,
    get_session,
    get_session_events,
    get_session_logs,
    get_stats,
    list_all_sessions,
    list_interactive_sessions,
    list_sessions,
    renew_session,
)
from skaha_api.errors import UnexpectedStatus
from skaha_api.types import UNSET

SPEC = yaml.safe_load((Path(__file__).parent.parent / "openapi" / "skaha.yaml").read_text())
SCHEMAS = SPEC["components"]["schemas"]
IMAGE = "images.canfar.net/skaha/terminal:1.1.1"


# What the models make of an answer.


def test_it_is_typed():
    assert importlib.resources.files(skaha_api).joinpath("py.typed").is_file()


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_sessions_of_old_and_new_platforms_are_read_and_written_unchanged(profile):
    for record in samples.SESSIONS[profile]:
        assert models.Session.from_dict(record).to_dict() == record


def test_nothing_is_made_of_what_an_old_platform_calls_none():
    session = models.Session.from_dict(samples.HEADLESS_A)
    assert (session.appid, session.ram_in_use) == ("<none>", "<none>")
    assert session.is_fixed_resources is UNSET


def test_what_a_new_platform_leaves_out_is_unset():
    session = models.Session.from_dict({"id": "a1"})
    assert session.start_time is UNSET
    assert session.to_dict() == {"id": "a1"}


def test_known_words_are_enumerated_and_unknown_ones_stay_text():
    known, *_, unknown = [models.Session.from_dict(record) for record in samples.SESSIONS_B]
    assert known.status is models.SessionStatus.COMPLETED
    assert known.type_ is models.SessionKind.HEADLESS
    assert (unknown.status, unknown.type_) == ("Dreaming", "quantum")
    assert unknown["mood"] == ["good", 1]


def test_a_time_without_seconds_stays_as_it_came():
    assert models.Session.from_dict(samples.SESSIONS_B[2]).start_time == "2026-07-02T15:00Z"


@pytest.mark.parametrize("value", ["8G", "8.59", 8, 8.59, None, "<none>", ""])
def test_an_amount_may_be_text_or_number_or_nothing(value):
    assert models.Session.from_dict({"id": "a1", "requestedRAM": value}).requested_ram == value


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
# Requests promise some members; a response promises none.
RECORDS = [name for name, schema in SCHEMAS.items() if not schema.keys() & {"required", "enum"}]


def records(name):
    """Objects with some of the described members, each of any kind, and with unknown members."""
    known = {key: member(schema) for key, schema in SCHEMAS[name]["properties"].items()}
    unknown = st.dictionaries(st.text(), ANYTHING, max_size=3)
    return st.builds(lambda a, b: b | a, st.fixed_dictionaries({}, optional=known), unknown)


def member(schema):
    """A described object, or anything else."""
    references = [choice["$ref"] for choice in schema.get("anyOf", []) if "$ref" in choice]
    named = [reference.rpartition("/")[2] for reference in references]
    return st.one_of(ANYTHING, *(records(name) for name in named if name in RECORDS))


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=50)
@given(data=st.data())
def test_whatever_a_record_holds_is_read_and_written_unchanged(name, data):
    record = data.draw(records(name))
    assert getattr(models, name).from_dict(record).to_dict() == record


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_the_order_of_the_platform_is_kept(profile):
    for record in samples.SESSIONS[profile]:
        known = [name for name in record if name in SCHEMAS["Session"]["properties"]]
        written = models.Session.from_dict(record).to_dict()
        assert [name for name in written if name in known] == known


@pytest.mark.parametrize("absent", [{"gpus": None}, {}])
def test_a_null_object_or_list_counts_as_absent(colour, scripted, absent):
    limits = {"default": 2, "options": None}
    scripted.answer = lambda _: json_answer({"cores": limits} | absent)
    door = Door(colour, skaha_api.Client(base_url=scripted.url))
    context = door(get_context)
    door.close()
    assert not context.gpus
    assert (context.cores.default, context.cores.options) == (2, None)


# What the calls do, against the embedded platform.


class Door:
    """A generated client, and the way of a colour to call an endpoint with it."""

    def __init__(self, colour, client):
        self.colour, self.client = colour, client

    def __call__(self, endpoint, *values, **named):
        if self.colour.name == "sync":
            return endpoint.sync(*values, client=self.client, **named)
        return self.colour.run(endpoint.asyncio(*values, client=self.client, **named))

    def close(self):
        if self.colour.name == "sync":
            self.client.get_httpx_client().close()
        else:
            self.colour.run(self.close_async())

    async def close_async(self):
        await self.client.get_async_httpx_client().aclose()


@pytest.fixture(params=["AuthenticatedClient", "Client", "Session.api"])
def door(request, colour, platform):
    if request.param == "AuthenticatedClient":
        client = skaha_api.AuthenticatedClient(base_url=platform.url, token=platform.token)
    elif request.param == "Client":
        headers = {"Authorization": f"Bearer {platform.token}"}
        client = skaha_api.Client(base_url=platform.url, headers=headers)
    else:
        client = colour.open(server=platform.url, token=platform.token).api
    opened = Door(colour, client)
    yield opened
    opened.close()


def test_a_session_is_launched_read_renewed_and_deleted(door):
    form = models.NewSession(name="Raw", image=IMAGE, cmd="sleep", args="60", env=["A=1", "B=2"])
    session_id = door(create_session, body=form).strip()
    read = door(get_session, session_id)
    assert isinstance(read, models.Session)
    assert (read.id, read.name, read.type_) == (session_id, "raw", models.SessionKind.HEADLESS)
    assert session_id in [one.id for one in door(list_sessions, type_="headless")]
    assert session_id not in [one.id for one in door(list_interactive_sessions)]
    assert isinstance(door(get_session_logs, session_id), str)
    assert isinstance(door(get_session_events, session_id), str)
    # Only what runs can be renewed.
    end = time.monotonic() + 30
    while door(get_session, session_id).status != "Running":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert isinstance(
        door(renew_session, session_id, body=models.SessionAction(action="renew")), str
    )
    assert door(delete_session, session_id) == ""
    assert session_id not in [one.id for one in door(list_sessions)]


def test_an_app_is_attached_read_and_deleted(door):
    form = models.NewSession(name="desk", image=IMAGE, type_=models.SessionKind.DESKTOP)
    desktop = door(create_session, body=form).strip()
    app = door(attach_desktop_app, desktop, body=models.NewDesktopApp(image=IMAGE)).strip()
    read = door(get_desktop_app, desktop, app)
    assert (read.id, read.appid, read.type_) == (desktop, app, models.SessionKind.DESKTOP_APP)
    assert app in [one.appid for one in door(list_desktop_apps, desktop)]
    everybodys = door(list_all_desktop_apps, desktop)
    assert all(isinstance(one, models.PublicSession) for one in everybodys)
    assert door(delete_desktop_app, desktop, app) == ""
    assert app not in [one.appid for one in door(list_desktop_apps, desktop)]
    door(delete_session, desktop)


@pytest.mark.parametrize(
    ("endpoint", "shape"),
    [
        (list_all_sessions, list),
        (get_stats, models.Stats),
        (get_context, models.Context),
        (list_images, list),
        (list_repositories, list),
        (get_capabilities, str),
        (get_availability, str),
    ],
    ids=lambda part: part.__name__.rpartition(".")[2],
)
def test_every_other_endpoint_is_read(door, endpoint, shape):
    assert isinstance(door(endpoint), shape)


def test_a_refusal_is_never_a_result_of_a_plain_client(colour, platform):
    client = skaha_api.AuthenticatedClient(base_url=platform.url, token=platform.token)
    door = Door(colour, client)
    assert door(get_session, "nobodys1") is None
    assert door(create_session, body=models.NewSession(name="_", image=IMAGE)) is None
    client.raise_on_unexpected_status = True
    with pytest.raises(UnexpectedStatus, match="session nobodys1 not found"):
        door(get_session, "nobodys1")
    door.close()


def test_the_client_of_a_session_raises_a_refusal(colour, session):
    door = Door(colour, session.api)
    with pytest.raises(errors.NotFoundError, match="session nobodys1 not found"):
        door(get_session, "nobodys1")


def test_an_endpoint_called_through_a_session_keeps_to_its_version(colour, scripted):
    session = colour.open(server=scripted.url, token="t", version="v0", retry=False)
    with pytest.raises(errors.NotFoundError):
        Door(colour, session.api)(list_repositories)
    assert [request.path for request in scripted.received] == ["/skaha/v0/repository"]


def test_detailed_calls_tell_the_status_and_the_headers(colour, session):
    call = list_repositories.sync_detailed
    if colour.name == "async":
        call = list_repositories.asyncio_detailed
    answer = colour.run(call(client=session.api))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.parsed == ["images.canfar.net"]
