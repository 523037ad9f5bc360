"""All that is described is used by the facade, or is raw only for a reason that is written down."""

import contextlib
import copy
import re
import textwrap
from collections import defaultdict

import attrs
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
    arguments = use.arguments - {"body gpus", "xskaharegistryauth"}
    fewer = USES | {"create_session": attrs.evolve(use, arguments=arguments)}
    assert {named for named, _ in complained(used=fewer)} == {
        "create_session body gpus",
        "create_session header x-skaha-registry-auth",
    }


# Reading the source of a facade.

FACADE = {
    "_base_client.py": """
        class AsyncBaseClient:
            async def _look_up(self, kind):
                from skaha_api.api.session import list_sessions

                return await list_sessions.asyncio(client=self.api, type_=kind)
        """,
    "_launch.py": """
        import logging

        log = logging.getLogger("skaha")

        class Launch:
            def __init__(self, client):
                self._client = client

            async def run(self, name):
                log.info("launching %s", name)
                await post(self._client, name)
                return await self._client.fetch()

            async def __aiter__(self):
                from skaha_api.api.context import get_context

                yield await get_context.asyncio(client=self._client.api)

        async def post(client, name):
            from skaha_api.api.session import create_session
            from skaha_api.models import NewSession

            body = NewSession(name=name, image="i", type_="headless")
            auth = client.registry
            with client._request("launch"):
                return await create_session.asyncio_detailed(
                    client=client.api, body=body, x_skaha_registry_auth=auth
                )
        """,
    "session.py": """
        from skaha._async._base_client import AsyncBaseClient

        class AsyncSession(AsyncBaseClient):
            @overload
            async def fetch(self): ...
            async def fetch(self):
                return await self._look_up("headless")

            async def create(self, name):
                from skaha._async._launch import Launch

                return await Launch(self).run(name)

            async def run(self, name):
                await self.create(name)
                return await self._many(self._end)

            async def info(self, session_id):
                from skaha_api.api.session import get_session

                return await get_session.asyncio(session_id, client=self.api)

            async def _end(self, session_id):
                from skaha_api.api.session import delete_session

                return await delete_session.asyncio(session_id, client=self.api)

            async def follow(self):
                from skaha._async import _launch

                async for item in _launch.Launch(self):
                    yield item
        """,
    "images.py": """
        class AsyncImages(AsyncBaseClient):
            async def fetch(self):
                from skaha_api.api.image import list_images

                return await list_images.asyncio(client=self.api)
        """,
}


@pytest.fixture
def facade(tmp_path):
    """An invented facade, in files as those of the real one."""
    folder = tmp_path / "skaha" / "_async"
    folder.mkdir(parents=True)
    for name, text in FACADE.items():
        (folder / name).write_text(textwrap.dedent(text))
    return tmp_path


def test_calls_are_followed_through_methods_helper_functions_and_helper_classes(facade):
    # The name of a helper class stands for its special methods.
    launching = {"Session.create", "Session.run"}
    assert {name: use.methods for name, use in uses(facade).items()} == {
        "list_sessions": {"Session.fetch", *launching},
        "create_session": launching,
        "get_context": {"Session.follow", *launching},
        "get_session": {"Session.info"},
        "delete_session": {"Session.run"},
        "list_images": {"Images.fetch"},
    }


def test_arguments_of_endpoints_and_members_of_their_bodies_are_read(facade):
    found = uses(facade)
    assert found["list_sessions"].has("query type")
    assert not found["list_sessions"].has("query status")
    launch = found["create_session"]
    given = ["body name", "body image", "body type", "header x-skaha-registry-auth"]
    assert all(map(launch.has, given))
    assert not any(map(launch.has, ["body cores", "query name"]))
    assert found["get_session"].has("path sessionID")


@pytest.mark.parametrize(
    ("hidden", "named"),
    [
        ("get_session.asyncio(session_id, client=self.api)", "get_session.asyncio(**ids)"),
        ('NewSession(name=name, image="i", type_="headless")', "NewSession(**form)"),
    ],
)
def test_an_argument_without_its_name_is_refused(facade, hidden, named):
    for path in facade.rglob("*.py"):
        path.write_text(path.read_text().replace(hidden, named))
    with pytest.raises(SystemExit, match=re.escape(f"name each argument: {named}")):
        uses(facade)


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
