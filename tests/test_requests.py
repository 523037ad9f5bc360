"""Each call sends exactly the requests that the description defines."""

import base64
import inspect
import itertools

import pytest
import samples
from scripted import Response, json_response

from skaha import ContainerRegistry
from skaha.errors import InvalidInputError

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
TOKEN = "a-token-of-the-tests"


def list_of(records):
    """Return a script that lists these records, filtered by kind and status as on a platform."""

    def respond(request):
        matching = records
        for key in ("type", "status"):
            for value in request.query.get(key, []):
                matching = [record for record in matching if record[key].lower() == value.lower()]
        return json_response(matching)

    return respond


def ids(records):
    return [record["id"] for record in records]


# Launches.


def launch(variant, scripted, session, **settings):
    """Launch replicas; return the requests by replica name."""
    numbers = itertools.count(1)
    scripted.respond = lambda _: Response(200, f"abcdefg{next(numbers)}\n")
    variant.run(session.create(**{"name": "Sweep", "image": IMAGE} | settings))
    return {request.form["name"][0]: request for request in scripted.received}


def test_a_launch_sends_a_form(variant, scripted, scripted_session):
    [request] = launch(variant, scripted, scripted_session).values()
    assert (request.method, request.path) == ("POST", "/skaha/v1/session")
    assert request.headers["content-type"] == FORM
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["user-agent"].startswith("python-skaha/")
    assert request.query == {}
    assert request.form == {
        "name": ["Sweep-1"],
        "image": [IMAGE],
        "type": ["headless"],
        "cores": ["2"],
        "ram": ["4"],
        "env": ["REPLICA_ID=1", "REPLICA_COUNT=1"],
    }


def test_every_argument_of_a_launch_is_in_the_form(variant, scripted, scripted_session):
    env = {"A": "one word", "B": 2, "C": "é&+%;"}
    arguments = {
        "cores": 0.5,
        "ram": 1.5,
        "gpu": 1,
        "cmd": "python",
        "args": "run.py --all -x=1 &+%;é",
    }
    requests = launch(variant, scripted, scripted_session, env=env, replicas=3, **arguments)
    assert sorted(requests) == ["Sweep-1", "Sweep-2", "Sweep-3"]
    for number in (1, 2, 3):
        assert requests[f"Sweep-{number}"].form == {
            "name": [f"Sweep-{number}"],
            "image": [IMAGE],
            "type": ["headless"],
            "cores": ["0.5"],
            "ram": ["1.5"],
            "gpus": ["1"],
            "cmd": ["python"],
            "args": ["run.py --all -x=1 &+%;é"],
            "env": [
                *("A=one word", "B=2", "C=é&+%;"),
                *(f"REPLICA_ID={number}", "REPLICA_COUNT=3"),
            ],
        }


def test_arguments_without_a_value_are_not_sent(variant, scripted, scripted_session):
    [request] = launch(
        variant, scripted, scripted_session, cores=None, ram=None, gpu=0, cmd="", args="", env={}
    ).values()
    assert set(request.form) == {"name", "image", "type", "env"}


@pytest.mark.parametrize("kind", ["notebook", "desktop", "carta", "contributed", "firefly"])
def test_interactive_sessions_are_launched_by_kind(variant, scripted, scripted_session, kind):
    [request] = launch(variant, scripted, scripted_session, kind=kind).values()
    assert request.form["type"] == [kind]


def test_addresses_contain_no_secrets(variant, scripted):
    registry = ContainerRegistry("images.example.org", "vrubin", "the-secret")
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    [request] = launch(variant, scripted, session, env={"PASSWORD": "the-value"}).values()
    address = f"{request.path} {request.query}"
    for secret in (TOKEN, "vrubin", "the-secret", "the-value", "PASSWORD"):
        assert secret not in address


def test_the_registry_credentials_are_sent_with_launches_only(variant, scripted):
    registry = ContainerRegistry("images.example.org", "vrubin", "sécret")
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    [request] = launch(variant, scripted, session).values()
    credentials = base64.b64decode(request.headers["x-skaha-registry-auth"], validate=True)
    assert credentials.decode() == "vrubin:sécret"
    scripted.received.clear()
    scripted.respond = lambda request: (
        Response()
        if request.method == "DELETE"
        else json_response([] if request.path.endswith("n") else {})
    )
    variant.run(session.fetch())
    variant.run(session.info("a1"))
    variant.run(session.destroy("a1"))
    assert len(scripted.received) == 3
    for request in scripted.received:
        assert "x-skaha-registry-auth" not in request.headers


# Other requests.

REQUESTS = [
    ("Session", "fetch", {}, "GET", "/v1/session", {}),
    ("Session", "fetch", {"kind": "carta"}, "GET", "/v1/session", {"type": ["carta"]}),
    ("Session", "fetch", {"status": "Running"}, "GET", "/v1/session", {"status": ["Running"]}),
    (
        *("Session", "fetch", {"kind": "headless", "status": "Failed", "view": "all"}),
        *("GET", "/v1/session", {"type": ["headless"], "status": ["Failed"], "view": ["all"]}),
    ),
    ("Session", "fetch", {"view": "all"}, "GET", "/v1/session", {"view": ["all"]}),
    ("Session", "fetch", {"view": "interactive"}, "GET", "/v1/session", {"view": ["interactive"]}),
    ("Session", "info", {"ids": "a1"}, "GET", "/v1/session/a1", {}),
    ("Session", "logs", {"ids": "a1"}, "GET", "/v1/session/a1", {"view": ["logs"]}),
    ("Session", "events", {"ids": "a1"}, "GET", "/v1/session/a1", {"view": ["events"]}),
    ("Session", "destroy", {"ids": "a1"}, "DELETE", "/v1/session/a1", {}),
    ("Session", "stats", {}, "GET", "/v1/session", {"view": ["stats"]}),
    ("Images", "fetch", {}, "GET", "/v1/image", {}),
    ("Images", "fetch", {"kind": "notebook"}, "GET", "/v1/image", {"type": ["notebook"]}),
    ("Context", "resources", {}, "GET", "/v1/context", {}),
    ("Overview", "availability", {}, "GET", "/availability", {}),
]
RESPONSES = {
    "/session": json_response([]),
    "/session/a1": json_response({"id": "a1"}),
    "/session/a1?view": Response(200, "a text"),
    "DELETE": Response(),
    "/image": json_response([]),
    "/context": json_response({}),
    "/availability": Response(200, "<a><available>true</available></a>", "text/xml"),
}


@pytest.mark.parametrize("version", ["v1", "v0"])
@pytest.mark.parametrize(("class_name", "call", "arguments", "method", "path", "query"), REQUESTS)
def test_a_call_sends_one_request(
    variant, scripted, class_name, call, arguments, method, path, query, version
):
    response = RESPONSES.get(method) or RESPONSES[path.removeprefix("/v1")]
    if "view" in query and path.endswith("/a1"):
        response = RESPONSES["/session/a1?view"]
    scripted.respond = lambda _: json_response({}) if query.get("view") == ["stats"] else response
    client = variant.open(
        class_name, server=scripted.url, version=version, token=TOKEN, retry=False
    )
    variant.run(getattr(client, call)(**arguments))
    [request] = scripted.received
    assert request.method == method
    assert request.path == "/skaha" + path.replace("/v1/", f"/{version}/")
    assert request.query == query
    assert request.form == {}
    # The platform needs no credentials for its availability.
    expected = None if class_name == "Overview" else f"Bearer {TOKEN}"
    assert request.headers.get("authorization") == expected


def test_the_version_replaces_only_its_own_segment_of_the_path(variant, scripted):
    scripted.respond = lambda _: json_response({"id": "v1"})
    server = scripted.url + "/v1/platform"
    session = variant.open(server=server, version="v0", token=TOKEN, retry=False)
    variant.run(session.info("v1"))
    assert scripted.received[0].path == "/skaha/v1/platform/v0/session/v1"


def test_a_request_to_another_host_has_no_token(variant, scripted):
    scripted.respond = lambda _: Response(200, "[]", headers={"Set-Cookie": "a=b; Path=/"})
    session = variant.open(server=scripted.url, token=TOKEN, retry=False)
    client = session.api.get_httpx_client() if variant.name == "sync" else None
    if client is None:

        async def request_other_host():
            return await session.api.get_async_httpx_client().get(
                scripted.url.replace("127.0.0.1", "localhost")
            )

        variant.run(request_other_host())
    else:
        client.get(scripted.url.replace("127.0.0.1", "localhost"))
    assert "authorization" not in scripted.received[0].headers


def test_cookies_of_responses_are_not_sent(variant, scripted, scripted_session):
    scripted.respond = lambda _: Response(200, "[]", headers={"Set-Cookie": "a=b; Path=/"})
    for _ in range(2):
        variant.run(scripted_session.fetch())
    assert [request.headers.get("cookie") for request in scripted.received] == [None, None]


# Filters.


@pytest.mark.parametrize("profile", samples.SESSIONS)
@pytest.mark.parametrize("status", ["Succeeded", "Completed"])
def test_both_statuses_of_success_match_a_successful_session(
    variant, scripted, scripted_session, profile, status
):
    scripted.respond = list_of(samples.SESSIONS[profile])
    [record] = variant.run(scripted_session.fetch(status=status))
    assert record == samples.SESSIONS[profile][0]
    assert variant.run(scripted_session.fetch("headless", status)) == [record]
    assert variant.run(scripted_session.fetch("carta", status)) == []


@pytest.mark.parametrize("profile", samples.SESSIONS)
@pytest.mark.parametrize("status", ["Succeeded", "Completed"])
def test_both_statuses_of_success_delete_a_successful_session(
    variant, scripted, scripted_session, profile, status
):
    respond_with_list = list_of(samples.SESSIONS[profile])
    scripted.respond = lambda request: (
        respond_with_list(request) if request.method == "GET" else Response()
    )
    results = variant.run(scripted_session.destroy_with("bias", status=status))
    assert results == {samples.SESSIONS[profile][0]["id"]: True}
    assert [request.method for request in scripted.received] == ["GET", "DELETE"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        *(("bias", ["a1", "a2"]), ("bias-1", ["a1"]), ("ias", [])),
        *(("bias-1x", []), ("b", ["a1", "a2"])),
    ],
)
def test_a_prefix_matches_only_the_start_of_a_name(
    variant, scripted, scripted_session, prefix, expected
):
    records = [
        samples.HEADLESS_B | {"id": "a1", "name": "bias-1"},
        samples.HEADLESS_B | {"id": "a2", "name": "bias-2"},
        samples.HEADLESS_B | {"id": "a3", "name": "flat-1"},
        {"id": "a4", "type": "headless", "status": "Completed"},
    ]
    scripted.respond = lambda request: (
        json_response(records) if request.method == "GET" else Response()
    )
    assert list(variant.run(scripted_session.destroy_with(prefix))) == expected


@pytest.mark.parametrize("profile", samples.SESSIONS)
@pytest.mark.parametrize(
    "filters",
    [
        {"kind": "headless"},
        {"kind": "desktop", "status": "Running"},
        {"status": "Failed"},
        {"kind": "notebook"},
    ],
)
def test_filters_return_the_matching_records(variant, scripted, scripted_session, profile, filters):
    records = samples.SESSIONS[profile]
    scripted.respond = list_of(records)
    expected = [
        record
        for record in records
        if record["type"] == filters.get("kind", record["type"])
        and record["status"] == filters.get("status", record["status"])
    ]
    assert variant.run(scripted_session.fetch(**filters)) == expected
    # A server that does not know a filter ignores it.
    scripted.respond = lambda _: json_response(records)
    assert variant.run(scripted_session.fetch(**filters)) == expected


def test_public_records_of_all_users_are_returned_unchanged(variant, scripted, scripted_session):
    scripted.respond = list_of(samples.PUBLIC)
    assert variant.run(scripted_session.fetch(view="all")) == samples.PUBLIC
    assert variant.run(scripted_session.fetch(None, "Running", "all")) == samples.PUBLIC[:1]


def test_the_interactive_view_contains_all_kinds_except_headless(
    variant, scripted, scripted_session
):
    # An older platform ignores this view.
    scripted.respond = lambda _: json_response(samples.SESSIONS_A)
    records = variant.run(scripted_session.fetch(view="interactive"))
    assert {record["type"] for record in records} == {"desktop", "desktop-app"}


# Deprecated aliases of parameters.


@pytest.mark.parametrize("alias", ["id", "session_id"])
@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_a_deprecated_alias_of_ids_works_and_warns_at_the_line_of_the_caller(
    variant, scripted, scripted_session, method, alias
):
    responses = {"info": RESPONSES["/session/a1"], "destroy": Response()}
    scripted.respond = lambda _: responses.get(method, Response(200, "a text"))
    call = getattr(scripted_session, method)
    expected = variant.run(call(ids=["a1"]))

    async def call_async():
        return await call(**{alias: ["a1"]}), inspect.currentframe().f_lineno

    def call_sync():
        return call(**{alias: ["a1"]}), inspect.currentframe().f_lineno

    with pytest.warns(DeprecationWarning, match=f"{alias}= is deprecated") as caught:
        result, line = call_sync() if variant.name == "sync" else variant.run(call_async())
    assert result == expected
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]


@pytest.mark.parametrize("both", [{"ids": "a1", "id": "a2"}, {"id": "a1", "session_id": "a2"}])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_aliases_of_ids_in_one_call_are_an_error(variant, scripted, scripted_session, both):
    with pytest.raises(TypeError):
        variant.run(scripted_session.destroy(**both))
    assert scripted.received == []


def test_an_unknown_keyword_of_a_call_is_an_error(variant, scripted, scripted_session):
    with pytest.raises(TypeError, match="idz"):
        variant.run(scripted_session.info(idz="a1"))
    with pytest.raises(TypeError, match="ids"):
        variant.run(scripted_session.info())
    assert scripted.received == []


def test_a_large_form_is_sent_completely(variant, scripted, scripted_session):
    scripted.respond = lambda _: Response(200, "a1\n")
    env = {"TEXT": "x" * 1_000_000}
    assert variant.run(scripted_session.create("large", IMAGE, env=env)) == ["a1"]
    assert scripted.received[0].form["env"][0] == f"TEXT={env['TEXT']}"


def test_a_long_word_is_checked_at_once(variant, scripted, scripted_session):
    """The check for words that YAML does not read as texts must take linear time."""
    scripted.respond = lambda _: Response(200, "a1\n")
    word = f"+0{'8' * 100_000}x"
    assert variant.run(scripted_session.create("long", IMAGE, cmd="echo", args=word)) == ["a1"]
    with pytest.raises(InvalidInputError, match="YAML does not read it"):
        variant.run(scripted_session.create("long", IMAGE, cmd="echo", args=word[:-1]))
