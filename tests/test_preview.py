"""The preview of a changed description shows its effects and changes no file."""

import json

import pytest
import yaml
from checkout import ROOT, run_script, tree
from facade import uses
from preview import as_lines, version_complaints
from spec import Spec, read
from usage import RAW_ONLY, complaints

pytestmark = pytest.mark.slow

SPEC = ROOT / "openapi" / "skaha.yaml"


FORM = "application/x-www-form-urlencoded"
JSON_REFUSAL = {
    "description": "Wrong.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


def change(description):
    """Make one change of each kind."""
    paths, schemas = description["paths"], description["components"]["schemas"]
    sessions = paths["/v1/session"]["get"]
    sessions["parameters"][-1]["schema"]["enum"].append("apps")
    views = sessions["x-skaha-views"]
    views["apps"] = views[""] | {"operationId": "list_apps"}
    del paths["/v1/repository"]
    shared = {"$ref": "#/components/parameters/RegistryAuth"}
    paths["/v1/session/{sessionID}/app"]["post"]["parameters"] = [shared]
    paths["/v1/image"]["get"]["parameters"][0] |= {"required": True, "explode": False}
    status = description["components"]["parameters"]["StatusFilter"]
    status |= {"deprecated": True, "style": "pipeDelimited"}
    launch = paths["/v1/session"]["post"]["requestBody"]
    launch["required"] = False
    launch["content"]["multipart/form-data"] = launch["content"].pop(FORM)
    paths["/v1/context"]["get"]["security"] = [{"bearer": []}]
    paths["/v1/context"]["get"]["responses"]["400"] = JSON_REFUSAL
    schemas["NewDesktopApp"]["required"].append("ram")
    schemas["Image"]["properties"]["checksum"] = schemas["Image"]["properties"].pop("digest")
    description["servers"][0]["url"] = "https://{host}/api"
    description["components"]["securitySchemes"]["cookie"]["name"] = "OTHER_SSO"
    schemas["SessionStatus"]["enum"].append("Sleeping")
    del schemas["Stats"]["properties"]["instances"]
    schemas["Weather"] = {"type": "object", "properties": {"rain": {"type": "boolean"}}}


LAUNCHING = {f"Session.{name}" for name in ("connect", "create", "create_many", "relaunch", "run")}
IMAGES = {"Images.details", "Images.fetch"}


@pytest.fixture(scope="module")
def preview(tmp_path_factory):
    """The preview of a changed description, in JSON."""
    description = yaml.safe_load(SPEC.read_text())
    change(description)
    file = tmp_path_factory.mktemp("preview") / "changed.yaml"
    file.write_text(yaml.safe_dump(description, sort_keys=False))
    before = tree(ROOT / "generated"), tree(ROOT / "openapi")
    finished = run_script(ROOT, "preview.py", "--spec", file, "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (tree(ROOT / "generated"), tree(ROOT / "openapi")) == before
    return json.loads(finished.stdout)


@pytest.mark.parametrize(
    ("what", "details", "touches"),
    [
        ("+ operation list_apps", ["GET /v1/session#apps"], {"models.VIEW"}),
        ("- operation list_repositories", ["GET /v1/repository"], {"Images.repositories"}),
        (
            "~ operation attach_desktop_app",
            ["+ header x-skaha-registry-auth", "~ body ram (required)"],
            {"Session.attach_app"},
        ),
        (
            "~ operation list_images",
            ["~ query type (required, explode)"],
            IMAGES,
        ),
        (
            "~ operation list_desktop_apps",
            ["~ query status (deprecated, style)"],
            {"Session.apps"},
        ),
        (
            "~ operation create_session",
            [f"~ body (required, {FORM}, multipart/form-data)"],
            LAUNCHING,
        ),
        (
            "~ operation get_context",
            ["+ security", "~ response 400 (description, text/plain, text/html, application/json)"],
            {"Context.resources", "Session.whoami", *LAUNCHING},
        ),
        ("~ schema Image", ["+ checksum", "- digest"], {"models.ImageRecord", *IMAGES}),
        ("~ description", ["~ servers", "~ security scheme cookie (name)"], set()),
        ("~ schema Stats", ["- instances"], {"models.StatsRecord", "Session.stats"}),
        ("+ schema Weather", ["+ rain", "+ (type)"], set()),
    ],
)
def test_each_change_is_shown_with_the_names_that_it_touches(preview, what, details, touches):
    [change] = [change for change in preview["changes"] if change["what"] == what]
    assert change["details"] == details
    assert set(change["touches"]) == touches


def test_a_new_status_touches_the_models_and_the_methods_that_use_statuses(preview):
    [change] = [
        change for change in preview["changes"] if change["what"] == "~ schema SessionStatus"
    ]
    assert change["details"] == ["+ Sleeping"]
    assert {"models.STATUS", "Session.fetch", "Session.app_info"} <= set(change["touches"])
    assert not {"models.KINDS", "Session.stats", "Images.fetch"} & set(change["touches"])


def test_no_other_change_is_shown(preview):
    assert [change["what"] for change in preview["changes"]] == [
        "~ description",
        *("~ operation " + name for name in ("list_sessions", "create_session")),
        *("~ operation " + name for name in ("list_all_sessions", "list_interactive_sessions")),
        *("~ operation " + name for name in ("list_desktop_apps", "attach_desktop_app")),
        *("~ operation " + name for name in ("list_all_desktop_apps", "list_images")),
        "~ operation get_context",
        "- operation list_repositories",
        "+ operation list_apps",
        *("~ schema " + name for name in ("SessionStatus", "NewDesktopApp", "Image", "Stats")),
        "+ schema Weather",
    ]
    assert set(preview["touched"]) == {
        name for change in preview["changes"] for name in change["touches"]
    }


def test_the_readers_of_a_field_are_shown(preview):
    readers = {change["what"]: change["readers"] for change in preview["changes"]}
    assert readers["~ schema SessionStatus"] == []  # the word is new
    assert {
        "skaha/cli/commands/images.py",
        "skaha/local/_api/_images.py",
        "skaha/models.py",
        "tests/recorded/service.toml",
    } <= set(readers["~ schema Image"])
    assert "docs/reference/models.md" not in readers["~ schema Image"]


def test_parts_that_must_be_used_or_listed_are_shown(preview):
    before = complaints(Spec(read(SPEC)), uses(ROOT), read(RAW_ONLY))
    problems = set(preview["unsettled"]) - set(before)
    assert {problem.partition(": ")[0] for problem in problems} == {
        "list_apps",
        "attach_desktop_app header x-skaha-registry-auth",
        "list_repositories",
        "info.version",
    }


def test_changed_files_and_lines_of_the_client_are_shown(preview):
    assert set(preview["files"]) == {
        "+ api/session/list_apps.py",
        "- api/repository/__init__.py",
        "- api/repository/list_repositories.py",
        "~ api/desktop_app/attach_desktop_app.py",
        "~ api/image/list_images.py",
        "~ models/session_status.py",
        "~ models/stats.py",
        "+ models/weather.py",
        "~ models/__init__.py",
        "~ openapi.yaml",
        *("~ api/session/create_session.py", "~ api/context/get_context.py"),
        *("~ models/image.py", "~ models/new_desktop_app.py", "~ models/new_session.py"),
    }
    lines = preview["diff"].splitlines()
    assert '+    SLEEPING = "Sleeping"' in lines
    assert '+        "url": "/v1/session#apps",' in lines
    assert '-        "url": "/v1/repository",' in lines


def test_people_see_the_beginning_of_the_diff(preview):
    text = "\n".join(as_lines(preview, 5))
    assert "~ operation attach_desktop_app: + header x-skaha-registry-auth, ~ body ram (req" in text
    assert "    touches Session.attach_app\n" in text
    assert "+ schema Weather: + rain, + (type)\n    touches nothing of the facade\n" in text
    rest = len(preview["diff"].splitlines()) - 5
    assert text.endswith(f"... and {rest} more lines: --full shows them")
    assert "\n".join(as_lines(preview, None)).endswith(preview["diff"].rstrip("\n"))


def test_a_description_that_the_generator_refuses_ends_with_its_message(tmp_path):
    (tmp_path / "bad.yaml").write_text("openapi: 3.1.0\npaths: {/v1/a: {}}\n")
    finished = run_script(ROOT, "preview.py", "--spec", tmp_path / "bad.yaml")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "info" in finished.stderr
    assert finished.stderr.endswith("bad.yaml: the generator does not accept it\n")


def test_a_description_with_mixed_versions_is_refused(tmp_path):
    text = SPEC.read_text().replace("  /v1/image:", "  /v2/image:")
    (tmp_path / "mixed.yaml").write_text(text)
    finished = run_script(ROOT, "preview.py", "--spec", tmp_path / "mixed.yaml")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.endswith("the same version, but they have v1, v2\n")


SECOND = "raise the second number, because the generated code changes"


@pytest.mark.parametrize(
    ("version", "files", "problem"),
    [
        (
            "1.2.3",
            ["~ models/image.py"],
            "raise the second number, because the generated code changes",
        ),
        (
            "1.2.4",
            ["~ models/image.py"],
            "raise the second number, because the generated code changes",
        ),
        ("1.3.0", ["~ models/image.py"], None),
        ("2.0.0", ["~ models/image.py"], None),
        ("1.2.3", ["~ openapi.yaml"], "raise the third number"),
        ("1.2.4", ["~ openapi.yaml"], None),
        ("1.2.3", [], None),
    ],
)
def test_a_change_must_raise_the_version_of_the_description(version, files, problem):
    def described(version):
        return Spec({"info": {"version": version}, "paths": {}})

    problems = list(version_complaints(described("1.2.3"), described(version), files))
    assert problems == ([f"info.version: {problem}"] if problem else [])


@pytest.mark.parametrize("text", ["{", "a text", "openapi: 3.1.0", "paths: []"])
def test_a_file_that_is_not_a_description_is_refused(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    finished = run_script(ROOT, "preview.py", "--spec", tmp_path / "bad.yaml")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "Traceback" not in finished.stderr
    assert "bad.yaml" in finished.stderr


def test_a_missing_file_is_refused(tmp_path):
    finished = run_script(ROOT, "preview.py", "--spec", tmp_path / "none.yaml")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.endswith(f"there is no file {tmp_path / 'none.yaml'}\n")


def test_words_that_differ_only_by_case_are_refused_in_one_line(tmp_path):
    description = (ROOT / "openapi" / "skaha.yaml").read_text()
    words = "enum: [Pending, Running,"
    assert words in description
    (tmp_path / "two.yaml").write_text(
        description.replace(words, "enum: [Pending, running, Running,")
    )
    finished = run_script(ROOT, "preview.py", "--spec", tmp_path / "two.yaml")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "the words running and Running of an enumeration differ only by case" in finished.stderr
    assert len(finished.stderr.splitlines()) < 5
