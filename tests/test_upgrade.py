"""Upgrade of the generator: its pinned version, its code, and our templates for one version."""

import importlib.metadata
import subprocess

import openapi_python_client
import pytest
from checkout import ROOT, copied, run_script, tree
from upgrade import TOOLS, bumped

pytestmark = pytest.mark.slow

VERSION = importlib.metadata.version("openapi-python-client")
CLIENT = "generated/skaha_api/client.py"


# The pin.


def test_the_installed_version_is_pinned():
    text = (ROOT / "pyproject.toml").read_text()
    for tool in TOOLS:
        version = importlib.metadata.version(tool)
        assert bumped(text, tool, version) == (version, text)


def test_only_the_pin_changes():
    text = 'a = ["openapi-python-client==0.1", "ruff==0.1"] # openapi-python-client==0.1\n'
    old, new = bumped(text, "openapi-python-client", "0.2.0rc1")
    assert old == "0.1"
    assert new == text.replace('client==0.1"', 'client==0.2.0rc1"')


@pytest.mark.parametrize(
    "text", ["", 'a = ["openapi-python-client>=1"]', 'a = ["openapi-python-client==1"]\n' * 2]
)
def test_a_pin_must_occur_exactly_once(text):
    with pytest.raises(SystemExit, match="must pin openapi-python-client exactly once"):
        bumped(text, "openapi-python-client", "0.2")


# The command, in a checkout with the pin and the code of an older version.


def git(root, *arguments):
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def older_checkout(tmp_path):
    """Return a checkout that was generated with an older version of the generator."""
    root = copied(tmp_path)
    project = root / "pyproject.toml"
    text = bumped(project.read_text(), "openapi-python-client", "0.0.1")[1]
    project.write_text(bumped(text, "ruff", "0.0.2")[1])
    client = root / CLIENT
    client.write_text(client.read_text().replace("import httpx\n", "import httpx  # older\n", 1))
    git(root, "init", "--quiet")
    git(root, "add", *(path.name for path in root.iterdir() if path.name != ".git"))
    git(root, "commit", "--quiet", "--message", "older")
    return root


def test_an_upgrade_changes_the_pin_generates_and_shows_the_diff(older_checkout):
    finished = run_script(older_checkout, "upgrade.py")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "--- committed/client.py" in finished.stdout
    assert "\n-import httpx  # older\n+import httpx\n" in finished.stdout
    ruff = importlib.metadata.version("ruff")
    steps = f"\nopenapi-python-client: from 0.0.1 to {VERSION}\nruff: from 0.0.2 to {ruff}\n"
    assert steps in finished.stdout
    assert "run `nox`" in finished.stdout
    assert tree(older_checkout / "generated") == tree(ROOT / "generated")
    assert (older_checkout / "pyproject.toml").read_bytes() == (
        ROOT / "pyproject.toml"
    ).read_bytes()
    # A second upgrade stops, because the changes are not committed.
    again = run_script(older_checkout, "upgrade.py")
    assert (again.returncode, again.stdout) == (1, "")
    assert f" M {CLIENT}\n M pyproject.toml\n" in again.stderr
    # The command of the last line goes back.
    command = finished.stdout.splitlines()[-1].partition(": ")[2]
    subprocess.run(["sh", "-c", command], cwd=older_checkout, check=True, capture_output=True)
    assert git(older_checkout, "status", "--porcelain", "--", "generated", "pyproject.toml") == ""


# Templates.


@pytest.fixture
def templates(tmp_path):
    """The folder of templates in a checkout with one more template."""
    root = copied(tmp_path)
    folder = root / "openapi" / "templates"
    theirs = ROOT.joinpath(openapi_python_client.__file__).parent / "templates"
    text = (theirs / "errors.py.jinja").read_text()
    (folder / "errors.py.jinja").write_text("# From our own template.\n" + text)
    return folder


def test_templates_for_this_version_are_used_and_a_dry_run_changes_no_file(templates):
    (templates / "VERSION").write_text(f"{VERSION}\n")
    root = templates.parent.parent
    before = tree(root)
    finished = run_script(root, "upgrade.py", "--dry-run")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "\n+++ generated/errors.py\n@@ -1,3 +1,4 @@\n+# From our own template" in finished.stdout
    assert finished.stdout.partition("\nopenapi-python-client: ")[2].startswith(
        f"from {VERSION} to {VERSION}\nruff: "
    )
    assert tree(root) == before


@pytest.mark.parametrize("version", [None, "0.0.1"])
def test_templates_for_another_version_are_refused(templates, version):
    if version is None:
        (templates / "VERSION").unlink()
    else:
        (templates / "VERSION").write_text(version)
    finished = run_script(templates.parent.parent, "regenerate.py")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert f"are made for {version or 'no version'} of openapi-python-client" in finished.stderr
    assert f"write {VERSION} into VERSION" in finished.stderr


def test_a_template_that_is_unknown_to_the_generator_is_refused(templates):
    (templates / "VERSION").write_text(VERSION)
    (templates / "errors.py.jinja").rename(templates / "mistakes.py.jinja")
    finished = run_script(templates.parent.parent, "regenerate.py")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "no such templates: mistakes.py.jinja" in finished.stderr
