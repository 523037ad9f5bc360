"""No change of the description passes silently.

For each change, a table says what the preview and the comparison report, and what fails after the
change was made and the code was generated: the type checker, and the tests that name the work.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import compare
import description
import pytest
import yaml
from attrs import frozen
from checkout import ROOT, copied, run_script
from described import DOCUMENT
from facade import uses
from preview import described_changes
from spec import Spec, read
from usage import RAW_ONLY, complaints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OURS = description.read(DOCUMENT)
OLD = Spec(DOCUMENT)
USES, REASONS = uses(ROOT), read(RAW_ONLY)
FORM = "application/x-www-form-urlencoded"

FACTS = "tests/test_hand_written_facts.py::"
RECORD = f"{FACTS}test_a_record_has_the_described_members"
SCHEMAS = f"{FACTS}test_each_schema_of_a_response_has_a_record"
WORDS = f"{FACTS}test_the_facade_and_the_description_list_the_same_words"
STATUSES = f"{FACTS}test_the_check_expects_described_statuses"
USED = "tests/test_usage.py::test_the_facade_uses_each_part_or_the_list_has_a_reason"
REQUESTS = "tests/test_usage.py::test_the_requests_agree_with_the_source"
SAMPLES = "tests/test_clients.py::test_each_client_has_a_sample_of_each_operation"
EMBEDDED = "tests/test_conformance.py::test_the_embedded_platform_conforms"
COMMAND = "tests/cli/test_described_fields.py::test_a_command_shows_described_fields"


def schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def members(document: Any, name: str) -> Any:
    return schema(document, name)["properties"]


def operation(document: Any, path: str, method: str = "get") -> Any:
    return document["paths"][path][method]


def content(document: Any, path: str, method: str = "get") -> Any:
    return operation(document, path, method)["responses"]["200"]["content"]


@frozen
class Case:
    """A change, and the reports about it.

    Attributes:
        change: A function that changes a description.
        preview: Lines of the preview. An error has one line, the message.
        compare: The beginnings of lines of the comparison, in any order.
        types: The file and the argument or call that the type checker names; `None` for no error.
        tests: Tests that fail.
    """

    change: Callable[[Any], object]
    preview: list[str]
    compare: list[str]
    types: str | None = None
    tests: tuple[str, ...] = ()


def add_operation(document: Any) -> None:
    quota = operation(document, "/v1/context") | {"operationId": "get_quota"}
    document["paths"]["/v1/quota"] = {"get": quota}


def add_operation_with_json(document: Any) -> None:
    schema = {"type": "object", "properties": {"cores": {"type": "integer", "description": "n"}}}
    body = {"application/json": {"schema": schema | {"title": "Quota"}, "example": {"cores": 9}}}
    described = {"operationId": "request_quota", "requestBody": {"content": body}}
    document["paths"]["/v1/quota"] = {"post": operation(document, "/v1/context") | described}


def add_view(document: Any) -> None:
    sessions = operation(document, "/v1/session")
    sessions["parameters"][-1]["schema"]["enum"].append("apps")
    views = sessions["x-skaha-views"]
    views["apps"] = views[""] | {"operationId": "list_app_sessions"}
    examples = content(document, "/v1/session")["application/json"]["examples"]
    examples["apps"] = examples["newer"]


def remove_view(document: Any) -> None:
    sessions = operation(document, "/v1/session")
    sessions["parameters"][-1]["schema"]["enum"].remove("stats")
    del sessions["x-skaha-views"]["stats"]


def rename_member(document: Any, name: str, old: str, new: str) -> None:
    renamed = members(document, name)
    renamed[new] = renamed.pop(old)


def change_version(document: Any) -> None:
    paths = document["paths"].items()
    document["paths"] = {path.replace("/v1/", "/v2/"): item for path, item in paths}
    document["info"]["version"] = "2.0.0"


def mix_versions(document: Any) -> None:
    document["paths"]["/v2/image"] = document["paths"].pop("/v1/image")


def respond_with_text(document: Any) -> None:
    bodies = content(document, "/v1/repository")
    del bodies["application/json"]
    bodies["text/csv"] = {"schema": {"type": "string"}, "example": "images.canfar.net\n"}


def send_multipart(document: Any) -> None:
    bodies = operation(document, "/v1/session", "post")["requestBody"]["content"]
    bodies["multipart/form-data"] = bodies.pop(FORM)


def refuse_with_json(document: Any) -> None:
    body = {"schema": {"type": "object"}, "example": {"error": "Wrong."}}
    document["components"]["responses"]["NoSession"]["content"] = {"application/json": body}


def paginate(document: Any) -> None:
    body = content(document, "/v1/image")["application/json"]
    following = {"type": "string", "description": "The next page."}
    document["components"]["schemas"]["ImagePage"] = {
        "type": "object",
        "description": "A page.",
        "properties": {"items": body["schema"] | {"description": "The images."}, "next": following},
        "examples": [{"items": [], "next": "2"}],
    }
    body["schema"] = {"$ref": "#/components/schemas/ImagePage"}
    body["examples"] = {"page": {"value": {"items": [], "next": "2"}}}


def respond_with_an_id_in_json(document: Any) -> None:
    document["components"]["schemas"]["NewId"] = {
        "type": "object",
        "description": "The id of a new session.",
        "properties": {"id": {"type": "string", "description": "The id."}},
        "examples": [{"id": "h2u5kd7n"}],
    }
    reference = {"$ref": "#/components/schemas/NewId"}
    bodies = operation(document, "/v1/session", "post")["responses"]["200"]["content"]
    bodies["application/json"] = {"schema": reference, "example": {"id": "h2u5kd7n"}}
    del bodies["text/plain"]


def rename_schema(document: Any, old: str, new: str) -> None:
    schemas = document["components"]["schemas"]
    schemas[new] = schemas.pop(old)
    text = json.dumps(document).replace(f'schemas/{old}"', f'schemas/{new}"')
    document.clear()
    document.update(json.loads(text))


def rename_status(document: Any, path: str, method: str, status: str) -> None:
    responses = operation(document, path, method)["responses"]
    responses[status] = responses.pop("200")


def require_a_parameter(document: Any) -> None:
    described = {"type": "string", "description": "The region."}
    parameter = {"name": "region", "in": "query", "required": True, "schema": described}
    operation(document, "/v1/context")["parameters"] = [parameter | {"example": "east"}]


def add_filter(document: Any) -> None:
    described = {"type": "string", "description": "The project."}
    parameter = {"name": "project", "in": "query", "schema": described, "example": "skaha"}
    operation(document, "/v1/image")["parameters"].append(parameter)


def accept_a_key(document: Any) -> None:
    schemes = document["components"]["securitySchemes"]
    schemes["bearer"] = {"type": "apiKey", "in": "header", "name": "X-Token", "description": "."}


MISSING = "calls it, but the description does not contain it"
UNSETTLED = "use it in the facade, or list it in raw-only.yaml with the reason"
LIST = "GET /v1/session"
CREATE = "POST /v1/session"
CASES = {
    "new field": Case(
        lambda document: members(document, "Session").update(
            gpuModel={"type": "string", "description": "Model."}
        ),
        ["~ schema Session: + gpuModel"],
        [f"additive  {LIST}: they have field [].gpuModel of 200"],
        tests=(RECORD, EMBEDDED),
    ),
    "renamed field": Case(
        lambda document: rename_member(document, "Session", "connectURL", "connectUrl"),
        ["~ schema Session: + connectUrl, - connectURL"],
        [
            f"breaking  {LIST}: we have field [].connectURL of 200",
            f"additive  {LIST}: they have field [].connectUrl of 200",
        ],
        tests=(RECORD, f"{FACTS}test_functions_read_described_fields", COMMAND, EMBEDDED),
    ),
    "renamed schema": Case(
        lambda document: rename_schema(document, "Image", "ContainerImage"),
        [
            "~ operation list_images: ~ response 200 (application/json)",
            "~ schema Image: renamed to ContainerImage",
        ],
        ["new: 0 breaking, 0 additive; known: 0; cosmetic: none"],
        tests=(RECORD,),
    ),
    "removed field": Case(
        lambda document: members(document, "Image").pop("digest"),
        ["~ schema Image: - digest"],
        ["breaking  GET /v1/image: we have field [].digest of 200"],
        tests=(RECORD, COMMAND, EMBEDDED),
    ),
    "field of another type": Case(
        lambda document: members(document, "Session")["isFixedResources"].update(type="string"),
        ["~ schema Session: ~ isFixedResources (type)"],
        [f"breaking  {LIST}: type of 200 [].isFixedResources: they have string"],
        tests=(RECORD, EMBEDDED),
    ),
    "nullable field": Case(
        lambda document: members(document, "Session")["name"].update(type=["string", "null"]),
        ["~ schema Session: ~ name (type)"],
        [f"breaking  {LIST}: type of 200 [].name: they have null or string"],
        tests=(RECORD,),
    ),
    "field that is sent seldom": Case(
        lambda document: schema(document, "Session")["x-skaha-always"].remove("name"),
        ["~ schema Session: ~ (x-skaha-always)"],
        ["new: 0 breaking, 0 additive; known: 0; cosmetic: none"],
        tests=(RECORD,),
    ),
    "new status": Case(
        lambda document: schema(document, "SessionStatus")["enum"].append("Suspended"),
        ["~ schema SessionStatus: + Suspended"],
        [f"additive  {LIST}: they have value Suspended of 200 [].status"],
        tests=(
            WORDS,
            f"{FACTS}test_each_described_status_has_a_class",
            f"{FACTS}test_each_status_has_a_colour",
        ),
    ),
    "removed status": Case(
        lambda document: schema(document, "SessionStatus")["enum"].remove("Succeeded"),
        ["~ schema SessionStatus: - Succeeded"],
        [f"breaking  {LIST}: we have value Succeeded of 200 [].status"],
        tests=(
            WORDS,
            f"{FACTS}test_each_described_status_has_a_class",
            f"{FACTS}test_the_embedded_platform_has_described_statuses",
        ),
    ),
    "new kind": Case(
        lambda document: schema(document, "SessionKind")["enum"].append("vscode"),
        ["~ schema SessionKind: + vscode"],
        [f"additive  {CREATE}: they have value vscode of type"],
        tests=(WORDS, f"{FACTS}test_the_embedded_platform_knows_the_described_kinds"),
    ),
    "removed kind": Case(
        lambda document: schema(document, "SessionKind")["enum"].remove("firefly"),
        ["~ schema SessionKind: - firefly"],
        [f"breaking  {CREATE}: we have value firefly of type"],
        tests=(WORDS, f"{FACTS}test_the_embedded_platform_knows_the_described_kinds"),
    ),
    "new view": Case(
        add_view,
        [
            "+ operation list_app_sessions: GET /v1/session#apps",
            f"list_app_sessions: {UNSETTLED}",
        ],
        [f"additive  {LIST}: they have value apps of view"],
        tests=(
            USED,
            SAMPLES,
            f"{FACTS}test_the_facade_and_the_description_list_the_same_views",
        ),
    ),
    "removed view": Case(
        remove_view,
        [
            "- operation get_stats: GET /v1/session#stats",
            f"get_stats: Session.stats {MISSING}",
        ],
        [f"breaking  {LIST}: we have value stats of view"],
        tests=(USED, REQUESTS, SAMPLES, f"{FACTS}test_the_check_names_described_operations"),
    ),
    "new operation": Case(
        add_operation,
        [
            "+ operation get_quota: GET /v1/quota",
            f"get_quota: {UNSETTLED}",
        ],
        ["additive  GET /v1/quota: they have this operation"],
        tests=(USED, SAMPLES),
    ),
    "new operation with JSON": Case(
        add_operation_with_json,
        [
            "+ operation request_quota: POST /v1/quota",
            f"request_quota: {UNSETTLED}",
        ],
        ["additive  POST /v1/quota: they have this operation"],
        tests=(USED, SAMPLES),
    ),
    "removed operation": Case(
        lambda document: document["paths"].pop("/v1/repository"),
        [
            "- operation list_repositories: GET /v1/repository",
            f"list_repositories: Images.repositories {MISSING}",
        ],
        ["breaking  GET /v1/repository: we have this operation"],
        tests=(USED, REQUESTS, SAMPLES),
    ),
    "new version": Case(
        change_version,
        ["~ operation create_session: ~ method and path"],
        [f"breaking  {CREATE}: path: they have /v2/session, we have /v1/session"],
        tests=(f"{FACTS}test_the_version_is_the_version_in_the_paths",),
    ),
    "mixed versions": Case(
        mix_versions,
        ["all paths must have the same version, but they have v1, v2"],
        ["breaking  GET /v1/image: path: they have /v2/image, we have /v1/image"],
    ),
    "other media type of a response": Case(
        respond_with_text,
        ["~ operation list_repositories: ~ response 200 (application/json, text/csv)"],
        [
            "breaking  GET /v1/repository: we have media type application/json of 200",
            "additive  GET /v1/repository: they have media type text/csv of 200",
        ],
        tests=(EMBEDDED,),
    ),
    "other media type of a form": Case(
        send_multipart,
        [f"~ operation create_session: ~ body ({FORM}, multipart/form-data)"],
        [
            f"breaking  {CREATE}: we have media type {FORM} of body",
            f"additive  {CREATE}: they have media type multipart/form-data of body",
        ],
        tests=(REQUESTS, "tests/test_clients.py::test_other_clients_send_the_same_request_as_ours"),
    ),
    "JSON refusals": Case(
        refuse_with_json,
        ["~ operation get_session: ~ response 404 (text/plain, application/json)"],
        ["additive  GET /v1/session/{sessionID}: they have media type application/json of 404"],
        tests=(EMBEDDED,),
    ),
    "paginated list": Case(
        paginate,
        [
            "~ operation list_images: ~ response 200 (application/json)",
            "+ schema ImagePage: + items, + next, + (type), + (description), + (examples)",
        ],
        ["breaking  GET /v1/image: type of 200 (body): they have object, we have array"],
        types='skaha/_async/images.py: error: Argument 1 to "records_of"',
        tests=(SCHEMAS, EMBEDDED),
    ),
    "id in JSON": Case(
        respond_with_an_id_in_json,
        ["~ operation create_session: ~ response 200 (text/plain, application/json)"],
        [
            f"breaking  {CREATE}: we have media type text/plain of 200",
            f"additive  {CREATE}: they have media type application/json of 200",
        ],
        types='skaha/_async/_launch.py: error: Argument 1 to "new_id"',
        tests=(SCHEMAS,),
    ),
    "status 202": Case(
        lambda document: rename_status(document, "/v1/session", "post", "202"),
        ["~ operation create_session: + response 202, - response 200"],
        [
            f"breaking  {CREATE}: we have status 200",
            f"additive  {CREATE}: they have status 202",
        ],
        tests=(STATUSES,),
    ),
    "status 204": Case(
        lambda document: rename_status(document, "/v1/session/{sessionID}", "delete", "204"),
        ["~ operation delete_session: + response 204, - response 200"],
        [
            "breaking  DELETE /v1/session/{sessionID}: we have status 200",
            "additive  DELETE /v1/session/{sessionID}: they have status 204",
        ],
        tests=(STATUSES,),
    ),
    "optional body": Case(
        lambda document: operation(document, "/v1/session", "post")["requestBody"].update(
            required=False
        ),
        ["~ operation create_session: ~ body (required)"],
        [f"additive  {CREATE}: required of name: they have optional, we have required"],
    ),
    "renamed parameter": Case(
        lambda document: rename_member(document, "NewSession", "gpus", "accelerators"),
        [
            "~ operation create_session: + body accelerators, - body gpus",
            "~ schema NewSession: + accelerators, - gpus",
            f"create_session body accelerators: {UNSETTLED}",
        ],
        [
            f"breaking  {CREATE}: we have parameter gpus",
            f"additive  {CREATE}: they have parameter accelerators",
        ],
        types='skaha/_async/_launch.py: error: Unexpected keyword argument "gpus"',
        tests=(USED, REQUESTS, f"{FACTS}test_the_amounts_of_a_launch_have_described_limits"),
    ),
    "new required parameter": Case(
        require_a_parameter,
        [
            "~ operation get_context: + query region",
            f"get_context query region: {UNSETTLED}",
        ],
        ["breaking  GET /v1/context: they have parameter region (required, query)"],
        types='skaha/_async/context.py: error: Missing named argument "region"',
        tests=(USED, REQUESTS),
    ),
    "new filter": Case(
        add_filter,
        [
            "~ operation list_images: + query project",
            f"list_images query project: {UNSETTLED}",
        ],
        ["additive  GET /v1/image: they have parameter project (optional, query)"],
        tests=(USED,),
    ),
    "style and deprecation of a parameter": Case(
        lambda document: document["components"]["parameters"]["StatusFilter"].update(
            style="pipeDelimited", explode=False, deprecated=True
        ),
        ["~ operation list_desktop_apps: ~ query status (style, explode, deprecated)"],
        ["new: 0 breaking, 0 additive; known: 0; cosmetic: 6 wording"],
    ),
    "other credentials": Case(
        accept_a_key,
        ["~ description: ~ security scheme bearer (type, scheme, description, in, name)"],
        [f"additive  {LIST}: security: they have cookie CADC_SSO or header X-Token or mutualtls"],
        tests=(f"{FACTS}test_the_facade_can_send_described_credentials",),
    ),
    "other server": Case(
        lambda document: document["servers"][0].update(url="https://{host}/api"),
        ["~ description: ~ servers"],
        ["new: 0 breaking, 0 additive; known: 0; cosmetic: 1 wording"],
        tests=("tests/test_description.py::test_the_default_server_is_the_default_of_the_facade",),
    ),
}


def changed(name: str) -> Any:
    document = copy.deepcopy(DOCUMENT)
    CASES[name].change(document)
    return document


@pytest.mark.parametrize("name", [name for name in CASES if name != "mixed versions"])
def test_the_preview_shows_a_change(name: str) -> None:
    new = Spec(changed(name))
    lines = [f"{item.what}: {', '.join(item.details)}" for item in described_changes(OLD, new)]
    lines += complaints(new, USES, REASONS)
    assert set(CASES[name].preview) <= set(lines)


@pytest.mark.parametrize("name", CASES)
def test_the_comparison_reports_a_change(name: str) -> None:
    report = compare.report("theirs", description.read(changed(name)), OURS, [])
    lines = report.as_text().splitlines()
    for expected in CASES[name].compare:
        assert any(line.startswith(expected) for line in lines), lines


@pytest.fixture
def generated(tmp_path, request):
    """Make a change in a copy of the checkout and generate the code; return the copy."""
    root = copied(tmp_path)
    for part in ("tests", "docs", "examples"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, root / part, ignore=ignored)
    for name in ("README.md", "noxfile.py", "CHANGELOG.md"):
        shutil.copy(ROOT / name, root / name)
    document = yaml.safe_dump(changed(request.param), sort_keys=False)
    (root / "openapi" / "skaha.yaml").write_text(document)
    done = run_script(root, "regenerate.py")
    assert (done.returncode, done.stderr) == (0, "")
    return root


def run(root: Path, *command: str) -> list[str]:
    """Run a tool in a checkout with its own packages; return the lines of its output."""
    paths = os.pathsep.join([str(root), str(root / "generated")])
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
        capture_output=True,
        text=True,
    )
    return finished.stdout.splitlines()


def test_mixed_versions_are_refused(tmp_path):
    (tmp_path / "mixed.yaml").write_text(yaml.safe_dump(changed("mixed versions")))
    finished = run_script(ROOT, "preview.py", "--spec", tmp_path / "mixed.yaml")
    [expected] = CASES["mixed versions"].preview
    assert (finished.returncode, expected in finished.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("generated", "expected"),
    [(name, case.types) for name, case in CASES.items() if case.types],
    ids=[name for name, case in CASES.items() if case.types],
    indirect=["generated"],
)
def test_the_type_checker_reports_a_change(generated, expected, tmp_path_factory):
    # The runs share a cache.
    cache = tmp_path_factory.getbasetemp() / "mypy"
    lines = run(generated, "mypy", "skaha", "generated/skaha_api", "--cache-dir", str(cache))
    errors = [re.sub(r":\d+: ", ": ", line) for line in lines]
    assert any(error.startswith(expected) for error in errors), errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("generated", "expected"),
    [(name, case.tests) for name, case in CASES.items() if case.tests],
    ids=[name for name, case in CASES.items() if case.tests],
    indirect=["generated"],
)
def test_the_tests_report_a_change(generated, expected):
    lines = run(generated, "pytest", "-q", "-p", "no:cacheprovider", "-m", "", *expected)
    reports = [line.split() for line in lines if line.startswith(("FAILED tests", "ERROR tests"))]
    failed = {name.partition("[")[0] for _, name, *_ in reports}
    assert failed == set(expected), lines[-30:]
