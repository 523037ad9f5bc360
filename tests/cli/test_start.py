"""The start of the program: its speed, its help, its modules, its errors of usage."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SKAHA = str(Path(sys.executable).with_name("skaha"))
COMMANDS = """
create, run, ps, ls, top, info, describe, logs, events, wait, open, renew, delete, rm, prune, apps,
images, repositories, resources, stats, availability, auth, login, logout, servers, completion,
version, help, local start, local open, local status, local stop, local reset, config show,
config get, config set, config unset, config use, config path, config profiles
""".replace("\n", " ").split(", ")


def test_help_and_version_import_no_http_client():
    calls = """
from skaha.cli._app import run
run(["--help"]); run(["create", "--help"]); run(["--version"])
"""
    program = f"import sys{calls}print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    modules = finished.stdout.decode().split()
    assert "click" in modules
    slow = {"httpx", "skaha.errors", "tomllib", "platformdirs", "yaml", "dateutil", "tqdm"}
    assert not slow & set(modules)


def test_every_command_has_help_and_the_option_output():
    program = f"""
from skaha.cli._app import run
for command in {COMMANDS!r}:
    run([*command.split(), "--help"])
"""
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    option = "--output [table|wide|json|ndjson|yaml|name]"
    assert finished.stdout.decode().count(option) == len(COMMANDS)


def test_the_help_lists_every_command(skaha):
    shown = {line.split(",")[0].split()[0] for line in skaha("--help").splitlines() if line.strip()}
    assert {command.split()[0] for command in COMMANDS} - {"run", "ls", "rm"} <= shown


@pytest.mark.parametrize(
    ("words", "command", "message"),
    [
        ("ps --nope", "skaha ps", "no such option '--nope'"),
        ("ls --limit 0", "skaha ls", "invalid value for '--limit'"),
        ("create", "skaha create", "give an IMAGE before the COMMAND, or --jobs FILE"),
        ("run {image} --cpu many", "skaha run", "invalid value for '-c' / '--cores'"),
        ("create headless {image}", "skaha create", "'headless' is a kind, not an image"),
        ("logs", "skaha logs", "missing argument 'SESSIONS...'"),
        ("del --yes", "skaha del", "missing argument 'SESSIONS...'"),
        ("logs a --tail", "skaha logs", "option '--tail' requires an argument"),
        ("version more", "skaha version", "got unexpected extra argument (more)"),
        ("config shw", "skaha config", "no such command 'shw'; did you mean show?"),
        ("local strt", "skaha local", "no such command 'strt'; did you mean start?"),
        ("help config shw", "skaha help", "no such command 'shw'; did you mean show?"),
        ("ps --kin x", "skaha ps", "no such option '--kin'; did you mean --kind?"),
        ("create --nam x", "skaha create", "no such option '--nam'; did you mean --name?"),
        ("completion ksh", "skaha completion", "invalid value for 'SHELL': 'ksh' is not one of"),
        ("config set", "skaha config set", "missing argument 'KEY'"),
        ("config get tokn", "skaha config get", "unknown key 'tokn'; did you mean token?"),
        ("config get x", "skaha config get", "unknown key 'x'; it is one of profile, server, "),
        ("config use nowhere", "skaha config use", "there is no profile 'nowhere'"),
        ("help nothing", "skaha help", "no such command 'nothing'"),
        ("-o xml", "skaha", "invalid value for '-o' / '--output'"),
        ("destroy a", "skaha", "no such command 'destroy'; did you mean delete?"),
        ("stop a", "skaha", "no such command 'stop'; did you mean delete?"),
        ("delete --all", "skaha delete", "no such option '--all'; the pattern '*' selects all"),
        (
            "create {image} -c 4GB",
            "skaha create",
            "invalid value for '-c' / '--cores': '4GB' is not a number",
        ),
        (
            "logs a -n x",
            "skaha logs",
            "invalid value for '-n' / '--tail': 'x' is not a whole number",
        ),
        ("vrsion", "skaha", "no such command 'vrsion'; did you mean version?"),
    ],
)
def test_an_error_of_usage_begins_with_the_command(skaha, words, command, message):
    assert skaha(*words.format(image="a.org/b/c:1").split(), code=2) == ""
    first, *rest = skaha.err.splitlines()
    assert first.startswith(f"{command}: error: {message}")
    assert rest == [f"skaha: see `{command} --help`"]
    if words.split()[0] != "-o":
        [item] = skaha.json(*words.format(image="a.org/b/c:1").split(), code=2)
        assert first == f"{command}: error: {item['error']['message']}"


@pytest.mark.parametrize("words", [[], ["canfar"], ["cadc"]])
def test_the_embedded_platform_needs_no_login(skaha, words):
    skaha("--server", "local", "login", *words, code=2)
    assert "the embedded platform needs no login: name another server" in skaha.err


@pytest.mark.parametrize("words", [[], ["config"], ["local"]])
def test_a_group_without_a_command_shows_its_help(skaha, words):
    assert skaha(*words, code=2) == ""
    assert skaha.err == skaha(*words, "--help")


@pytest.mark.parametrize("module", ["skaha", "skaha.cli"])
def test_the_module_works_like_the_program(skaha, module):
    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            env=skaha.env,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("version", "-o", "json").stdout == skaha("version", "-o", "json")
    refused = run("vrsion")
    skaha("vrsion", code=2)
    assert (refused.returncode, refused.stderr) == (2, skaha.err)
    assert refused.stderr.startswith("skaha: error: no such command ")
    missing = run("info", "nobodys1")
    skaha("info", "nobodys1", code=5)
    assert (missing.returncode, missing.stderr) == (5, skaha.err)


EXTRA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("package", [Requirement(text).name for text in EXTRA["cli"]])
def test_without_a_package_of_its_extra_the_program_names_the_extra(package):
    module = {"pyyaml": "yaml"}.get(package, package)
    program = f"import sys; sys.modules[{module!r}] = None; from skaha.cli import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", program, "version"], capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stdout) == (1, "")
    hint = f"skaha: the command line needs {package}: pip install 'skaha[cli]>=2'\n"
    assert finished.stderr == hint


def test_help_is_also_a_command(skaha):
    assert skaha("help") == skaha("--help")
    assert skaha("help", "create") == skaha("create", "--help")
    assert skaha("help", "config", "set") == skaha("config", "set", "--help")
    skaha("help", "vrsion", code=2)
    assert "did you mean version?" in skaha.err
    skaha("help", "ps", "x", code=2)
    assert "ps has no command 'x'" in skaha.err
