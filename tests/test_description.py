"""The description: valid OpenAPI, complete, and with valid examples."""

import copy
import inspect
import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import recorded
import samples
from described import DOCUMENT as SPEC
from described import complaints
from schemas import Description
from spec import UnreadableError, resolved, split_views, version_of

from skaha import Session, config

ROOT = Path(__file__).parent.parent
SCHEMAS = SPEC["components"]["schemas"]
DESCRIPTION = Description(SPEC)


def operations(document):
    """Return the path, the parameters and the content of each operation by its id."""
    return {
        operation["operationId"]: (
            path,
            [
                resolved(SPEC, parameter)
                for parameter in shared.get("parameters", []) + operation.get("parameters", [])
            ],
            operation,
        )
        for path, shared in document["paths"].items()
        for method, operation in shared.items()
        if method != "parameters"
    }


OPERATIONS = operations(SPEC)
# Each view is an operation.
VIEWS = operations(split_views(SPEC))


@pytest.mark.parametrize("document", [SPEC, split_views(SPEC)], ids=["description", "views"])
def test_the_description_is_valid_openapi(document):
    from openapi_spec_validator import OpenAPIV31SpecValidator  # its import takes a second

    OpenAPIV31SpecValidator(document).validate()


def test_other_tools_find_all_facts_about_the_api():
    assert SPEC["info"].keys() >= {"title", "summary", "description", "contact", "license"}
    assert SPEC["externalDocs"]["url"].startswith("https://")
    assert not [path for path in SPEC["paths"] if "#" in path]


def test_the_major_version_is_the_version_in_the_paths():
    assert re.fullmatch(r"\d+\.\d+\.\d+", SPEC["info"]["version"])
    assert version_of(SPEC) == "v" + SPEC["info"]["version"].partition(".")[0]


def test_the_default_server_is_the_default_of_the_facade():
    [server] = SPEC["servers"]
    url = server["url"].format_map(
        {name: variable["default"] for name, variable in server["variables"].items()}
    )
    assert config.DEFAULTS["server"] == url


@pytest.mark.parametrize("operation_id", VIEWS)
def test_every_operation_has_its_required_parts(operation_id):
    path, parameters, operation = VIEWS[operation_id]
    assert operation_id.isidentifier()
    assert operation_id.islower()
    assert operation["summary"].endswith(".")
    assert operation["description"].endswith(".")
    [tag] = operation["tags"]
    assert tag in {described["name"] for described in SPEC["tags"]}
    in_path = {p["name"] for p in parameters if p["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))


def test_each_view_has_an_id_of_its_own():
    views = [
        views
        for *_, operation in OPERATIONS.values()
        for views in operation.get("x-skaha-views", [])
    ]
    assert len(VIEWS) == len(OPERATIONS) + len(list(filter(None, views)))


@pytest.mark.parametrize("operation_id", VIEWS)
def test_every_operation_describes_its_refusals(operation_id):
    operation = VIEWS[operation_id][2]
    needs_credentials = operation.get("security") != []
    assert ({"400", "401", "403"} <= operation["responses"].keys()) is needs_credentials
    assert "default" in operation["responses"]


# Examples.


def examples(node):
    """Return the values of the examples of a parameter, a header or a media type."""
    named = [resolved(SPEC, example)["value"] for example in node.get("examples", {}).values()]
    return named + ([node["example"]] if "example" in node else [])


def described_contents():
    """Yield each body of a request and of a response, with its name."""
    for operation_id, (_, _, operation) in OPERATIONS.items():
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{operation_id} {media_type}", content
        for status, node in operation["responses"].items():
            for media_type, content in resolved(SPEC, node).get("content", {}).items():
                yield f"{operation_id} {status} {media_type}", content


CONTENTS = dict(described_contents())


@pytest.mark.parametrize("name", CONTENTS)
def test_the_examples_of_bodies_are_valid(name):
    content = CONTENTS[name]
    # The page of a failed availability check is unknown.
    assert examples(content) or name == "get_availability 503 text/html"
    for value in examples(content):
        assert complaints(content["schema"], value) == []
        if name.endswith("text/xml"):
            ET.fromstring(value)


@pytest.mark.parametrize("operation_id", [name for name in VIEWS if name not in OPERATIONS])
def test_the_example_of_a_view_is_valid_for_the_view(operation_id):
    path, parameters, operation = VIEWS[operation_id]
    view = next(p["schema"]["const"] for p in parameters if p["name"] == "view")
    [whole] = [
        part
        for other, _, part in OPERATIONS.values()
        if other == path.partition("#")[0] and "x-skaha-views" in part
    ]
    [(media_type, content)] = operation["responses"]["200"]["content"].items()
    example = whole["responses"]["200"]["content"][media_type]["examples"][view]
    assert complaints(content["schema"], resolved(SPEC, example)["value"]) == []


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_examples_of_parameters_are_valid(operation_id):
    for parameter in OPERATIONS[operation_id][1]:
        # The examples of the views are their responses.
        assert examples(parameter) or parameter["name"] == "view"
        for value in examples(parameter):
            assert complaints(parameter["schema"], value) == []


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_examples_of_schemas_are_valid(schema):
    assert SCHEMAS[schema]["examples"]
    for value in SCHEMAS[schema]["examples"]:
        assert complaints(SCHEMAS[schema], value) == []
        # A wrong name would be an unknown member, which is valid, too.
        if isinstance(value, dict):
            assert value.keys() <= SCHEMAS[schema]["properties"].keys()


def test_the_examples_of_records_have_described_members():
    for name, example in SPEC["components"]["examples"].items():
        values = example["value"] if isinstance(example["value"], list) else [example["value"]]
        for value in values:
            if isinstance(value, dict):
                fitting = [
                    s for s in SCHEMAS.values() if value.keys() <= s.get("properties", {}).keys()
                ]
                assert fitting, name


# No running server sent these texts.
NOT_RECORDED = {
    "get_session 200 text/plain": "A log is the text of a program.",
    "delete_session 404 text/plain": "Only older platforms send it.",
    "get_capabilities 200 text/xml": "The recorded document is long.",
    "400 text/html": "The recorded page is long.",
    "403 text/plain": "The recorded server had no group of users.",
    "default text/html": "It is the page of a proxy.",
}


def is_recorded(name, value):
    _, status, media_type = name.split()
    if {name, f"{status} {media_type}"} & NOT_RECORDED.keys():
        return True
    bodies = [
        exchange.body.replace("\r\n", "\n")
        for exchange in recorded.all_exchanges()
        if status in {str(exchange.status), "default"}
    ]
    return any(recorded.Comparison().matches(body, value) for body in bodies)


@pytest.mark.parametrize("name", [name for name in CONTENTS if len(name.split()) == 3])
def test_the_examples_of_texts_are_recorded(name):
    for value in examples(CONTENTS[name]):
        if isinstance(value, str):
            assert is_recorded(name, value), value


def test_the_examples_of_records_have_the_members_of_recorded_records():
    """The members have the order in which the platform sends them."""
    members = {
        tuple(record)
        for exchange in recorded.all_exchanges()
        if exchange.status == 200 and exchange.body.lstrip().startswith(("{", "["))
        for record in records_in(exchange.value())
    }
    for name, example in SPEC["components"]["examples"].items():
        if not name.startswith(("Older", "New")):
            for record in records_in(example["value"]):
                assert tuple(record) in members, name


@pytest.mark.parametrize("exchange", recorded.all_exchanges(), ids=lambda item: item.name[:60])
def test_recorded_responses_are_described(exchange):
    described = operation_of(exchange)
    if described is None:  # wrong paths and methods, and other services
        return
    assert str(exchange.status) in described.responses
    bodies = described.content(exchange.status)
    media_type = (exchange.headers.get("content-type") or "").partition(";")[0]
    assert not exchange.body or media_type in bodies
    if media_type == "application/json":
        schema, value = bodies[media_type]["schema"], exchange.value()
        assert list(DESCRIPTION.differences(schema, value)) == []
        assert list(DESCRIPTION.news(schema, value)) == []


def operation_of(exchange):
    """Return the described operation of a recorded request, or `None`."""
    path = exchange.filled().target.partition("?")[0]
    fitting = [
        operation
        for operation in DESCRIPTION.operations.values()
        if operation.method == exchange.method
        and re.fullmatch(re.sub(r"{\w+}", "[^/]+", operation.path), path)
    ]
    # The platform ignores an unknown view.
    views = {operation.view.get("view", ""): operation for operation in fitting}
    return views.get(exchange.view, views.get(""))


def records_in(value):
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def test_the_page_shows_every_operation_schema_and_example():
    page = runpy.run_path(str(ROOT / "docs" / "rest_api.py"))["rest_api"]()
    for name in VIEWS:
        assert f"`{name}`" in page
    for name in SCHEMAS:
        assert f"### `{name}`" in page
    for example in SPEC["components"]["examples"].values():
        assert example["summary"] in page


def test_the_page_says_which_bodies_are_forms():
    lines = runpy.run_path(str(ROOT / "docs" / "rest_api.py"))["_Page"]
    document = copy.deepcopy(SPEC)
    body = document["paths"]["/v1/session"]["post"]["requestBody"]["content"]
    body["application/json"] = body["application/x-www-form-urlencoded"]
    page = "\n".join(lines(document).lines())
    assert "A form, `application/x-www-form-urlencoded`:" in page
    assert "A body, `application/json`:" in page


# Wrong views.


@pytest.mark.parametrize(
    ("views", "problem"),
    [
        ({"all": {}}, "GET /v1/a: x-skaha-views must have an empty name and the values of `view`"),
        ({"": {}}, "GET /v1/a: x-skaha-views must have an empty name and the values of `view`"),
        ({"": {}, "all": {}, "x": {}}, "GET /v1/a: x-skaha-views must have an empty name and"),
        (
            {"": {}, "all": {"parameters": ["x"]}},
            "GET /v1/a: the view 'all' has unknown parameters",
        ),
    ],
)
def test_views_that_do_not_agree_with_the_parameters_are_refused(views, problem):
    parameter = {"name": "view", "in": "query", "schema": {"enum": ["all"]}}
    described = {name: {"response": {}} | view for name, view in views.items()}
    operation = {"parameters": [parameter], "responses": {}, "x-skaha-views": described}
    with pytest.raises(UnreadableError, match=problem):
        split_views({"paths": {"/v1/a": {"get": operation}}})


@pytest.mark.parametrize("operation_id", VIEWS)
def test_every_parameter_has_a_description(operation_id):
    for parameter in VIEWS[operation_id][1]:
        assert parameter["schema"].get("description", "").endswith("."), parameter["name"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_property_has_a_description(schema):
    assert SCHEMAS[schema].get("description", "").endswith(".")
    for name, described in SCHEMAS[schema].get("properties", {}).items():
        assert described.get("description", "").endswith("."), name


def test_create_has_an_argument_for_each_field_of_the_form():
    renamed = {"type": "kind", "gpus": "gpu"}
    described = {renamed.get(name, name) for name in SCHEMAS["NewSession"]["properties"]}
    parameters = inspect.signature(Session.create).parameters.values()
    names = {p.name for p in parameters if p.kind is not p.KEYWORD_ONLY}
    assert names - {"self", "replicas"} == described


RECORDS = [
    *[("Session", record) for profile in samples.SESSIONS.values() for record in profile],
    *[("PublicSession", record) for record in samples.PUBLIC],
    *[("Context", context) for context in samples.CONTEXTS.values()],
    *[("Stats", statistics) for statistics in samples.STATISTICS.values()],
    *[("Image", image) for image in samples.IMAGES],
]


@pytest.mark.parametrize(("schema", "record"), RECORDS, ids=lambda part: str(part)[:20])
def test_old_and_new_records_are_valid(schema, record):
    assert complaints({"$ref": f"#/components/schemas/{schema}"}, record) == []


@pytest.mark.parametrize("record", [{}, {"name": "nameless"}, {"supplementalGroups": None}])
def test_no_member_of_a_session_is_promised(record):
    assert complaints({"$ref": "#/components/schemas/Session"}, record) == []
