"""All that is described is used by the facade, or is raw only for a reason that is written down."""

import contextlib
import copy
from collections import defaultdict

import pytest
from checkout import ROOT, run_script
from facade import uses
from scripted import Answer, json_answer
from spec import Spec, is_sent_by_itself, read
from usage import RAW_ONLY, complaints, used_or_not

import skaha

DESCRIPTION = read(ROOT / "openapi" / "skaha.yaml")
SPEC = Spec(DESCRIPTION)
USES = uses(ROOT)
REASONS = read(RAW_ONLY)


def complained(spec=SPEC, used=USES, reasons=REASONS):
    return [complaint.partition(": ")[::2] for complaint in complaints(spec, used, reasons)]


def test_all_that_is_described_is_used_or_is_raw_only_for_a_reason():
    assert complained() == []


def test_who_sends_what_is_shown():
    shown = run_script(ROOT, "usage.py")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\nrenew_session: Session.renew\n" in shown.stdout
    assert "\nlist_all_desktop_apps: raw only\n" in shown.stdout


# A description that has changed.


def changed(change):
    """The description after a change."""
    description = copy.deepcopy(DESCRIPTION)
    change(description)
    return Spec(description)


def add_operation(description):
    shown = description["paths"]["/v1/context"]["get"] | {"operationId": "get_weather"}
    description["paths"]["/v1/weather"] = {"get": shown}


def add_parameter(place, name):
    def add(description):
        parameter = {"name": name, "in": place, "schema": {"type": "string"}}
        description["paths"]["/v1/context"]["get"]["parameters"] = [parameter]

    return add


def add_field(description):
    properties = description["components"]["schemas"]["NewSession"]["properties"]
    properties["queue"] = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "thing"),
    [
        (add_operation, "get_weather"),
        (add_parameter("query", "site"), "get_context query site"),
        (add_parameter("header", "x-skaha-site"), "get_context header x-skaha-site"),
        (add_parameter("cookie", "site"), "get_context cookie site"),
        (add_field, "create_session body queue"),
    ],
)
def test_what_is_new_has_to_be_settled(change, thing):
    [(named, advice)] = complained(changed(change))
    assert named == thing
    assert advice == "use it in the facade, or say in raw-only.yaml why it is raw only"
    assert complained(changed(change), reasons=REASONS | {thing: "Nobody asked for it."}) == []


def test_what_the_facade_sends_has_to_be_described():
    [(named, advice)] = complained(changed(lambda one: one["paths"].pop("/v1/repository")))
    assert named == "list_repositories"
    assert advice == "Images.repositories would send it, and it is not described"


# A list that has become wrong, and a facade that uses less.


@pytest.mark.parametrize(
    ("thing", "reason", "advice"),
    [
        ("get_weather", "It rains.", "nothing is described that needs it"),
        ("get_context query site", "One site.", "nothing is described that needs it"),
        ("list_all_desktop_apps query view", "Why not.", "nothing is described that needs it"),
        ("get_context", "It is boring.", "the facade uses it"),
        ("list_sessions query type", "All kinds.", "the facade uses it"),
        ("list_all_desktop_apps", " ", "without a reason"),
        ("list_all_desktop_apps", None, "without a reason"),
    ],
)
def test_a_reason_in_vain_is_told(thing, reason, advice):
    [(named, told)] = complained(reasons=REASONS | {thing: reason})
    assert named == thing
    assert told.endswith(advice)


def test_an_operation_that_the_facade_no_longer_uses_has_to_be_settled():
    used = {name: use for name, use in USES.items() if name != "get_stats"}
    assert [named for named, _ in complained(used=used)] == ["get_stats"]


def test_a_parameter_that_the_facade_no_longer_gives_has_to_be_settled():
    use = USES["create_session"]
    less = use._replace(given=use.given - {"body gpus", "xskaharegistryauth"})
    assert {named for named, _ in complained(used=USES | {"create_session": less})} == {
        "create_session body gpus",
        "create_session header x-skaha-registry-auth",
    }


def test_an_argument_that_is_not_spelled_out_is_refused(tmp_path):
    (tmp_path / "skaha" / "_async").mkdir(parents=True)
    (tmp_path / "skaha" / "_requests.py").write_text(
        "def get_context(**given):\n"
        "    from skaha_api.api.context import get_context\n"
        "    return get_context._get_kwargs(**given)\n"
    )
    (tmp_path / "skaha" / "_async" / "context.py").write_text(
        "class AsyncContext:\n"
        "    async def resources(self):\n"
        "        return _requests.get_context()\n"
    )
    with pytest.raises(SystemExit, match="spell each argument out"):
        uses(tmp_path)


# What is read in the source is what goes over the wire.

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
FORM = {"cores": 1, "ram": 1, "gpu": 1, "cmd": "echo", "args": "a", "env": {"A": "b"}}
CALLS = {
    "Session.app_info": lambda one, _: one.app_info("a1", "k4b"),
    "Session.apps": lambda one, _: one.apps("a1", "Running"),
    "Session.attach_app": lambda one, _: one.attach_app("a1", IMAGE, 1, 1),
    "Session.connect": lambda one, _: one.connect("a1", browser=False),
    "Session.connect_url": lambda one, _: one.connect_url("a1"),
    "Session.create": lambda one, _: one.create("sweep", IMAGE, **FORM),
    "Session.destroy": lambda one, _: one.destroy("a1"),
    "Session.destroy_all": lambda one, _: one.destroy_all(),
    "Session.destroy_app": lambda one, _: one.destroy_app("a1", "k4b"),
    "Session.destroy_with": lambda one, _: one.destroy_with("sweep", status="Completed"),
    "Session.events": lambda one, _: one.events("a1"),
    "Session.fetch": lambda one, _: [
        one.fetch("headless", "Running", view) for view in (None, "all", "interactive")
    ],
    "Session.follow": lambda one, _: list(one.follow("a1")),
    "Session.info": lambda one, _: one.info("a1"),
    "Session.logs": lambda one, _: one.logs("a1"),
    "Session.parsed_events": lambda one, _: one.parsed_events("a1"),
    "Session.relaunch": lambda one, _: one.relaunch(one.create("sweep", IMAGE)),
    "Session.renew": lambda one, _: one.renew("a1"),
    "Session.run": lambda one, _: one.run("sweep", IMAGE),
    "Session.save_logs": lambda one, folder: one.save_logs("a1", folder),
    "Session.stats": lambda one, _: one.stats(),
    "Session.wait": lambda one, _: one.wait("a1"),
    "Images.details": lambda one, _: one.details("headless"),
    "Images.fetch": lambda one, _: one.fetch("headless"),
    "Images.repositories": lambda one, _: one.repositories(),
    "Context.resources": lambda one, _: one.resources(),
    "Overview.availability": lambda one, _: one.availability(),
    "Overview.capabilities": lambda one, _: one.capabilities(),
}
ENDED = {"id": "a1", "name": "sweep-1", "type": "headless", "status": "Completed"}


def answer(request):
    """What a platform says that has one session, which has ended."""
    if request.method == "POST" and request.path.endswith(("session", "app")):
        return Answer(200, "a1\n")
    if "view" in request.query and request.query["view"][0] in {"logs", "events"}:
        return Answer(200, "")
    if request.path.endswith(("session", "app", "image")) and "stats" not in str(request.query):
        return json_answer([ENDED])
    return json_answer(ENDED)


def operation_of(request):
    """The operation that a request is: of two that fit, the one with more fixed parameters."""
    fitting = {
        operation_id: set(fixed(operation).items())
        for operation_id, operation in SPEC.operations.items()
        if fits(operation.request.partition("#")[0].split("/"), request)
        and all([value] == request.query.get(name) for name, value in fixed(operation).items())
    }
    return max(fitting, key=lambda operation_id: len(fitting[operation_id]))


def fixed(operation):
    """The values that an operation always has in its query."""
    return {
        name.removeprefix("query "): schema["const"]
        for name, schema in operation.parameters.items()
        if name.startswith("query ") and is_sent_by_itself(schema)
    }


def fits(described, request):
    sent = [f"{request.method} ", *request.path.removeprefix("/skaha/").split("/")]
    return len(sent) == len(described) and all(
        said == found or said.startswith("{") for said, found in zip(described, sent, strict=True)
    )


@pytest.fixture
def seen(scripted, tmp_path):
    """By operation, which methods sent it and which parameters it had."""
    methods, parameters = defaultdict(set), defaultdict(set)
    scripted.answer = answer
    registry = skaha.ContainerRegistry(username="vrubin", secret="s")
    for name, call in CALLS.items():
        scripted.received.clear()
        kind = getattr(skaha, name.partition(".")[0])
        # What is made of the answers is not the matter here.
        ignored = contextlib.suppress(skaha.errors.SkahaError)
        with kind(server=scripted.url, token="t", registry=registry, retry=False) as one, ignored:
            call(one, tmp_path)
        for request in scripted.received:
            operation = operation_of(request)
            methods[operation].add(name)
            parameters[operation] |= {f"query {key}" for key in request.query}
            parameters[operation] |= {f"header {key}" for key in request.headers}
            parameters[operation] |= {f"body {key}" for key in request.form}
    return methods, parameters


def test_the_wire_agrees_with_what_is_read_in_the_source(seen):
    methods, parameters = seen
    assert set().union(*(use.methods for use in USES.values())) == set(CALLS)
    assert methods.keys() == USES.keys()
    for operation_id, senders in methods.items():
        assert senders <= USES[operation_id].methods
    for thing, used in used_or_not(SPEC, USES).items():
        operation_id, _, parameter = thing.partition(" ")
        if parameter and not parameter.startswith("path "):
            assert used == (parameter in parameters[operation_id]), thing
