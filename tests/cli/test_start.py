"""Starting: quickly, with help, and without anything that is not needed."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

SKAHA = str(Path(sys.executable).with_name("skaha"))
COMMANDS = """
create, run, ps, ls, info, logs, events, wait, open, renew, delete, rm, prune, apps, images,
repositories, resources, stats, availability, auth, completion, version, local start,
local status, local stop, local reset, config show, config get, config set, config unset,
config path, config profiles
""".replace("\n", " ").split(", ")


def seconds(*command):
    def once():
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begun

    return statistics.median(once() for _ in range(3))


def test_it_starts_about_as_fast_as_the_http_client_is_imported():
    bare = seconds(sys.executable, "-c", "import httpx")
    assert seconds(SKAHA, "--help") < 2.5 * bare
    assert seconds(SKAHA, "--version") < 2.5 * bare


def test_help_and_version_need_no_http_client():
    observe = "import sys; from skaha.cli._app import run; run(['--help']); run(['--version'])"
    program = f"{observe}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    modules = done.stdout.decode().split()
    assert "click" in modules
    assert not {"httpx", "skaha.errors", "tomllib", "platformdirs", "rich", "dateutil"} & set(
        modules
    )


def test_every_command_has_help_and_the_option_output():
    program = f"""
from skaha.cli._app import run
for command in {COMMANDS!r}:
    run([*command.split(), "--help"])
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.decode().count("--output [table|json|ndjson|name]") == len(COMMANDS)


@pytest.mark.parametrize("words", [["ps", "--nope"], ["create"], ["-o", "xml"]])
def test_wrong_usage_is_said_on_standard_error(skaha, words):
    assert skaha(*words, code=2) == ""
    assert "Error" in skaha.err


def test_a_typing_error_gets_a_suggestion(skaha):
    skaha("vrsion", code=2)
    assert "did you mean version?" in skaha.err


def test_without_its_extra_it_says_what_to_install(tmp_path):
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('no click', name='click')")
    done = subprocess.run(
        [sys.executable, "-c", "from skaha.cli import main; main()"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"pip install 'skaha[cli]'" in done.stderr
