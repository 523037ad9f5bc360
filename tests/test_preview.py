"""A changed description can be tried: what would change is shown, and nothing is touched."""

import json

import pytest
import yaml
from checkout import ROOT, run_script, tree
from preview import shown

SPEC = ROOT / "openapi" / "skaha.yaml"


def change(description):
    """Change something of each sort."""
    paths, schemas = description["paths"], description["components"]["schemas"]
    paths["/v1/session#apps"] = {"get": paths["/v1/session"]["get"] | {"operationId": "list_apps"}}
    del paths["/v1/repository"]
    shared = {"$ref": "#/components/parameters/RegistryAuth"}
    paths["/v1/session/{sessionID}/app"]["post"]["parameters"] = [shared]
    paths["/v1/image"]["get"]["parameters"][0]["required"] = True
    schemas["SessionStatus"]["enum"].append("Sleeping")
    del schemas["Stats"]["properties"]["instances"]
    schemas["Weather"] = {"type": "object", "properties": {"rain": {"type": "boolean"}}}


@pytest.fixture(scope="module")
def preview(tmp_path_factory):
    """What the preview of a changed description says, in JSON."""
    description = yaml.safe_load(SPEC.read_text())
    change(description)
    file = tmp_path_factory.mktemp("preview") / "changed.yaml"
    file.write_text(yaml.safe_dump(description, sort_keys=False))
    before = tree(ROOT / "generated"), tree(ROOT / "openapi")
    done = run_script(ROOT, "preview.py", "--spec", file, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tree(ROOT / "generated"), tree(ROOT / "openapi")) == before
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("what", "details", "touches"),
    [
        ("+ operation list_apps", ["GET /v1/session#apps"], {"models.VIEW"}),
        ("- operation list_repositories", ["GET /v1/repository"], {"Images.repositories"}),
        (
            *("~ operation attach_desktop_app", ["+ header x-skaha-registry-auth"]),
            {"Session.attach_app"},
        ),
        ("~ operation list_images", ["~ query type"], {"Images.details", "Images.fetch"}),
        ("~ schema Stats", ["- instances"], {"models.StatsRecord", "Session.stats"}),
        ("+ schema Weather", ["+ rain", "+ (type)"], set()),
    ],
)
def test_what_is_described_differently_is_told_with_whom_it_touches(
    preview, what, details, touches
):
    [told] = [one for one in preview["changes"] if one["what"] == what]
    assert told["details"] == details
    assert set(told["touches"]) == touches


def test_a_new_word_touches_the_words_of_the_models_and_all_that_say_or_hear_it(preview):
    [told] = [one for one in preview["changes"] if one["what"] == "~ schema SessionStatus"]
    assert told["details"] == ["+ Sleeping"]
    assert {"models.STATUS", "Session.fetch", "Session.app_info"} <= set(told["touches"])
    assert not {"models.KINDS", "Session.stats", "Images.fetch"} & set(told["touches"])


def test_nothing_else_is_told(preview):
    assert len(preview["changes"]) == 7
    assert set(preview["touched"]) == {
        name for told in preview["changes"] for name in told["touches"]
    }


def test_what_has_to_be_settled_is_told(preview):
    assert {one.partition(": ")[0] for one in preview["unsettled"]} == {
        "list_apps",
        "attach_desktop_app header x-skaha-registry-auth",
        "list_repositories",
    }


def test_what_would_be_generated_is_told_by_file_and_line(preview):
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
    }
    lines = preview["diff"].splitlines()
    assert '+    SLEEPING = "Sleeping"' in lines
    assert '+        "url": "/v1/session#apps",' in lines
    assert '-        "url": "/v1/repository",' in lines


def test_a_person_reads_it_with_the_beginning_of_the_diff(preview):
    text = "\n".join(shown(preview, 5))
    assert "~ operation attach_desktop_app: + header x-skaha-registry-auth\n" in text
    assert "    touches Session.attach_app\n" in text
    assert "+ schema Weather: + rain, + (type)\n    touches nothing of the facade\n" in text
    rest = len(preview["diff"].splitlines()) - 5
    assert text.endswith(f"... and {rest} lines more: --full shows them")
    assert "\n".join(shown(preview, None)).endswith(preview["diff"].rstrip("\n"))


def test_a_description_that_the_generator_does_not_take_is_refused_in_its_words(tmp_path):
    (tmp_path / "bad.yaml").write_text("openapi: 3.1.0\npaths: {}\n")
    done = run_script(ROOT, "preview.py", "--spec", tmp_path / "bad.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "info" in done.stderr
    assert done.stderr.endswith("bad.yaml: the generator does not take it\n")


@pytest.mark.parametrize("text", ["{", "a text", "openapi: 3.1.0", "paths: []"])
def test_a_file_that_is_not_a_description_is_refused(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    done = run_script(ROOT, "preview.py", "--spec", tmp_path / "bad.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "bad.yaml" in done.stderr


def test_a_file_that_is_not_there_is_refused(tmp_path):
    done = run_script(ROOT, "preview.py", "--spec", tmp_path / "none.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("none.yaml is no file\n")
