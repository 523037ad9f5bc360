"""The facade uses every part of the description, or a list gives the reason why it does not."""

import contextlib
import copy
import re
import textwrap
from collections import defaultdict

import attrs
import pytest
from checkout import ROOT, run_script
from described import DOCUMENT as DESCRIPTION
from facade import uses
from scripted import Response, json_response
from spec import Spec, has_fixed_value, read
from usage import RAW_ONLY, complaints, parts_in_use

import skaha

SPEC = Spec(DESCRIPTION)
USES = uses(ROOT)
REASONS = read(RAW_ONLY)


UNSETTLED = list(complaints(SPEC, USES, REASONS))


def test_the_facade_uses_each_part_or_the_list_has_a_reason():
    assert not UNSETTLED, "\n".join(UNSETTLED)


def problems(spec=SPEC, used=USES, reasons=REASONS):
    """Return the problems that a change adds; the test above reports the others."""
    messages = complaints(spec, used, reasons)
    return [message.partition(": ")[::2] for message in messages if message not in UNSETTLED]


def test_the_script_prints_the_methods_of_each_operation():
    finished = run_script(ROOT, "usage.py")
    lines = "".join(f"{problem}\n" for problem in UNSETTLED)
    assert (finished.returncode, finished.stderr) == (int(bool(UNSETTLED)), lines)
    assert "\nrenew_session: Session.renew\n" in finished.stdout
    assert "\nlist_all_desktop_apps: raw only\n" in finished.stdout


# A changed description.


def changed(change):
    """Return the description after a change."""
    description = copy.deepcopy(DESCRIPTION)
    change(description)
    return Spec(description)


def add_operation(description):
    operation = description["paths"]["/v1/context"]["get"] | {"operationId": "get_weather"}
    description["paths"]["/v1/weather"] = {"get": operation}


def add_parameter(place, name):
    def add(description):
        parameter = {"name": name, "in": place, "schema": {"type": "string"}}
        description["paths"]["/v1/context"]["get"]["parameters"] = [parameter]

    return add


def add_field(description):
    properties = description["components"]["schemas"]["NewSession"]["properties"]
    properties["queue"] = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (add_operation, "get_weather"),
        (add_parameter("query", "site"), "get_context query site"),
        (add_parameter("header", "x-skaha-site"), "get_context header x-skaha-site"),
        (add_parameter("cookie", "site"), "get_context cookie site"),
        (add_field, "create_session body queue"),
    ],
)
def test_a_new_part_must_be_used_or_listed(change, part):
    [(name, advice)] = problems(changed(change))
    assert name == part
    assert advice == "use it in the facade, or list it in raw-only.yaml with the reason"
    assert problems(changed(change), reasons=REASONS | {part: "No user needs it."}) == []


def test_an_operation_of_the_facade_must_be_described():
    smaller = changed(lambda description: description["paths"].pop("/v1/repository"))
    [(name, advice)] = problems(smaller)
    assert name == "list_repositories"
    assert advice == "Images.repositories calls it, but the description does not contain it"


# An outdated list, and a facade that uses fewer parts.


@pytest.mark.parametrize(
    ("part", "reason", "advice"),
    [
        ("get_weather", "It rains.", "the description does not need that"),
        ("get_context query site", "One site.", "the description does not need that"),
        ("list_all_desktop_apps query view", "One view.", "the description does not need that"),
        ("get_context", "It is boring.", "the facade uses it"),
        ("list_sessions query type", "All kinds.", "the facade uses it"),
        ("list_all_desktop_apps", " ", "without a reason"),
        ("list_all_desktop_apps", None, "without a reason"),
    ],
)
def test_a_needless_part_of_the_list_is_reported(part, reason, advice):
    [(name, problem)] = problems(reasons=REASONS | {part: reason})
    assert name == part
    assert problem.endswith(advice)


def test_an_operation_that_the_facade_stops_using_must_be_listed():
    used = {name: use for name, use in USES.items() if name != "get_stats"}
    assert [name for name, _ in problems(used=used)] == ["get_stats"]


def test_a_parameter_that_the_facade_stops_sending_must_be_listed():
    use = USES["create_session"]
    arguments = use.arguments - {"body gpus", "xskaharegistryauth"}
    fewer = USES | {"create_session": attrs.evolve(use, arguments=arguments)}
    assert {name for name, _ in problems(used=fewer)} == {
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

        async def post(session, name):
            from skaha_api.api.session import create_session

            auth = session.registry
            with session._request("launch"):
                return await create_session.asyncio_detailed(
                    client=session.api, body=form_of(name), x_skaha_registry_auth=auth
                )

        def form_of(name):
            from skaha_api.models import NewSession

            return NewSession(name=name, image="i", type_="headless")
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
    # The name of a helper class includes its special methods.
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
    parts = uses(facade)
    assert parts["list_sessions"].has("query type")
    assert not parts["list_sessions"].has("query status")
    launch = parts["create_session"]
    expected = ["body name", "body image", "body type", "header x-skaha-registry-auth"]
    assert all(map(launch.has, expected))
    assert not any(map(launch.has, ["body cores", "query name"]))
    assert parts["get_session"].has("path sessionID")


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


# The requests that are sent agree with the source.

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
FORM = {"cores": 1, "ram": 1, "gpu": 1, "cmd": "echo", "args": "a", "env": {"A": "b"}}
CALLS = {
    "Session.app_info": lambda session, _: session.app_info("a1", "k4b"),
    "Session.apps": lambda session, _: session.apps("a1", "Running"),
    "Session.attach_app": lambda session, _: session.attach_app("a1", IMAGE, 1, 1),
    "Session.connect": lambda session, _: session.connect("a1", browser=False),
    "Session.connect_url": lambda session, _: session.connect_url("a1"),
    "Session.create": lambda session, _: session.create("sweep", IMAGE, **FORM),
    "Session.destroy": lambda session, _: session.destroy("a1"),
    "Session.destroy_all": lambda session, _: session.destroy_all(),
    "Session.destroy_app": lambda session, _: session.destroy_app("a1", "k4b"),
    "Session.destroy_with": lambda session, _: session.destroy_with("sweep", status="Completed"),
    "Session.events": lambda session, _: session.events("a1"),
    "Session.fetch": lambda session, _: [
        session.fetch("headless", "Running", view) for view in (None, "all", "interactive")
    ],
    "Session.follow": lambda session, _: list(session.follow("a1")),
    "Session.create_many": lambda session, _: session.create_many(
        [{"name": "a", "image": "i/a/b:1"}]
    ),
    "Session.info": lambda session, _: session.info("a1"),
    "Session.logs": lambda session, _: session.logs("a1"),
    "Session.parsed_events": lambda session, _: session.parsed_events("a1"),
    "Session.relaunch": lambda session, _: session.relaunch(session.create("sweep", IMAGE)),
    "Session.renew": lambda session, _: session.renew("a1"),
    "Session.run": lambda session, _: session.run("sweep", IMAGE),
    "Session.save_logs": lambda session, folder: session.save_logs("a1", folder),
    "Session.stats": lambda session, _: session.stats(),
    "Session.whoami": lambda session, _: session.whoami(),
    "Session.wait": lambda session, _: session.wait("a1"),
    "Images.details": lambda images, _: images.details("headless"),
    "Images.fetch": lambda images, _: images.fetch("headless"),
    "Images.repositories": lambda images, _: images.repositories(),
    "Context.resources": lambda context, _: context.resources(),
    "Overview.availability": lambda overview, _: overview.availability(),
    "Overview.capabilities": lambda overview, _: overview.capabilities(),
}
ENDED = {"id": "a1", "name": "sweep-1", "type": "headless", "status": "Completed"}


def respond(request):
    """Respond like a platform with one session, which has ended."""
    if request.method == "POST" and request.path.endswith(("session", "app")):
        return Response(200, "a1\n")
    if "view" in request.query and request.query["view"][0] in {"logs", "events"}:
        return Response(200, "")
    if request.path.endswith(("session", "app", "image")) and "stats" not in str(request.query):
        return json_response([ENDED])
    return json_response(ENDED)


def operation_of(request):
    """Return the operation of a request: the operation with the most fixed parameters."""
    fitting = {
        operation_id: set(fixed_parameters(operation).items())
        for operation_id, operation in SPEC.operations.items()
        if fits(operation.request.partition("#")[0].split("/"), request)
        and all(
            [value] == request.query.get(name)
            for name, value in fixed_parameters(operation).items()
        )
    }
    return max(fitting, key=lambda operation_id: len(fitting[operation_id]))


def fixed_parameters(operation):
    """Return the fixed parameters in the query of an operation with their values."""
    return {
        name.removeprefix("query "): schema["const"]
        for name, schema in operation.parameters.items()
        if name.startswith("query ") and has_fixed_value(schema)
    }


def fits(described, request):
    steps = [f"{request.method} ", *request.path.removeprefix("/skaha/").split("/")]
    return len(steps) == len(described) and all(
        name == step or name.startswith("{") for name, step in zip(described, steps, strict=True)
    )


@pytest.fixture
def sent(scripted, tmp_path):
    """The methods that sent each operation, and the parameters that each operation had."""
    methods, parameters = defaultdict(set), defaultdict(set)
    scripted.respond = respond
    registry = skaha.ContainerRegistry(username="vrubin", secret="s")
    for name, call in CALLS.items():
        scripted.received.clear()
        public_class = getattr(skaha, name.partition(".")[0])
        # The results of the calls do not matter here.
        ignored = contextlib.suppress(skaha.errors.SkahaError)
        options = {"server": scripted.url, "token": "t", "registry": registry, "retry": False}
        with public_class(**options) as session, ignored:
            call(session, tmp_path)
        for request in scripted.received:
            operation = operation_of(request)
            methods[operation].add(name)
            parameters[operation] |= {f"query {key}" for key in request.query}
            parameters[operation] |= {f"header {key}" for key in request.headers}
            parameters[operation] |= {f"body {key}" for key in request.form}
    return methods, parameters


def test_the_requests_agree_with_the_source(sent):
    methods, parameters = sent
    assert set().union(*(use.methods for use in USES.values())) == set(CALLS)
    assert methods.keys() == USES.keys()
    for operation_id, senders in methods.items():
        assert senders <= USES[operation_id].methods
    for part, is_used in parts_in_use(SPEC, USES).items():
        operation_id, _, parameter = part.partition(" ")
        if parameter and not parameter.startswith("path "):
            assert is_used == (parameter in parameters[operation_id]), part
