"""The description: valid OpenAPI, complete, and equal to the models of the facade."""

import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
import samples
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from skaha import Session, config, models

SPEC = yaml.safe_load((Path(__file__).parent.parent / "openapi" / "skaha.yaml").read_text())
SCHEMAS = SPEC["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: (path, shared.get("parameters", []), operation)
    for path, shared in SPEC["paths"].items()
    for method, operation in shared.items()
    if method != "parameters"
}


def parameters(operation_id):
    _, shared, operation = OPERATIONS[operation_id]
    listed = shared + operation.get("parameters", [])
    components = SPEC["components"]["parameters"]
    return [components[p["$ref"].rpartition("/")[2]] if "$ref" in p else p for p in listed]


def view(operation_id):
    return next((p["schema"] for p in parameters(operation_id) if p["name"] == "view"), None)


def test_the_description_is_valid_openapi():
    OpenAPIV31SpecValidator(SPEC).validate()


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_operation_has_its_required_parts(operation_id):
    path, _, operation = OPERATIONS[operation_id]
    assert operation_id.isidentifier()
    assert operation_id.islower()
    assert operation["summary"].endswith(".")
    [tag] = operation["tags"]
    assert tag in {described["name"] for described in SPEC["tags"]}
    assert {"200", "default"} == set(operation["responses"])
    in_path = {p["name"] for p in parameters(operation_id) if p["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))


def test_no_two_operations_share_an_id():
    methods = [method for shared in SPEC["paths"].values() for method in shared]
    assert len(OPERATIONS) == len(methods) - methods.count("parameters")


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_each_view_is_an_operation_with_its_fragment(operation_id):
    path, _, fragment = OPERATIONS[operation_id][0].partition("#")
    if not fragment:
        assert view(operation_id) is None
        return
    assert path in SPEC["paths"]
    assert view(operation_id)["const"] == view(operation_id)["default"] == fragment
    assert next(p for p in parameters(operation_id) if p["name"] == "view")["required"] is True


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_parameter_has_a_description(operation_id):
    for parameter in parameters(operation_id):
        assert parameter["schema"]["description"].endswith(".")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_property_has_a_description(schema):
    assert SCHEMAS[schema]["description"].endswith(".")
    for described in SCHEMAS[schema].get("properties", {}).values():
        assert described["description"].endswith(".")


@pytest.mark.parametrize(
    ("words", "described"),
    [(models.KINDS, "SessionKind"), (models.STATUS, "SessionStatus")],
    ids=["kinds", "statuses"],
)
def test_the_facade_and_the_description_list_the_same_words(words, described):
    assert sorted(get_args(words)) == sorted(SCHEMAS[described]["enum"])


def test_the_facade_and_the_description_list_the_same_views():
    views = {
        path.partition("#")[2]
        for path, _, operation in OPERATIONS.values()
        if path.startswith("/v1/session#")
        and operation["responses"]["200"]["content"]["application/json"]["schema"].get("items")
    }
    assert set(get_args(models.VIEW)) == views


@pytest.mark.parametrize(
    ("record", "described"),
    [
        (models.SessionRecord, "Session"),
        (models.PublicSessionRecord, "PublicSession"),
        (models.ContextRecord, "Context"),
        (models.ResourceLimitsRecord, "ResourceLimits"),
        (models.StatsRecord, "Stats"),
    ],
)
def test_the_records_of_the_facade_have_the_described_members(record, described):
    assert set(record.__annotations__) <= set(SCHEMAS[described]["properties"])
    assert set(SCHEMAS[described]["properties"]) <= set(record.__annotations__)
    assert set(SCHEMAS[described].get("required", [])) <= record.__required_keys__


def test_create_has_an_argument_for_each_field_of_the_form():
    renamed = {"type": "kind", "gpus": "gpu"}
    described = {renamed.get(name, name) for name in SCHEMAS["NewSession"]["properties"]}
    parameters = inspect.signature(Session.create).parameters.values()
    names = {p.name for p in parameters if p.kind is not p.KEYWORD_ONLY}
    assert names - {"self", "replicas"} == described


def test_the_default_server_is_the_described_server():
    assert config.DEFAULTS["server"] == SPEC["servers"][0]["url"]


RECORDS = [
    *[("Session", record) for profile in samples.SESSIONS.values() for record in profile],
    *[("PublicSession", record) for record in samples.PUBLIC],
    *[("Context", context) for context in samples.CONTEXTS.values()],
    *[("Stats", statistics) for statistics in samples.STATISTICS.values()],
    *[("Image", image) for image in samples.IMAGES],
]


@pytest.mark.parametrize(("schema", "record"), RECORDS, ids=lambda part: str(part)[:20])
def test_old_and_new_records_are_valid(schema, record):
    whole = {"$ref": f"#/components/schemas/{schema}", "components": SPEC["components"]}
    OAS31Validator(whole).validate(record)


@pytest.mark.parametrize("record", [{}, {"name": "nameless"}, {"supplementalGroups": None}])
def test_no_member_of_a_session_is_promised(record):
    whole = {"$ref": "#/components/schemas/Session", "components": SPEC["components"]}
    OAS31Validator(whole).validate(record)
