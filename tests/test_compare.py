"""What a platform's description says otherwise than ours: named, weighed, and known or new."""

import contextlib
import copy
import json
import re
import time

import compare
import differences
import pytest
import wire
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Answer

TEXT = compare.SPEC.read_text()
PARSED = yaml.safe_load(TEXT)
OURS = wire.read(PARSED)
CREATE = "POST /v1/session"
LIST = "GET /v1/session"
LIST_IDS = "list_sessions, list_all_sessions, list_interactive_sessions, get_stats"


@pytest.fixture
def theirs():
    """Our description, to be changed into what a platform publishes."""
    return copy.deepcopy(PARSED)


@pytest.fixture
def known(tmp_path):
    """Where known deviations are recorded: none yet."""
    path = tmp_path / "deviations.yaml"
    path.write_text("[]")
    return path


@pytest.fixture
def run(capsys, tmp_path, known):
    """Compare by the command line; return its exit status and what it printed."""

    def run(source, *options):
        if isinstance(source, dict):
            theirs = tmp_path / "theirs.yaml"
            theirs.write_text(json.dumps(source))
            source = theirs
        try:
            status = compare.main([str(source), "--deviations", str(known), *map(str, options)])
        except SystemExit as ended:
            status = ended.code
        printed = capsys.readouterr()
        return status, printed.out if status in {0, 1, 3} else printed.err

    return run


@pytest.fixture
def publisher(scripted):
    """A server that does not mind a client that leaves in the middle of an answer."""
    scripted._server.handle_error = lambda *_: None
    return scripted


def tell(spec):
    """Compare what was read; return the exit status, the lines of news and the line that counts."""
    report = compare.report("theirs", wire.read(spec), OURS, [])
    *news, counted = report.as_text().splitlines()
    return report.status, news, counted


def form(spec, name="NewSession"):
    return spec["components"]["schemas"][name]


def remove_operation(spec):
    del spec["paths"]["/v1/session/{sessionID}"]["delete"]


def remove_view(spec):
    del spec["paths"]["/v1/session#stats"]


def add_operation(spec):
    spec["paths"]["/v1/quota"] = {"get": {"responses": {200: {"description": "It."}}}}


def move_under_another_version(spec):
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


def narrow_type(spec):
    form(spec)["properties"]["cores"]["type"] = "integer"


def widen_type(spec):
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


def take_json_too(spec):
    content = spec["paths"]["/v1/session/{sessionID}"]["post"]["requestBody"]["content"]
    content["application/json"] = content["application/x-www-form-urlencoded"]


def add_beside_a_reference(spec):
    content = spec["paths"]["/v1/image"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"]["items"]["properties"] = {"size": {"type": "integer"}}


def rename_field(spec):
    properties = form(spec, "Image")["properties"]
    properties["checksum"] = properties.pop("digest")


def answer_an_object(spec):
    content = spec["paths"]["/v1/repository"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"] = {
        "type": "object",
        "properties": {"hosts": {"type": "array"}},
    }


def retype_field(spec):
    form(spec, "Image")["properties"]["digest"]["type"] = "object"


KINDS_ARE_IN = (
    ("GET /v1/image", "value firefly of type", "list_images"),
    (LIST, "value firefly of 200 [].type", LIST_IDS),
    (LIST, "value firefly of type", "list_sessions, list_all_sessions"),
)

CHANGES = {
    remove_operation: [
        (
            "breaking  DELETE /v1/session/{sessionID}: we have this operation, they do not "
            "[delete_session]"
        )
    ],
    remove_view: [
        f"breaking  {LIST}: we have value stats of view, they do not [get_stats]",
        *(
            f"breaking  {LIST}: we have field {field} of 200, they do not [{LIST_IDS}]"
            for field in sorted(
                path
                for path in OURS.operations["GET", "/v1/session"][-1].answers["200"].fields
                if not path.startswith(("(body)", "[]"))
            )
        ),
    ],
    add_operation: ["additive  GET /v1/quota: they have this operation, we do not"],
    move_under_another_version: [
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
    narrow_type: [
        f"breaking  {CREATE}: type of cores: they have integer, we have number [create_session]"
    ],
    widen_type: [
        f"additive  {CREATE}: type of gpus: they have number, we have integer [create_session]"
    ],
    take_json_too: [
        (
            "additive  POST /v1/session/{sessionID}: place of action: they have body or form, "
            "we have form [renew_session]"
        )
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
    answer_an_object: [
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
def test_a_change_is_told_exactly(theirs, change):
    change(theirs)
    status, news, counted = tell(theirs)
    assert news == CHANGES[change]
    breaking = sum(line.startswith("breaking") for line in CHANGES[change])
    additive = len(CHANGES[change]) - breaking
    assert f"new: {breaking} breaking, {additive} additive; known: 0; cosmetic: " in counted
    assert status == (1 if breaking else 3)


def test_a_value_they_lack_is_told_of_every_place_that_has_it(theirs):
    remove_value(theirs)
    status, news, _ = tell(theirs)
    assert status == 1
    for at, what, ids in KINDS_ARE_IN:
        assert f"breaking  {at}: we have {what}, they do not [{ids}]" in news


def test_a_value_we_lack_is_told_of_every_place_that_has_it(theirs):
    add_value(theirs)
    status, news, _ = tell(theirs)
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
    """Call the id in paths by another name, which never travels."""
    for path in list(spec["paths"]):
        spec["paths"][path.replace("{sessionID}", "{id}")] = spec["paths"].pop(path)


def serve_elsewhere(spec):
    url = "https://other.example.org/api/{version}"
    spec["servers"] = [{"url": url, "variables": {"version": {"default": "v1"}}}]
    spec["paths"] = {path.removeprefix("/v1"): item for path, item in spec["paths"].items()}
    # These two have no version.
    del spec["paths"]["/availability"], spec["paths"]["/capabilities"]


def describe_less(spec):
    """Leave the answers and the listed words out: who lists none, denies none."""
    for schema in ("SessionKind", "SessionStatus"):
        del form(spec, schema)["enum"]
    for item in spec["paths"].values():
        for method in item.keys() - {"parameters"}:
            item[method]["responses"] = {"200": {"description": "Done."}}


def describe_views_together(spec):
    for view in ("logs", "events"):
        del spec["paths"][f"/v1/session/{{sessionID}}#{view}"]
    operation = spec["paths"]["/v1/session/{sessionID}"]["get"]
    view = {"name": "view", "in": "query", "schema": {"enum": ["logs", "events"]}}
    operation["parameters"] = [view]
    operation["responses"]["200"]["content"]["text/plain"] = {"schema": {"type": "string"}}


def share_parameters(spec):
    """Say for a whole path what its one method takes, and what HTTP says anyway."""
    item = spec["paths"]["/v1/image"]
    accept = {"name": "Accept", "in": "header", "schema": {"type": "string"}}
    item["parameters"] = [*item["get"].pop("parameters"), accept]


def answer_anything(spec):
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
        (describe_views_together, r"\d+ wording"),
        (share_parameters, "none"),
        (answer_anything, "1 media type"),
        (send_numbers_as_text, "1 type"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_changes_nothing_for_us_is_only_counted(theirs, change, cosmetic):
    change(theirs)
    status, news, counted = tell(theirs)
    assert (status, news) == (0, [])
    assert re.fullmatch(f"new: 0 breaking, 0 additive; known: 0; cosmetic: {cosmetic}", counted)


def test_a_version_in_the_address_of_the_server_is_that_of_the_paths(theirs):
    serve_elsewhere(theirs)
    status, news, _ = tell(theirs)
    assert status == 1
    assert news == [
        "breaking  GET /capabilities: we have this operation, they do not [get_capabilities]",
        "breaking  GET /availability: we have this operation, they do not [get_availability]",
    ]


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


def test_swagger_says_the_same_in_other_ways():
    status, news, _ = tell(SWAGGER)
    gone = [line for line in news if "this operation" in line]
    told = [line for line in news if line not in gone]
    assert status == 1
    assert len(gone) == len(OURS.operations) - 3
    renewing = "POST /v1/session/{sessionID}"
    assert told == [
        (
            f"breaking  {CREATE}: we have parameter gpus (optional, form), they do not "
            "[create_session]"
        ),
        (
            f"breaking  {CREATE}: required of type: they have required, we have optional "
            "[create_session]"
        ),
        (
            f"breaking  {renewing}: path: they have /session/{{id}}, "
            "we have /v1/session/{sessionID} [renew_session]"
        ),
        f"breaking  {renewing}: place of action: they have query, we have form [renew_session]",
        (
            f"additive  {renewing}: required of action: they have optional, we have required "
            "[renew_session]"
        ),
        f"additive  {renewing}: they have value pause of action, we do not [renew_session]",
    ]


def test_a_body_of_json_is_not_the_form_that_we_send(theirs):
    body = theirs["paths"]["/v1/session"]["post"]["requestBody"]["content"]
    body["application/json"] = body.pop("application/x-www-form-urlencoded")
    status, news, _ = tell(theirs)
    assert status == 1
    assert (
        f"breaking  {CREATE}: place of image: they have body, we have form [create_session]" in news
    )


def test_programs_read_json(run, theirs, known):
    rename_parameter(theirs)
    known.write_text(
        f"[{{kind: parameter, operation: {CREATE}, name: gpus, why: Renamed.}},"
        " {kind: status, theirs: 418, why: Gone.}]"
    )
    status, printed = run(theirs, "--json")
    told = json.loads(printed)
    source = told.pop("source")
    assert source.endswith("theirs.yaml")
    shared = {"operation": CREATE, "operation_ids": ["create_session"], "kind": "parameter"}
    lacking = {"weight": "breaking", "name": "gpus", "theirs": None, "ours": "optional, form"}
    new = {"weight": "additive", "name": "accelerators", "theirs": "optional, form", "ours": None}
    assert status == 3
    assert told == {
        "format": "openapi",
        "news": [shared | new],
        "known": [shared | lacking | {"why": "Renamed."}],
        "stale": [{"kind": "status", "theirs": "418", "why": "Gone."}],
        "cosmetic": {},
    }


def test_what_is_recorded_and_gone_is_told_and_fails_nothing(run, theirs, known):
    known.write_text("[{kind: parameter, name: [gpus, tpus], theirs: null, why: Unwritten.}]")
    del form(theirs)["properties"]["gpus"]
    assert run(theirs) == (
        0,
        (
            "stale     kind: parameter, name: tpus, theirs: null: recorded, but no longer found\n"
            "new: 0 breaking, 0 additive; known: 1; cosmetic: none\n"
        ),
    )


def test_what_holds_for_the_other_format_is_neither_known_nor_stale(run, theirs, known):
    known.write_text("[{kind: parameter, name: gpus, format: swagger, why: Unwritten.}]")
    del form(theirs)["properties"]["gpus"]
    status, printed = run(theirs)
    assert (status, printed.count("stale")) == (1, 0)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{kind: status, theirs: 401}", "entry 1: say `why`, and one of operation, name"),
        ("{kind: status, why: All.}", "entry 1: say `why`, and one of operation, name"),
        ("{kind: state, theirs: 401, why: All.}", "entry 1: `kind` is one of operation, path"),
        ("{kind: status, their: 401, why: All.}", "entry 1: expected a mapping of format, kind"),
        ("{kind: status, theirs: 401, why: A, format: raml}", "`format` is swagger or openapi"),
        ("401", "entry 1: expected a mapping"),
    ],
)
def test_a_record_that_says_nothing_exact_is_refused(run, known, entry, said):
    known.write_text(f"[{entry}]")
    status, printed = run(compare.SPEC)
    assert (status, said in printed, str(known) in printed) == (2, True, True)


def test_what_is_recorded_of_ours_is_in_ours():
    recorded = differences.deviations(yaml.safe_load(compare.DEVIATIONS.read_text()))
    views = {wire.merged(views).title: wire.merged(views) for views in OURS.operations.values()}
    for one in recorded:
        if (at := one.asked.get("operation")) is not None:
            assert at in views
            assert one.asked.get("name") in {None, *views[at].parameters}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!DOCTYPE html><p>Swagger UI", "a web page, not a description"),
        ("paths: [", "neither YAML nor JSON: while parsing"),
        ("- a", "no description: the whole is not a mapping"),
        ("openapi: 2.9", "no description: it has neither `swagger: 2.0` nor `openapi: 3.x`"),
        ("openapi: 3.0.3", "paths: expected a mapping, not null"),
        ("{swagger: 2.0, paths: {/a: {get: []}}}", "GET /a: expected a mapping, not []"),
        ("{openapi: 3.1.0, paths: {/a: {$ref: '#/b'}}}", "#/b refers to nothing"),
        ("{openapi: 3.1.0, paths: {/a: {$ref: 'x.yaml'}}}", "x.yaml refers to nothing"),
        ("{openapi: 3.1.0, paths: {/a: {$ref: '#/paths/~1a'}}}", "refers to itself"),
    ],
)
def test_what_is_no_description_is_refused(run, tmp_path, text, said):
    path = tmp_path / "theirs.yaml"
    path.write_text(text)
    status, printed = run(path)
    assert (status, printed.startswith(f"{path}: ")) == (2, True)
    assert said in printed


def test_a_file_that_is_not_there_is_told(run, tmp_path):
    assert run(tmp_path / "none.yaml") == (
        2,
        f"{tmp_path / 'none.yaml'}: No such file or directory\n",
    )


def test_a_schema_that_holds_itself_is_read_once(theirs):
    form(theirs, "Image")["properties"]["parent"] = {"$ref": "#/components/schemas/Image"}
    status, news, _ = tell(theirs)
    assert (status, news) == (
        3,
        ["additive  GET /v1/image: they have field [].parent of 200, we do not [list_images]"],
    )


def test_a_platform_is_asked_with_the_token_of_a_file(run, publisher, tmp_path):
    token = tmp_path / "token"
    token.write_text("of-the-platform\n")
    publisher.answer = lambda asked: (
        Answer(200, TEXT, "text/yaml")
        if asked.headers.get("authorization") == "Bearer of-the-platform"
        else Answer(401, "Unauthorized\n")
    )
    url = f"{publisher.url}/openapi.yaml"
    assert run(url) == (2, f"{url}: answered 401 Unauthorized\n")
    assert run(url, "--token-file", token)[0] == 0


def test_a_platform_may_send_one_elsewhere(run, publisher):
    publisher.answer = lambda asked: (
        Answer(200, TEXT)
        if asked.path == "/openapi.yaml"
        else Answer(302, headers={"Location": "/openapi.yaml"})
    )
    assert run(publisher.url)[0] == 0


def test_json_is_read_from_a_platform_too(run, publisher, theirs):
    add_status(theirs)
    publisher.answer = lambda _: Answer(200, json.dumps(theirs, indent="\t"), "application/json")
    assert run(publisher.url)[0] == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404, "no such thing"), "answered 404 no such thing"),
        (Answer(404, "<html>no such thing"), "answered 404 with a web page"),
        (Answer(200, "<!doctype html><title>API"), "{server}/service.yaml"),
        (Answer(200, b"#" * (compare.MOST_BYTES + 1)), "longer than 8 MiB"),
        (None, "Server disconnected without sending a response."),
    ],
    ids=["text", "page of an error", "page", "long", "silence"],
)
def test_a_platform_that_gives_no_description_is_told(run, publisher, answer, said):
    publisher.answer = lambda _: answer
    status, printed = run(publisher.url)
    assert (status, printed.startswith(f"{publisher.url}: ")) == (2, True)
    assert said in printed


def test_a_platform_that_dribbles_is_given_up(run, publisher, monkeypatch):
    monkeypatch.setattr(compare, "MOST_SECONDS", 0.2)
    asked = time.monotonic()

    def dribble():
        while time.monotonic() < asked + 10:
            yield b"#"

    publisher.answer = lambda _: Answer(200, dribble(), headers={"Content-Length": "999999999"})
    status, printed = run(publisher.url)
    assert (status, f"{publisher.url}: not read within" in printed) == (2, True)


@pytest.mark.parametrize("held", ["", "two words", "t\u00f8ken"])
def test_what_is_no_token_is_not_sent(run, publisher, tmp_path, held):
    token = tmp_path / "token"
    token.write_text(held, encoding="utf-8")
    said = f"{token}: expected one line, a token without blanks\n"
    assert run(publisher.url, "--token-file", token) == (2, said)
    assert not publisher.received


def test_a_token_never_travels_where_others_listen(run, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret-of-mine")
    status, printed = run("http://platform.example.org/", "--token-file", token)
    assert (status, "https only" in printed, "secret-of-mine" in printed) == (2, True, False)


def test_a_secret_in_a_url_is_refused_and_not_shown(run):
    status, printed = run("https://me:secret-of-mine@platform.example.org/openapi.yaml")
    assert (status, "--token-file" in printed, "secret-of-mine" in printed) == (2, True, False)


def test_usage_is_told_apart(run):
    assert run(compare.SPEC, "--unknown")[0] == 2


@st.composite
def descriptions(draw):
    """Ours after some of the changes above."""
    spec = copy.deepcopy(PARSED)
    changes = [*CHANGES, remove_value, add_value, reword, rename_in_paths, send_numbers_as_text]
    for change in draw(st.lists(st.sampled_from(changes), max_size=5, unique=True)):
        # One may have taken away what another changes.
        with contextlib.suppress(KeyError):
            change(spec)
    return wire.read(spec)


def seen(found):
    return {(one.kind, one.name, one.theirs, one.ours) for one in found}


@settings(max_examples=25, deadline=None)
@given(descriptions())
def test_a_description_says_nothing_otherwise_than_itself(described):
    assert differences.compare(described, described) == []


@settings(max_examples=25, deadline=None)
@given(descriptions(), descriptions())
def test_swapping_the_sides_swaps_who_has_what(one, other):
    swapped = {
        (kind, name, ours, theirs)
        for kind, name, theirs, ours in seen(differences.compare(other, one))
    }
    assert seen(differences.compare(one, other)) == swapped


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.data())
def test_a_recorded_deviation_silences_just_that_one(theirs, data):
    news = compare.report("", theirs, OURS, []).news
    if not news:
        return
    chosen = data.draw(st.sampled_from(news))
    entry = {name: getattr(chosen, name) for name in ("kind", *differences.ABOUT)}
    recorded = differences.deviations([entry | {"why": "It is so."}])
    found = compare.report("", theirs, OURS, recorded)
    assert found.news == [one for one in news if one != chosen]
    assert ([one for one, _ in found.known], found.stale) == ([chosen], [])
