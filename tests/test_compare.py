"""Comparison of descriptions: each difference has a name and a weight, and is known or new."""

import contextlib
import copy
import json
import re
import time

import compare
import description
import differences
import pytest
import yaml
from described import DOCUMENT as PARSED
from described import TEXT
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Response

pytestmark = pytest.mark.slow

OURS = description.read(PARSED)
CREATE = "POST /v1/session"
LIST = "GET /v1/session"
LISTS = "list_sessions, list_all_sessions, list_interactive_sessions"


@pytest.fixture
def theirs():
    """A copy of our description; a test changes it into the description of a platform."""
    return copy.deepcopy(PARSED)


@pytest.fixture
def known(tmp_path):
    """An empty file of known deviations."""
    path = tmp_path / "deviations.yaml"
    path.write_text("[]")
    return path


@pytest.fixture
def run(capsys, tmp_path, known):
    """Run the command line; return its exit status and its output."""

    def run(source, *options):
        if isinstance(source, dict):
            theirs = tmp_path / "theirs.yaml"
            theirs.write_text(json.dumps(source))
            source = theirs
        try:
            status = compare.main([str(source), "--deviations", str(known), *map(str, options)])
        except SystemExit as stop:
            status = stop.code
        printed = capsys.readouterr()
        return status, printed.out if status in {0, 1, 3} else printed.err

    return run


@pytest.fixture
def publisher(scripted):
    """A server that ignores clients that disconnect during a response."""
    scripted._server.handle_error = lambda *_: None
    return scripted


def report_on(spec):
    """Compare a description; return the exit status, the lines of the news and the last line."""
    report = compare.report("theirs", description.read(spec), OURS, [])
    *news, summary = report.as_text().splitlines()
    return report.status, news, summary


def form(spec, name="NewSession"):
    return spec["components"]["schemas"][name]


def remove_operation(spec):
    del spec["paths"]["/v1/session/{sessionID}"]["delete"]


def remove_view(spec):
    operation = spec["paths"]["/v1/session"]["get"]
    operation["parameters"][-1]["schema"]["enum"].remove("stats")
    del operation["x-skaha-views"]["stats"]


def add_operation(spec):
    spec["paths"]["/v1/quota"] = {"get": {"responses": {200: {"description": "The quota."}}}}


def change_version(spec):
    spec["paths"]["/v2/context"] = spec["paths"].pop("/v1/context")


def rename_parameter(spec):
    form(spec)["properties"]["accelerators"] = form(spec)["properties"].pop("gpus")


def require_parameter(spec):
    form(spec)["required"].append("type")


def require_new_parameter(spec):
    parameter = {"name": "project", "in": "query", "required": True, "schema": {"type": "string"}}
    spec["paths"]["/v1/context"]["get"]["parameters"] = [parameter]


def no_longer_require(spec):
    form(spec)["required"].remove("name")


def move_parameter(spec):
    spec["components"]["parameters"]["RegistryAuth"]["in"] = "query"


def restrict_type(spec):
    form(spec)["properties"]["cores"]["type"] = "integer"


def extend_type(spec):
    form(spec)["properties"]["gpus"]["type"] = "number"


def remove_value(spec):
    spec["components"]["schemas"]["SessionKind"]["enum"].remove("firefly")


def add_value(spec):
    spec["components"]["schemas"]["SessionStatus"]["enum"].append("Paused")


def add_status(spec):
    spec["paths"]["/v1/context"]["get"]["responses"]["429"] = {"description": "Too many."}


def change_success(spec):
    responses = spec["paths"]["/v1/repository"]["get"]["responses"]
    responses["202"] = responses.pop("200")


def add_media_type(spec):
    content = spec["paths"]["/v1/repository"]["get"]["responses"]["200"]["content"]
    content["text/csv; charset=utf-8"] = {"schema": {"type": "string"}}


def change_media_type(spec):
    content = spec["paths"]["/v1/repository"]["get"]["responses"]["200"]["content"]
    content["application/xml"] = content.pop("application/json")


def accept_json(spec):
    content = spec["paths"]["/v1/session/{sessionID}"]["post"]["requestBody"]["content"]
    content["application/json"] = content["application/x-www-form-urlencoded"]


def add_beside_a_reference(spec):
    content = spec["paths"]["/v1/image"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"]["items"]["properties"] = {"size": {"type": "integer"}}


def rename_field(spec):
    properties = form(spec, "Image")["properties"]
    properties["checksum"] = properties.pop("digest")


def respond_with_an_object(spec):
    content = spec["paths"]["/v1/repository"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"] = {
        "type": "object",
        "properties": {"hosts": {"type": "array"}},
    }


def retype_field(spec):
    form(spec, "Image")["properties"]["digest"]["type"] = "object"


def make_field_nullable(spec):
    form(spec, "Image")["properties"]["id"]["type"] = ["string", "null"]


def remove_field_of_one_view(spec):
    view = spec["paths"]["/v1/session"]["get"]["x-skaha-views"]["all"]
    items = {"type": "object", "properties": {"userid": {"type": "string"}}}
    view["response"]["content"]["application/json"]["schema"]["items"] = items


def refuse_with_json(spec):
    content = {"application/json": {"schema": {"type": "object"}}}
    spec["paths"]["/v1/context"]["get"]["responses"]["403"] = {
        "description": "",
        "content": content,
    }


def accept_other_credentials(spec):
    spec["components"]["securitySchemes"]["key"] = {"type": "apiKey", "in": "header", "name": "X"}
    spec["paths"]["/v1/context"]["get"]["security"] = [{"bearer": []}, {"key": [], "bearer": []}]
    spec["paths"]["/v1/repository"]["get"]["security"] = [{"key": []}]


PLACES_OF_KINDS = (
    ("GET /v1/image", "value firefly of type", "list_images"),
    (LIST, "value firefly of 200 [].type", LISTS),
    (LIST, "value firefly of type", "list_sessions, list_all_sessions"),
)

CHANGES = {
    make_field_nullable: [
        (
            "breaking  GET /v1/image: type of 200 [].id: they have null or string, we have string "
            "[list_images]"
        )
    ],
    remove_field_of_one_view: [
        f"breaking  {LIST}: we have field [].{name} of 200, they do not [list_all_sessions]"
        for name in ("startTime", "status", "type")
    ],
    refuse_with_json: [
        (
            "additive  GET /v1/context: they have media type application/json of 403, we do not "
            "[get_context]"
        )
    ],
    accept_other_credentials: [
        (
            "breaking  GET /v1/repository: security: they have header X, "
            "we have bearer or cookie CADC_SSO or mutualtls [list_repositories]"
        ),
        (
            "additive  GET /v1/context: security: they have bearer or bearer and header X, "
            "we have bearer or cookie CADC_SSO or mutualtls [get_context]"
        ),
    ],
    remove_operation: [
        (
            "breaking  DELETE /v1/session/{sessionID}: we have this operation, they do not "
            "[delete_session]"
        )
    ],
    remove_view: [
        f"breaking  {LIST}: we have value stats of view, they do not [get_stats]",
    ],
    add_operation: ["additive  GET /v1/quota: they have this operation, we do not"],
    change_version: [
        "breaking  GET /v1/context: path: they have /v2/context, we have /v1/context [get_context]"
    ],
    rename_parameter: [
        (
            f"breaking  {CREATE}: we have parameter gpus (optional, form), they do not "
            "[create_session]"
        ),
        (
            f"additive  {CREATE}: they have parameter accelerators (optional, form), we do not "
            "[create_session]"
        ),
    ],
    require_parameter: [
        (
            f"breaking  {CREATE}: required of type: they have required, we have optional "
            "[create_session]"
        )
    ],
    require_new_parameter: [
        (
            "breaking  GET /v1/context: they have parameter project (required, query), we do not "
            "[get_context]"
        )
    ],
    no_longer_require: [
        (
            f"additive  {CREATE}: required of name: they have optional, we have required "
            "[create_session]"
        )
    ],
    move_parameter: [
        (
            f"breaking  {CREATE}: place of x-skaha-registry-auth: they have query, we have header "
            "[create_session]"
        ),
    ],
    restrict_type: [
        f"breaking  {CREATE}: type of cores: they have integer, we have number [create_session]"
    ],
    extend_type: [
        f"additive  {CREATE}: type of gpus: they have number, we have integer [create_session]"
    ],
    accept_json: [
        (
            "additive  POST /v1/session/{sessionID}: place of action: they have body or form, "
            "we have form [renew_session]"
        ),
        (
            "additive  POST /v1/session/{sessionID}: they have media type application/json of "
            "body, we do not [renew_session]"
        ),
    ],
    add_beside_a_reference: [
        "additive  GET /v1/image: they have field [].size of 200, we do not [list_images]"
    ],
    add_status: ["additive  GET /v1/context: they have status 429, we do not [get_context]"],
    change_success: [
        "breaking  GET /v1/repository: we have status 200, they do not [list_repositories]",
        "additive  GET /v1/repository: they have status 202, we do not [list_repositories]",
    ],
    add_media_type: [
        (
            "additive  GET /v1/repository: they have media type text/csv of 200, we do not "
            "[list_repositories]"
        )
    ],
    change_media_type: [
        (
            "breaking  GET /v1/repository: we have media type application/json of 200, they do not "
            "[list_repositories]"
        ),
        (
            "additive  GET /v1/repository: they have media type application/xml of 200, we do not "
            "[list_repositories]"
        ),
    ],
    rename_field: [
        "breaking  GET /v1/image: we have field [].digest of 200, they do not [list_images]",
        "additive  GET /v1/image: they have field [].checksum of 200, we do not [list_images]",
    ],
    respond_with_an_object: [
        "breaking  GET /v1/repository: we have field [] of 200, they do not [list_repositories]",
        (
            "breaking  GET /v1/repository: type of 200 (body): they have object, we have array "
            "[list_repositories]"
        ),
        "additive  GET /v1/repository: they have field hosts of 200, we do not [list_repositories]",
    ],
    retype_field: [
        (
            "breaking  GET /v1/image: type of 200 [].digest: they have object, we have string "
            "[list_images]"
        )
    ],
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_change_is_reported_exactly(theirs, change):
    change(theirs)
    status, news, summary = report_on(theirs)
    assert news == CHANGES[change]
    breaking = sum(line.startswith("breaking") for line in CHANGES[change])
    additive = len(CHANGES[change]) - breaking
    assert f"new: {breaking} breaking, {additive} additive; known: 0; cosmetic: " in summary
    assert status == (1 if breaking else 3)


def test_a_removed_value_is_reported_for_each_of_its_places(theirs):
    remove_value(theirs)
    status, news, _ = report_on(theirs)
    assert status == 1
    for operation, value, ids in PLACES_OF_KINDS:
        assert f"breaking  {operation}: we have {value}, they do not [{ids}]" in news


def test_a_new_value_is_reported_for_each_of_its_places(theirs):
    add_value(theirs)
    status, news, _ = report_on(theirs)
    assert status == 3
    assert {line.partition(":")[2].partition(",")[0] for line in news} == {
        " they have value Paused of status",
        " they have value Paused of 200 status",
        " they have value Paused of 200 [].status",
    }


def reword(spec):
    spec["info"]["title"] = "Other"
    spec["paths"]["/v1/context"]["get"]["summary"] = "In other words."
    spec["components"]["parameters"]["RegistryAuth"]["schema"]["description"] = "In other words."
    spec["paths"] = dict(reversed(spec["paths"].items()))


def rename_in_paths(spec):
    """Rename the id in paths. The name is never sent."""
    for path in list(spec["paths"]):
        spec["paths"][path.replace("{sessionID}", "{id}")] = spec["paths"].pop(path)


def serve_elsewhere(spec):
    url = "https://other.example.org/api/{version}"
    spec["servers"] = [{"url": url, "variables": {"version": {"default": "v1"}}}]
    spec["paths"] = {path.removeprefix("/v1"): item for path, item in spec["paths"].items()}
    # These two operations have no version.
    del spec["paths"]["/availability"], spec["paths"]["/capabilities"]


def describe_less(spec):
    """Remove the responses and the listed words. A description without a list allows all words."""
    for schema in ("SessionKind", "SessionStatus"):
        del form(spec, schema)["enum"]
    for item in spec["paths"].values():
        for method in item.keys() - {"parameters"}:
            item[method]["responses"] = {"200": {"description": "Done."}}


def describe_views_together(spec):
    for item in spec["paths"].values():
        item.get("get", {}).pop("x-skaha-views", None)


def share_parameters(spec):
    """Move the parameters of a method to its path, and add a header that HTTP itself defines."""
    item = spec["paths"]["/v1/image"]
    accept = {"name": "Accept", "in": "header", "schema": {"type": "string"}}
    item["parameters"] = [*item["get"].pop("parameters"), accept]


def respond_with_any_media_type(spec):
    content = spec["paths"]["/v1/repository"]["get"]["responses"]["200"]["content"]
    content["*/*"] = content.pop("application/json")


def send_numbers_as_text(spec):
    form(spec)["properties"]["cores"]["type"] = "string"


@pytest.mark.parametrize(
    ("change", "cosmetic"),
    [
        (reword, "3 wording"),
        (rename_in_paths, "none"),
        (describe_less, r"\d+ field, \d+ media type, \d+ status, \d+ value"),
        (describe_views_together, "none"),
        (share_parameters, "none"),
        (respond_with_any_media_type, "1 media type"),
        (lambda spec: spec.pop("security"), r"\d+ security"),
        (send_numbers_as_text, "1 type"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_cosmetic_differences_are_only_counted(theirs, change, cosmetic):
    change(theirs)
    status, news, summary = report_on(theirs)
    assert (status, news) == (0, [])
    assert re.fullmatch(f"new: 0 breaking, 0 additive; known: 0; cosmetic: {cosmetic}", summary)


def test_the_version_can_be_in_the_url_of_the_server(theirs):
    serve_elsewhere(theirs)
    status, news, _ = report_on(theirs)
    assert status == 1
    assert news == [
        "breaking  GET /capabilities: we have this operation, they do not [get_capabilities]",
        "breaking  GET /availability: we have this operation, they do not [get_availability]",
    ]


def test_a_nullable_field_of_older_formats_is_breaking(theirs):
    theirs["openapi"] = "3.0.3"
    form(theirs, "Image")["properties"]["id"]["nullable"] = True
    status, news, _ = report_on(theirs)
    assert (status, news) == (1, CHANGES[make_field_nullable])


SWAGGER = {
    "swagger": "2.0",
    "info": {"title": "skaha", "version": 1.0},
    "basePath": "/skaha",
    "produces": ["application/json"],
    "definitions": {"Hosts": {"type": "array", "items": {"type": "string"}}},
    "paths": {
        "/v1/repository": {
            "get": {"responses": {200: {"schema": {"$ref": "#/definitions/Hosts"}}}},
        },
        "/v1/session": {
            "post": {
                "consumes": ["application/x-www-form-urlencoded"],
                "parameters": [
                    {"name": name, "in": "formData", "type": kind, "required": required}
                    for name, kind, required in [
                        ("name", "string", True),
                        ("image", "string", True),
                        ("type", "string", True),
                        ("cores", "number", False),
                        ("ram", "number", False),
                        ("cmd", "string", False),
                        ("args", "string", False),
                    ]
                ]
                + [
                    {"name": "env", "in": "formData", "type": "array", "items": {"type": "string"}},
                    {"name": "X-Skaha-Registry-Auth", "in": "header", "type": "string"},
                ],
                "responses": {200: {"description": "Its id."}},
            }
        },
        "/session/{id}": {
            "post": {
                "parameters": [
                    {"name": "action", "in": "query", "type": "string", "enum": ["renew", "pause"]}
                ],
                "responses": {200: {"description": "Done."}},
            }
        },
    },
}


def test_swagger_is_compared_too():
    status, news, _ = report_on(SWAGGER)
    missing = [line for line in news if "this operation" in line]
    others = [line for line in news if line not in missing]
    assert status == 1
    assert len(missing) == len(OURS.operations) - 3
    renewal = "POST /v1/session/{sessionID}"
    assert others == [
        (
            f"breaking  {CREATE}: we have parameter gpus (optional, form), they do not "
            "[create_session]"
        ),
        (
            f"breaking  {CREATE}: required of type: they have required, we have optional "
            "[create_session]"
        ),
        (
            f"breaking  {renewal}: path: they have /session/{{id}}, "
            "we have /v1/session/{sessionID} [renew_session]"
        ),
        f"breaking  {renewal}: place of action: they have query, we have form [renew_session]",
        (
            f"additive  {renewal}: required of action: they have optional, we have required "
            "[renew_session]"
        ),
        f"additive  {renewal}: they have value pause of action, we do not [renew_session]",
    ]


def test_a_json_body_in_place_of_our_form_is_breaking(theirs):
    body = theirs["paths"]["/v1/session"]["post"]["requestBody"]["content"]
    body["application/json"] = body.pop("application/x-www-form-urlencoded")
    status, news, _ = report_on(theirs)
    assert status == 1
    assert (
        f"breaking  {CREATE}: place of image: they have body, we have form [create_session]" in news
    )


def test_the_report_in_json(run, theirs, known):
    rename_parameter(theirs)
    known.write_text(
        f"[{{kind: parameter, operation: {CREATE}, name: gpus, why: Renamed.}},"
        " {kind: status, theirs: 418, why: Gone.}]"
    )
    status, printed = run(theirs, "--json")
    report = json.loads(printed)
    source = report.pop("source")
    assert source.endswith("theirs.yaml")
    shared = {"operation": CREATE, "operation_ids": ["create_session"], "kind": "parameter"}
    lacking = {"weight": "breaking", "name": "gpus", "theirs": None, "ours": "optional, form"}
    new = {"weight": "additive", "name": "accelerators", "theirs": "optional, form", "ours": None}
    assert status == 3
    assert report == {
        "format": "openapi",
        "news": [shared | new],
        "known": [shared | lacking | {"why": "Renamed."}],
        "stale": [{"kind": "status", "theirs": "418", "why": "Gone."}],
        "cosmetic": {},
    }


def test_a_stale_record_is_reported_and_is_no_failure(run, theirs, known):
    known.write_text("[{kind: parameter, name: [gpus, tpus], theirs: null, why: Unwritten.}]")
    del form(theirs)["properties"]["gpus"]
    assert run(theirs) == (
        0,
        (
            "stale     kind: parameter, name: tpus, theirs: null: recorded, not found\n"
            "new: 0 breaking, 0 additive; known: 1; cosmetic: none\n"
        ),
    )


def test_a_record_for_the_other_format_is_ignored(run, theirs, known):
    known.write_text("[{kind: parameter, name: gpus, format: swagger, why: Unwritten.}]")
    del form(theirs)["properties"]["gpus"]
    status, printed = run(theirs)
    assert (status, printed.count("stale")) == (1, 0)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{kind: status, theirs: 401}", "entry 1: give `why`, and one of operation, name"),
        ("{kind: status, why: All.}", "entry 1: give `why`, and one of operation, name"),
        ("{kind: state, theirs: 401, why: All.}", "entry 1: `kind` is one of operation, path"),
        ("{kind: status, their: 401, why: All.}", "entry 1: expected a mapping of format, kind"),
        ("{kind: status, theirs: 401, why: A, format: raml}", "`format` is swagger or openapi"),
        ("401", "entry 1: expected a mapping"),
    ],
)
def test_a_malformed_record_is_refused(run, known, entry, message):
    known.write_text(f"[{entry}]")
    status, printed = run(compare.SPEC)
    assert (status, message in printed, str(known) in printed) == (2, True, True)


def test_records_name_operations_and_parameters_that_we_have():
    records = differences.deviations(yaml.safe_load(compare.DEVIATIONS.read_text()))
    parameters = {item.title: item.parameters for item in OURS.operations.values()}
    for conditions in (record.conditions for record in records):
        if (operation := conditions.get("operation")) is not None:
            assert operation in parameters
            assert conditions.get("name") in {None, *parameters[operation]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!DOCTYPE html><p>Swagger UI", "a web page, not a description"),
        ("paths: [", "neither YAML nor JSON: while parsing"),
        ("- a", "not a description: the document is not a mapping"),
        ("openapi: 2.9", "not a description: it has neither `swagger: 2.0` nor `openapi: 3.x`"),
        ("openapi: 3.0.3", "paths: expected a mapping, not null"),
        ("{swagger: 2.0, paths: {/a: {get: []}}}", "GET /a: expected a mapping, not []"),
        ("{openapi: 3.1.0, paths: {/a: {$ref: '#/b'}}}", "#/b refers to nothing"),
        ("{openapi: 3.1.0, paths: {/a: {$ref: 'x.yaml'}}}", "x.yaml refers to nothing"),
        ("{openapi: 3.1.0, paths: {/a: {$ref: '#/paths/~1a'}}}", "refers to itself"),
    ],
)
def test_a_source_without_a_description_is_refused(run, tmp_path, text, message):
    path = tmp_path / "theirs.yaml"
    path.write_text(text)
    status, printed = run(path)
    assert (status, printed.startswith(f"{path}: ")) == (2, True)
    assert message in printed


def test_a_missing_file_is_refused(run, tmp_path):
    assert run(tmp_path / "none.yaml") == (
        2,
        f"{tmp_path / 'none.yaml'}: No such file or directory\n",
    )


def test_a_recursive_schema_is_read_once(theirs):
    form(theirs, "Image")["properties"]["parent"] = {"$ref": "#/components/schemas/Image"}
    status, news, _ = report_on(theirs)
    assert (status, news) == (
        3,
        ["additive  GET /v1/image: they have field [].parent of 200, we do not [list_images]"],
    )


def test_the_token_of_a_file_is_sent(run, publisher, tmp_path):
    token = tmp_path / "token"
    token.write_text("of-the-platform\n")
    publisher.respond = lambda received: (
        Response(200, TEXT, "text/yaml")
        if received.headers.get("authorization") == "Bearer of-the-platform"
        else Response(401, "Unauthorized\n")
    )
    url = f"{publisher.url}/openapi.yaml"
    assert run(url) == (2, f"{url}: status 401 Unauthorized\n")
    assert run(url, "--token-file", token)[0] == 0


def test_redirects_are_followed(run, publisher):
    publisher.respond = lambda received: (
        Response(200, TEXT)
        if received.path == "/openapi.yaml"
        else Response(302, headers={"Location": "/openapi.yaml"})
    )
    assert run(publisher.url)[0] == 0


def test_a_platform_can_publish_json(run, publisher, theirs):
    add_status(theirs)
    publisher.respond = lambda _: Response(200, json.dumps(theirs, indent="\t"), "application/json")
    assert run(publisher.url)[0] == 3


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(404, "no such thing"), "status 404 no such thing"),
        (Response(404, "<html>no such thing"), "status 404 with a web page"),
        (Response(200, "<!doctype html><title>API"), "{server}/service.yaml"),
        (Response(200, b"#" * (compare.LARGEST_SOURCE + 1)), "longer than 8 MiB"),
        (None, "Server disconnected without sending a response."),
    ],
    ids=["text", "page of an error", "page", "long", "silence"],
)
def test_a_platform_without_a_description_is_reported(run, publisher, response, message):
    publisher.respond = lambda _: response
    status, printed = run(publisher.url)
    assert (status, printed.startswith(f"{publisher.url}: ")) == (2, True)
    assert message in printed


def test_an_endless_download_ends(run, publisher, monkeypatch):
    monkeypatch.setattr(compare, "LONGEST_DOWNLOAD", 1)
    started = time.monotonic()

    def small_parts():
        while time.monotonic() < started + 120:
            yield b"#"

    publisher.respond = lambda _: Response(
        200, small_parts(), headers={"Content-Length": "999999999"}
    )
    status, printed = run(publisher.url)
    assert (status, f"{publisher.url}: not complete after" in printed) == (2, True)


@pytest.mark.parametrize("content", ["", "two words", "t\u00f8ken"])
def test_an_invalid_token_is_not_sent(run, publisher, tmp_path, content):
    token = tmp_path / "token"
    token.write_text(content, encoding="utf-8")
    message = f"{token}: expected one line, a token without blanks\n"
    assert run(publisher.url, "--token-file", token) == (2, message)
    assert not publisher.received


def test_a_token_is_never_sent_without_encryption(run, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret-of-mine")
    status, printed = run("http://platform.example.org/", "--token-file", token)
    assert (status, "https only" in printed, "secret-of-mine" in printed) == (2, True, False)


def test_a_secret_in_a_url_is_refused_and_not_shown(run):
    status, printed = run("https://me:secret-of-mine@platform.example.org/openapi.yaml")
    assert (status, "--token-file" in printed, "secret-of-mine" in printed) == (2, True, False)


def test_a_wrong_option_is_refused(run):
    assert run(compare.SPEC, "--unknown")[0] == 2


@st.composite
def descriptions(draw):
    """Return our description after some of the changes above."""
    spec = copy.deepcopy(PARSED)
    changes = [*CHANGES, remove_value, add_value, reword, rename_in_paths, send_numbers_as_text]
    for change in draw(st.lists(st.sampled_from(changes), max_size=5, unique=True)):
        # An earlier change can have removed the part that this change needs.
        with contextlib.suppress(KeyError):
            change(spec)
    return description.read(spec)


def summaries(differences):
    return {(item.kind, item.name, item.theirs, item.ours) for item in differences}


@settings(max_examples=25, deadline=None)
@given(descriptions())
def test_a_description_does_not_differ_from_itself(read):
    assert differences.compare(read, read) == []


@settings(max_examples=25, deadline=None)
@given(descriptions(), descriptions())
def test_swapped_descriptions_have_swapped_differences(first, second):
    swapped = {
        (kind, name, ours, theirs)
        for kind, name, theirs, ours in summaries(differences.compare(second, first))
    }
    assert summaries(differences.compare(first, second)) == swapped


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.data())
def test_a_record_hides_exactly_one_difference(theirs, data):
    news = compare.report("", theirs, OURS, []).news
    if not news:
        return
    chosen = data.draw(st.sampled_from(news))
    entry = {name: getattr(chosen, name) for name in ("kind", *differences.CONDITIONS)}
    records = differences.deviations([entry | {"why": "It is so."}])
    report = compare.report("", theirs, OURS, records)
    assert report.news == [difference for difference in news if difference != chosen]
    assert ([difference for difference, _ in report.known], report.stale) == ([chosen], [])
