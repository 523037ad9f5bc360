"""Requests are as the description says, and there are no others."""

import base64
import inspect
import itertools

import pytest
import samples
from scripted import Answer, json_answer

from skaha import ContainerRegistry

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
TOKEN = "a-token-of-the-tests"


def list_of(records):
    """Return the responses of a server with these records; like every server, it filters them."""

    def answer(request):
        kept = records
        for key in ("type", "status"):
            for word in request.query.get(key, []):
                kept = [one for one in kept if one[key].lower() == word.lower()]
        return json_answer(kept)

    return answer


def ids(records):
    return [record["id"] for record in records]


# Launches.


def launch(variant, scripted, session, **settings):
    """The requests of one launch, by replica name."""
    numbers = itertools.count(1)
    scripted.answer = lambda _: Answer(200, f"abcdefg{next(numbers)}\n")
    variant.run(session.create(**{"name": "Sweep", "image": IMAGE} | settings))
    return {request.form["name"][0]: request for request in scripted.received}


def test_a_launch_is_a_form(variant, scripted, scripted_session):
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


def test_everything_that_is_asked_for_is_in_the_form(variant, scripted, scripted_session):
    env = {"A": "one word", "B": 2, "C": "é&+%;"}
    asked = {"cores": 0.5, "ram": 1.5, "gpu": 1, "cmd": "python", "args": "run.py --all -x=1 &+%;é"}
    sent = launch(variant, scripted, scripted_session, env=env, replicas=3, **asked)
    assert sorted(sent) == ["Sweep-1", "Sweep-2", "Sweep-3"]
    for number in (1, 2, 3):
        assert sent[f"Sweep-{number}"].form == {
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


def test_what_is_left_to_the_platform_is_not_sent(variant, scripted, scripted_session):
    [request] = launch(
        variant, scripted, scripted_session, cores=None, ram=None, gpu=0, cmd="", args="", env={}
    ).values()
    assert set(request.form) == {"name", "image", "type", "env"}


@pytest.mark.parametrize("kind", ["notebook", "desktop", "carta", "contributed", "firefly"])
def test_what_is_not_headless_is_launched_by_kind(variant, scripted, scripted_session, kind):
    [request] = launch(variant, scripted, scripted_session, kind=kind).values()
    assert request.form["type"] == [kind]


def test_nothing_secret_is_in_an_address(variant, scripted):
    registry = ContainerRegistry("images.example.org", "vrubin", "the-secret")
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    [request] = launch(variant, scripted, session, env={"PASSWORD": "the-value"}).values()
    address = f"{request.path} {request.query}"
    for secret in (TOKEN, "vrubin", "the-secret", "the-value", "PASSWORD"):
        assert secret not in address


def test_the_registry_is_told_to_launches_only(variant, scripted):
    registry = ContainerRegistry("images.example.org", "vrubin", "sécret")
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    [request] = launch(variant, scripted, session).values()
    told = base64.b64decode(request.headers["x-skaha-registry-auth"], validate=True)
    assert told.decode() == "vrubin:sécret"
    scripted.received.clear()
    scripted.answer = lambda request: (
        Answer()
        if request.method == "DELETE"
        else json_answer([] if request.path.endswith("n") else {})
    )
    variant.run(session.fetch())
    variant.run(session.info("a1"))
    variant.run(session.destroy("a1"))
    assert len(scripted.received) == 3
    assert not [one for one in scripted.received if "x-skaha-registry-auth" in one.headers]


# Everything else.

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
ANSWERS = {
    "/session": json_answer([]),
    "/session/a1": json_answer({"id": "a1"}),
    "/session/a1?view": Answer(200, "a text"),
    "DELETE": Answer(),
    "/image": json_answer([]),
    "/context": json_answer({}),
    "/availability": Answer(200, "<a><available>true</available></a>", "text/xml"),
}


@pytest.mark.parametrize("version", ["v1", "v0"])
@pytest.mark.parametrize(("kind", "name", "given", "method", "path", "query"), REQUESTS)
def test_a_call_is_one_request(variant, scripted, kind, name, given, method, path, query, version):
    answer = ANSWERS.get(method) or ANSWERS[path.removeprefix("/v1")]
    if "view" in query and path.endswith("/a1"):
        answer = ANSWERS["/session/a1?view"]
    scripted.answer = lambda _: json_answer({}) if query.get("view") == ["stats"] else answer
    opened = variant.open(kind, server=scripted.url, version=version, token=TOKEN, retry=False)
    variant.run(getattr(opened, name)(**given))
    [request] = scripted.received
    assert request.method == method
    assert request.path == "/skaha" + path.replace("/v1/", f"/{version}/")
    assert request.query == query
    assert request.form == {}
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_the_version_is_a_segment_and_not_a_word_anywhere_else(variant, scripted):
    scripted.answer = lambda _: json_answer({"id": "v1"})
    server = scripted.url + "/v1/platform"
    session = variant.open(server=server, version="v0", token=TOKEN, retry=False)
    variant.run(session.info("v1"))
    assert scripted.received[0].path == "/skaha/v1/platform/v0/session/v1"


def test_whatever_answers_elsewhere_never_sees_the_token(variant, scripted):
    scripted.answer = lambda _: Answer(200, "[]", headers={"Set-Cookie": "a=b; Path=/"})
    session = variant.open(server=scripted.url, token=TOKEN, retry=False)
    client = session.api.get_httpx_client() if variant.name == "sync" else None
    if client is None:

        async def elsewhere():
            return await session.api.get_async_httpx_client().get(
                scripted.url.replace("127.0.0.1", "localhost")
            )

        variant.run(elsewhere())
    else:
        client.get(scripted.url.replace("127.0.0.1", "localhost"))
    assert "authorization" not in scripted.received[0].headers


# Filters.


@pytest.mark.parametrize("profile", samples.SESSIONS)
@pytest.mark.parametrize("word", ["Succeeded", "Completed"])
def test_both_words_for_success_find_what_succeeded(
    variant, scripted, scripted_session, profile, word
):
    scripted.answer = list_of(samples.SESSIONS[profile])
    [found] = variant.run(scripted_session.fetch(status=word))
    assert found == samples.SESSIONS[profile][0]
    assert variant.run(scripted_session.fetch("headless", word)) == [found]
    assert variant.run(scripted_session.fetch("carta", word)) == []


@pytest.mark.parametrize("profile", samples.SESSIONS)
@pytest.mark.parametrize("status", ["Succeeded", "Completed"])
def test_what_succeeded_is_ended_by_prefix_whatever_it_is_called(
    variant, scripted, scripted_session, profile, status
):
    lists = list_of(samples.SESSIONS[profile])
    scripted.answer = lambda request: lists(request) if request.method == "GET" else Answer()
    done = variant.run(scripted_session.destroy_with("bias", status=status))
    assert done == {samples.SESSIONS[profile][0]["id"]: True}
    assert [one.method for one in scripted.received] == ["GET", "DELETE"]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        *(("bias", ["a1", "a2"]), ("bias-1", ["a1"]), ("ias", [])),
        *(("bias-1x", []), ("b", ["a1", "a2"])),
    ],
)
def test_a_prefix_is_a_prefix_and_never_a_pattern(
    variant, scripted, scripted_session, prefix, found
):
    records = [
        samples.HEADLESS_B | {"id": "a1", "name": "bias-1"},
        samples.HEADLESS_B | {"id": "a2", "name": "bias-2"},
        samples.HEADLESS_B | {"id": "a3", "name": "flat-1"},
        {"id": "a4", "type": "headless", "status": "Completed"},
    ]
    scripted.answer = lambda request: json_answer(records) if request.method == "GET" else Answer()
    assert list(variant.run(scripted_session.destroy_with(prefix))) == found


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
def test_filters_keep_what_they_say(variant, scripted, scripted_session, profile, filters):
    records = samples.SESSIONS[profile]
    scripted.answer = list_of(records)
    expected = [
        one
        for one in records
        if one["type"] == filters.get("kind", one["type"])
        and one["status"] == filters.get("status", one["status"])
    ]
    assert variant.run(scripted_session.fetch(**filters)) == expected
    # A server that does not know a filter ignores it.
    scripted.answer = lambda _: json_answer(records)
    assert variant.run(scripted_session.fetch(**filters)) == expected


def test_everybodys_sessions_come_as_they_are(variant, scripted, scripted_session):
    scripted.answer = list_of(samples.PUBLIC)
    assert variant.run(scripted_session.fetch(view="all")) == samples.PUBLIC
    assert variant.run(scripted_session.fetch(None, "Running", "all")) == samples.PUBLIC[:1]


def test_interactive_sessions_are_those_that_are_not_headless(variant, scripted, scripted_session):
    # An older platform ignores this view.
    scripted.answer = lambda _: json_answer(samples.SESSIONS_A)
    found = variant.run(scripted_session.fetch(view="interactive"))
    assert {record["type"] for record in found} == {"desktop", "desktop-app"}


# Deprecated spellings.


@pytest.mark.parametrize("spelling", ["id", "session_id"])
@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_an_older_spelling_of_ids_works_and_is_told_where_it_stands(
    variant, scripted, scripted_session, method, spelling
):
    answer = {"info": ANSWERS["/session/a1"], "destroy": Answer()}
    scripted.answer = lambda _: answer.get(method, Answer(200, "a text"))
    call = getattr(scripted_session, method)
    new = variant.run(call(ids=["a1"]))

    async def awaited():
        return await call(**{spelling: ["a1"]}), inspect.currentframe().f_lineno

    def called():
        return call(**{spelling: ["a1"]}), inspect.currentframe().f_lineno

    with pytest.warns(DeprecationWarning, match=f"{spelling}= is deprecated") as caught:
        old, line = called() if variant.name == "sync" else variant.run(awaited())
    assert old == new
    assert [(one.filename, one.lineno) for one in caught] == [(__file__, line)]


@pytest.mark.parametrize("both", [{"ids": "a1", "id": "a2"}, {"id": "a1", "session_id": "a2"}])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_spellings_at_once_are_an_error(variant, scripted, scripted_session, both):
    with pytest.raises(TypeError):
        variant.run(scripted_session.destroy(**both))
    assert scripted.received == []


def test_an_unknown_keyword_of_a_call_is_an_error(variant, scripted, scripted_session):
    with pytest.raises(TypeError, match="idz"):
        variant.run(scripted_session.info(idz="a1"))
    with pytest.raises(TypeError, match="ids"):
        variant.run(scripted_session.info())
    assert scripted.received == []
