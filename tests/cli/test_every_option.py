"""Every option of every command has its effect. The program itself lists its options."""

import json

import click
import pytest

from skaha.cli._app import app

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
CREATE = [IMAGE, "--name", "opt", "--cores", "1", "--ram", "1"]

# For each command, its own options: the words, the exit code, and a text of the output.
OWN_OPTIONS = {
    "create": [
        (
            [
                *CREATE,
                "--replicas",
                "2",
                "--at-most",
                "3",
                "--wait",
                "--timeout",
                "60",
                "--",
                "true",
            ],
            0,
            "opt-2\tCompleted",
        ),
        ([*CREATE, "-e", "A=b", "--logs", "--rm", "--", "printenv", "A"], 0, "b\n"),
        ([*CREATE, "--script", "work.sh", "--logs", "--rm"], 0, "of the script"),
        (["--jobs", "jobs.ndjson", "--wait", "--rm"], 0, "Completed"),
        ([*CREATE, "--gpu", "1", "--kind", "headless", "--dry-run"], 0, "opt-1\theadless"),
        ([IMAGE, "--flexible", "--dry-run"], 0, "terminal-"),
    ],
    "ps": [
        (["--kind", "headless", "--status", "running", "-q"], 0, ""),
        (["--everyone"], 0, "headless\tRunning"),
        (["--sort", "name", "--reverse", "--limit", "1", "-o", "name"], 0, "ID\n"),
        (["--watch", "--interval", "0.5"], 2, "a watch needs a terminal"),
        (["--all", "runs-1"], 0, "runs-1\theadless\tRunning"),
    ],
    "top": [
        (["--sort", "name", "--once", "--interval", "1", "runs"], 0, "runs-1\theadless"),
    ],
    "describe": [(["ends-1", "--tail", "1"], 0, "end of the log:\n  2\n")],
    "logs": [
        (["ends-1", "--tail", "1"], 0, "2\n"),
        (["ends-1", "--follow", "--prefix", "--timestamps"], 0, "Z [ends-1] 1\n"),
        (["ends-1", "--since", "1h"], 2, "the platform sends no times with logs: use --tail N"),
        (["ends-1", "--save", "saved"], 0, "saved/ends-1-"),
    ],
    "wait": [(["ends-1", "--until", "completed", "--timeout", "20"], 0, "ends-1\tCompleted")],
    "open": [(["runs-1", "--no-browser", "--timeout", "5"], 2, "it is headless")],
    "delete": [
        (["opt", "--yes", "--verify"], 0, "opt-1\n"),
        (["nothing", "--force"], 0, ""),
    ],
    "prune": [
        (
            ["ends", "--kind", "any", "--status", "failed", "--dry-run"],
            5,
            "1 with this name are headless Completed",
        ),
        (["--all", "--status", "Failed", "--yes", "--verify"], 0, "nothing to delete"),
    ],
    "images": [(["terminal", "--kind", "headless"], 0, IMAGE)],
    "login": [
        (
            ["nowhere", "--user", "me", "--days", "1", "--client-id", "a"],
            2,
            "unknown server or provider 'nowhere'",
        )
    ],
    "servers": [(["nowhere", "--trial"], 2, "there is no provider 'nowhere'")],
    "local open": [(["--no-browser"], 0, "http://127.0.0.1:")],
    "local reset": [(["--yes"], 0, "no")],
}

# The words of the commands that need some, for the options of every command.
WORDS = {
    "ps": ["runs"],
    "top": ["runs"],
    "describe": ["runs-1"],
    "logs": ["ends-1"],
    "wait": ["ends-1"],
    "info": ["runs-1"],
    "events": ["runs-1"],
    "renew": ["runs-1"],
    "create": [IMAGE, "--dry-run"],
    "delete": ["nothing", "--force"],
    "prune": ["runs", "--status", "Running", "--dry-run"],
    "completion": ["bash"],
    "config get": ["server"],
    "config set": ["timeout", "9"],
    "config unset": ["timeout"],
    "config use": ["shared"],
}
# These commands need an account, the network, a terminal or a browser, or end all sessions.
SPECIAL = {"login", "logout", "servers", "open", "local reset", "local serve"}


def walk(command, path=()):
    """Yield each command below a group with its name."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        if name not in ("run", "ls", "rm"):
            yield from walk(command.get_command(context, name), (*path, name))


COMMANDS = dict(walk(app))


def options_of(command, *, shared):
    """Return the options of a command that its help shows: its own, or those of every command."""
    every = getattr(command, "_shared", [])
    return [
        option
        for option in command.params
        if isinstance(option, click.Option) and (option in every) == shared and not option.hidden
    ]


@pytest.fixture
def program(clean):
    """The program, with a running and an ended session and the files of the tests."""
    clean.begin("runs", "sleep", "60")
    clean.launch("ends", "seq", "2")
    home = clean.home
    (home / "work.sh").write_text("echo of the script")
    job = {"name": "job", "image": IMAGE, "cores": 1, "ram": 1, "cmd": "true"}
    (home / "jobs.ndjson").write_text(json.dumps(job))
    (home / "token").write_text(clean.env["SKAHA_TOKEN"])
    (home / "token").chmod(0o600)
    clean("config", "set", "concurrency", "8", "--profile", "shared")
    return clean


def test_every_own_option(program):
    for name, lines in OWN_OPTIONS.items():
        used = {word for words, _, _ in lines for word in words if word.startswith("-")}
        options = options_of(COMMANDS[name], shared=False)
        assert [option.name for option in options if not used & {*option.opts}] == []
        for words, code, text in lines:
            program(*name.split(), *words, code=code, cwd=program.home)
            [running] = program.ids("runs")
            assert text.replace("ID", running) in program.out + program.err


def test_the_table_has_every_command_with_options_of_its_own():
    with_options = {name for name in COMMANDS if options_of(COMMANDS[name], shared=False)}
    assert with_options <= OWN_OPTIONS.keys() | {"local serve"}


def test_every_shared_option_of_every_command(program):
    """Only these options name the platform and contain a token that it accepts."""
    program.without("SKAHA_TOKEN", "SKAHA_SERVER")
    options = ["--server", program.url, "--token-file", str(program.home / "token")]
    options += ["--api-version", "v1", "--profile", "shared", "--concurrency", "2"]
    options += ["--certificate", str(program.home / "none.pem"), "--request-timeout", "9"]
    options += ["--timeout", "20", "--output", "json", "--verbose"]
    used = {word for word in options if word.startswith("--")}
    for name in sorted(COMMANDS.keys() - SPECIAL):
        command = COMMANDS[name]
        shared = options_of(command, shared=True)
        own = {word for option in options_of(command, shared=False) for word in option.opts}
        assert used == {option.opts[-1] for option in shared} | (own & {"--timeout"})
        program(*name.split(), *WORDS.get(name, []), *options)
