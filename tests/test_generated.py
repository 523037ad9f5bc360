"""The generated client: it reads odd responses, and works alone or with a session."""

import copy
import importlib.metadata
import importlib.resources
import pickle
import time

import hypothesis.strategies as st
import pytest
import samples
from described import DOCUMENT
from hypothesis import given, settings
from scripted import json_response

import skaha_api
from skaha import errors
from skaha_api import AuthenticatedClient, Client, models
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

SCHEMAS = DOCUMENT["components"]["schemas"]
IMAGE = "images.canfar.net/skaha/terminal:1.1.1"


# Models.


def test_the_package_has_types():
    assert importlib.resources.files(skaha_api).joinpath("py.typed").is_file()


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_records_of_old_and_new_platforms_are_read_and_written_unchanged(profile):
    for record in samples.SESSIONS[profile]:
        assert models.Session.from_dict(record).to_dict() == record


def test_the_none_of_an_old_platform_stays_a_text():
    session = models.Session.from_dict(samples.HEADLESS_A)
    assert (session.appid, session.ram_in_use) == ("<none>", "<none>")
    assert session.is_fixed_resources is UNSET


def test_absent_members_are_unset():
    session = models.Session.from_dict({"id": "a1"})
    assert session.start_time is UNSET
    assert session.to_dict() == {"id": "a1"}


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
}


@pytest.mark.parametrize("method", COPIES)
def test_copies_keep_absent_members(method):
    assert COPIES[method](UNSET) is UNSET
    record = COPIES[method](models.Session(id="a1"))
    assert record.name is UNSET
    assert record.to_dict() == {"id": "a1"}


def test_an_absent_member_has_a_short_repr():
    assert "name=UNSET" in repr(models.Session(id="a1"))


def test_the_package_names_its_description_and_its_generator():
    generator = importlib.metadata.version("openapi-python-client")
    version = DOCUMENT["info"]["version"]
    assert skaha_api.__version__ == f"{version}+openapi-python-client.{generator}"


@pytest.mark.parametrize("is_used", [False, True])
def test_the_repr_of_a_client_shows_no_secret(is_used):
    options = {name: {"x": "secret"} for name in ("headers", "cookies", "httpx_args")}
    plain = Client(base_url="https://a.example/skaha", **options)
    client = AuthenticatedClient(base_url="https://a.example/skaha", token="secret")
    if is_used:
        client.get_httpx_client().close()
    for shown in (repr(client), repr(plain), repr(client.with_headers({"X": "secret"}))):
        assert "https://a.example/skaha" in shown
        assert "secret" not in shown


def test_known_words_are_enumerated_and_unknown_words_stay_texts():
    known, *_, unknown = [models.Session.from_dict(record) for record in samples.SESSIONS_B]
    assert known.status is models.SessionStatus.COMPLETED
    assert known.type_ is models.SessionKind.HEADLESS
    assert (unknown.status, unknown.type_) == ("Dreaming", "quantum")
    assert unknown["mood"] == ["good", 1]


def test_a_time_without_seconds_is_not_changed():
    assert models.Session.from_dict(samples.SESSIONS_B[2]).start_time == "2026-07-02T15:00Z"


@pytest.mark.parametrize("value", ["8G", "8.59", 8, 8.59, None, "<none>", ""])
def test_an_amount_can_be_a_text_or_a_number_or_null(value):
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
@settings(max_examples=25)
@given(data=st.data())
def test_a_record_with_any_content_is_read_and_written_unchanged(name, data):
    record = data.draw(records(name))
    assert getattr(models, name).from_dict(record).to_dict() == record


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_the_order_of_the_platform_is_kept(profile):
    for record in samples.SESSIONS[profile]:
        known = [name for name in record if name in SCHEMAS["Session"]["properties"]]
        written = models.Session.from_dict(record).to_dict()
        assert [name for name in written if name in known] == known


@pytest.mark.parametrize("absent", [{"gpus": None}, {}])
def test_a_null_object_or_list_counts_as_absent(variant, scripted, absent):
    limits = {"default": 2, "options": None}
    scripted.respond = lambda _: json_response({"cores": limits} | absent)
    call = Caller(variant, skaha_api.Client(base_url=scripted.url))
    context = call(get_context)
    call.close()
    assert not context.gpus
    assert (context.cores.default, context.cores.options) == (2, None)


# Endpoints, with the embedded platform.


class Caller:
    """Calls endpoints with a client, sync or async."""

    def __init__(self, variant, client):
        self.variant, self.client = variant, client

    def __call__(self, endpoint, *values, **named):
        if self.variant.name == "sync":
            return endpoint.sync(*values, client=self.client, **named)
        return self.variant.run(endpoint.asyncio(*values, client=self.client, **named))

    def close(self):
        if self.variant.name == "sync":
            self.client.get_httpx_client().close()
        else:
            self.variant.run(self.close_async())

    async def close_async(self):
        await self.client.get_async_httpx_client().aclose()


@pytest.fixture(params=["AuthenticatedClient", "Client", "Session.api"])
def call(request, variant, platform):
    """Call an endpoint with one of the three clients."""
    if request.param == "AuthenticatedClient":
        client = skaha_api.AuthenticatedClient(base_url=platform.url, token=platform.token)
    elif request.param == "Client":
        headers = {"Authorization": f"Bearer {platform.token}"}
        client = skaha_api.Client(base_url=platform.url, headers=headers)
    else:
        client = variant.open(server=platform.url, token=platform.token).api
    caller = Caller(variant, client)
    yield caller
    caller.close()


def test_a_session_is_launched_read_renewed_and_deleted(call):
    form = models.NewSession(name="Raw", image=IMAGE, cmd="sleep", args="60", env=["A=1", "B=2"])
    session_id = call(create_session, body=form).strip()
    session = call(get_session, session_id)
    assert isinstance(session, models.Session)
    assert (session.id, session.name) == (session_id, "raw")
    assert session.type_ is models.SessionKind.HEADLESS
    assert session_id in [session.id for session in call(list_sessions, type_="headless")]
    assert session_id not in [session.id for session in call(list_interactive_sessions)]
    assert isinstance(call(get_session_logs, session_id), str)
    assert isinstance(call(get_session_events, session_id), str)
    # Only a running session can be renewed.
    deadline = time.monotonic() + 30
    while call(get_session, session_id).status != "Running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert isinstance(
        call(renew_session, session_id, body=models.SessionAction(action="renew")), str
    )
    assert call(delete_session, session_id) == ""
    assert session_id not in [session.id for session in call(list_sessions)]


def test_an_app_is_attached_read_and_deleted(call):
    form = models.NewSession(name="desk", image=IMAGE, type_=models.SessionKind.DESKTOP)
    desktop = call(create_session, body=form).strip()
    app = call(attach_desktop_app, desktop, body=models.NewDesktopApp(image=IMAGE)).strip()
    record = call(get_desktop_app, desktop, app)
    assert (record.id, record.appid) == (desktop, app)
    assert record.type_ is models.SessionKind.DESKTOP_APP
    assert app in [record.appid for record in call(list_desktop_apps, desktop)]
    apps_of_all = call(list_all_desktop_apps, desktop)
    assert all(isinstance(record, models.PublicSession) for record in apps_of_all)
    assert call(delete_desktop_app, desktop, app) == ""
    assert app not in [record.appid for record in call(list_desktop_apps, desktop)]
    call(delete_session, desktop)


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
def test_all_other_endpoints_return_their_type(call, endpoint, shape):
    assert isinstance(call(endpoint), shape)


def test_a_refusal_is_never_a_result_of_a_plain_client(variant, platform):
    client = skaha_api.AuthenticatedClient(base_url=platform.url, token=platform.token)
    call = Caller(variant, client)
    assert call(get_session, "nobodys1") is None
    assert call(create_session, body=models.NewSession(name="_", image=IMAGE)) is None
    client.raise_on_unexpected_status = True
    with pytest.raises(UnexpectedStatus, match="session nobodys1 not found"):
        call(get_session, "nobodys1")
    call.close()


def test_the_client_of_a_session_raises_errors(variant, session):
    call = Caller(variant, session.api)
    with pytest.raises(errors.NotFoundError, match="session nobodys1 not found"):
        call(get_session, "nobodys1")


@pytest.mark.parametrize("wrong", ["", " ", "a/b", "..", "a b", "abcd1234\n"])
@pytest.mark.parametrize(
    ("endpoint", "values", "body"),
    [
        (get_session, ["{}"], {}),
        (delete_session, ["{}"], {}),
        (get_session_logs, ["{}"], {}),
        (renew_session, ["{}"], {"body": models.SessionAction(action="renew")}),
        (list_desktop_apps, ["{}"], {}),
        (delete_desktop_app, ["{}", "abc"], {}),
        (delete_desktop_app, ["abcd1234", "{}"], {}),
    ],
)
def test_the_client_of_a_session_checks_ids(variant, scripted, endpoint, values, body, wrong):
    """Without an id, the path would be the path of all sessions."""
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.InvalidInputError, match="cannot be a session id"):
        Caller(variant, session.api)(endpoint, *[value.format(wrong) for value in values], **body)
    assert scripted.received == []


def test_the_client_of_a_session_uses_its_version(variant, scripted):
    session = variant.open(server=scripted.url, token="t", version="v0", retry=False)
    with pytest.raises(errors.NotFoundError):
        Caller(variant, session.api)(list_repositories)
    assert [request.path for request in scripted.received] == ["/skaha/v0/repository"]


def test_detailed_calls_return_the_status_and_the_headers(variant, session):
    endpoint = list_repositories.sync_detailed
    if variant.name == "async":
        endpoint = list_repositories.asyncio_detailed
    response = variant.run(endpoint(client=session.api))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.parsed == ["images.canfar.net"]
