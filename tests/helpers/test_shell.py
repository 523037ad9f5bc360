"""Any script reaches the container unharmed, whatever the platform does to `cmd` and `args`."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from bisect import bisect_left

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from skaha import Session
from skaha._sansio import validation
from skaha.errors import InvalidInputError
from skaha.helpers import shell

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
MAX_ARG_STRLEN = 128 * 1024
HOSTILE = "".join(map(chr, range(1, 128))) + "é☃\U0001f600 '\"\"'  \\\\$HOME$(id)`id`\\\n\n"

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(
    st.sampled_from("'\"\\$`*?[]{}!#~=,. \n\r\t\x01\x7f&|;<>()-+a\xe9")
)


def as_the_server_does(line):
    """Return the words a container gets: split at blanks, put into a template, read as YAML."""
    args = re.sub(" +$", "", line["args"]).split(" ")
    template = 'command: ["(cmd)"]\nargs: [(args)]\n'
    template = template.replace("(args)", java_replacement(", ".join(f'"{word}"' for word in args)))
    read = yaml.safe_load(template.replace("(cmd)", java_replacement(line["cmd"])))
    return read["command"] + read["args"]


def java_replacement(text):
    """Return what the replacement text of a Java regex stands for."""
    assert "$" not in text, "Illegal group reference"
    assert not re.search(r"(?<!\\)(\\\\)*\\$", text), "character to be escaped is missing"
    return re.sub(r"\\(.)", r"\1", text)


@pytest.fixture(scope="session")
def container(tmp_path_factory):
    """Start a command line with nothing but bash and some coreutils around."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("bash", "base64", "cat", "printf", "touch", "wc"):
        (programs / name).symlink_to(shutil.which(name))

    def start(line, **env):
        return subprocess.Popen(
            line if isinstance(line, list) else as_the_server_does(line),
            env={"PATH": str(programs), **env},
            cwd=programs,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


@pytest.fixture(scope="session")
def run(container):
    """Run a command line to its end; return its exit status and what it printed."""

    def outcome(line, stdin=b"", **env):
        with container(line, **env) as process:
            out, err = process.communicate(stdin)
        return process.returncode, out, err

    return outcome


def test_the_model_of_the_server_harms_what_is_not_packed():
    line = {"cmd": "bash -c", "args": " -c  echo 'a b' \\x  "}
    assert as_the_server_does(line) == ["bash -c", "", "-c", "", "echo", "'a", "b'", "x"]
    with pytest.raises(AssertionError):
        as_the_server_does({"cmd": "echo", "args": "$HOME"})
    with pytest.raises(yaml.YAMLError):
        as_the_server_does({"cmd": "echo", "args": 'say "hi"'})


@settings(deadline=None)
@given(st.lists(words | st.from_regex(r"[a-z./=-]+", fullmatch=True), min_size=1, max_size=4))
def test_what_is_left_as_it_is_arrives_as_well(arguments):
    line = shell.command(*arguments, only_if_needed=True)
    validation.check_command("headless", line["cmd"], line["args"], None)
    if line != shell.command(*arguments):
        assert [word for word in as_the_server_does(line) if word] == arguments


@pytest.mark.parametrize("word", ["two words", "$HOME", "it's", '"', "", "a\tb", "\\"])
def test_what_would_be_harmed_is_packed(word):
    assert shell.command("echo", word, only_if_needed=True) == shell.command("echo", word)


@given(st.lists(words, min_size=1))
def test_facade_and_server_leave_what_is_packed_as_it_is(arguments):
    line = shell.command(*arguments)
    assert validation.check_command("headless", **line, env=None) == (line["cmd"], line["args"], {})
    assert as_the_server_does(line) == [line["cmd"], *line["args"].split(" ")]


@settings(deadline=None)
@given(arguments=st.lists(words, min_size=1, max_size=5))
def test_each_argument_of_a_command_arrives_exactly(run, arguments):
    printed = "".join(f"{argument}\0" for argument in arguments)
    line = shell.command("printf", r"%s\0", *arguments)
    assert run(line) == (0, printed.encode(), b"")


@settings(deadline=None)
@given(text=words, argument=words)
def test_each_script_prints_its_text_and_its_argument_exactly(run, text, argument):
    script = f'printf %s {shlex.quote(text)} "$1"'
    assert run(shell.script(script, argument)) == (0, (text + argument).encode(), b"")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_the_locale_does_not_matter(run, locale):
    line = shell.command("printf", "%s", HOSTILE)
    assert run(line, LC_ALL=locale) == (0, HOSTILE.encode(), b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# only a comment",
        "true",
        "exit 7",
        "false\n",
        "kill -9 $$",
        "echo out; echo err >&2; exit 3",
        "set -euo pipefail\nfalse\necho not reached",
        "cat <<'END'\n$HOME `id` \\ \"'\nEND\n",
        "cat <<END\n$((6 * 7))\t$0\nEND",
        "echo a \\\n  b \\\n",
        "echo a\\",
        "echo carriage\r\necho return\r\n",
        "echo first\nif then\n",
        "echo 'not closed",
        "nosuchprogram",
        "-x",
        "-- true",
        "*",
        "echo * {a,b} ~root 'x  y'",
        'printf "%q " "$0" "$#" "$-" "$IFS" "$LINENO"',
        "echo \"$(printf 'a\\n\\nb')\" | wc -l",
        "cat; echo; wc -c",
        'while read -r line; do echo "<$line>"; done',
        "exec cat",
    ],
)
def test_a_script_does_what_it_does_with_plain_bash(run, text):
    stdin = b"one \\ \n two"
    assert run(shell.script(text), stdin) == run(["bash", "-c", "--", text, "bash"], stdin)


def test_a_script_finds_its_arguments(run):
    line = shell.script('echo "$#|$0|$1|$2|$3"', "a  b", "", "it's $HOME")
    assert run(line) == (0, b"3|bash|a  b||it's $HOME\n", b"")


def test_the_command_becomes_the_process_that_gets_the_signals(container):
    line = shell.script("trap 'echo stopped; exit 3' TERM; echo $$; read -r")
    with container(line) as process:
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"stopped\n"
        assert process.wait() == 3


def test_a_file_that_a_command_matches_does_not_change_it(run):
    bait = ["touch", "exec -- printf %s 'changed'"]
    assert run(bait)[0] == 0
    assert run(shell.command("printf", "%s", "*")) == (0, b"*", b"")


def test_bash_env_is_read_for_the_script_only(run, tmp_path):
    (tmp_path / "rc").write_text("echo read\n")
    rc = str(tmp_path / "rc")
    assert run(shell.script("echo done"), BASH_ENV=rc) == (0, b"read\ndone\n", b"")
    assert run(shell.command("printf", "done"), BASH_ENV=rc) == (0, b"done", b"")


@pytest.mark.parametrize("word", ["nosuchprogram", "-l", "cd /", "a=b"])
def test_a_program_that_is_not_there_is_a_failure(run, word):
    status, out, err = run(shell.command(word))
    assert (status, out) == (127, b"")
    assert word.encode() in err


def test_an_image_without_base64_is_a_failure_too(run, tmp_path):
    (tmp_path / "bash").symlink_to(shutil.which("bash"))
    status, out, err = run(shell.script("true"), PATH=str(tmp_path))
    assert (status, out) == (127, b"")
    assert b"base64" in err


def test_what_is_as_long_as_can_be_still_runs(run):
    def refused(length):
        try:
            shell.command("printf", "%s", "x" * length)
        except InvalidInputError:
            return True
        return False

    beyond = bisect_left(range(MAX_ARG_STRLEN), True, key=refused)
    longest = "x" * (beyond - 1)
    assert len(longest) > 95_000
    line = shell.command("printf", "%s", longest)
    assert max(map(len, as_the_server_does(line))) >= MAX_ARG_STRLEN - 4
    assert run(line) == (0, longest.encode(), b"")
    with pytest.raises(InvalidInputError, match="too long"):
        shell.command("printf", "%s", longest + "x")


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("a\0b", "NUL"),
        ("\ud800", "surrogates"),
        (b"ls", "texts"),
        (["ls"], "texts"),
        (None, "texts"),
    ],
)
def test_what_cannot_be_carried_is_refused(word, complaint):
    with pytest.raises(ValueError, match=complaint):
        shell.script(word)
    with pytest.raises(InvalidInputError, match=complaint):
        shell.command(word)
    with pytest.raises(InvalidInputError, match=complaint):
        shell.command("echo", word)


def finished(session, ids):
    """Return the status of each session, once it will not change any more."""
    until = time.monotonic() + 8
    while time.monotonic() < until:
        statuses = [one["status"] for one in session.info(ids)]
        if not {"Pending", "Running"} & set(statuses):
            return statuses
        time.sleep(0.02)
    pytest.fail(f"still {statuses}")


@settings(deadline=None, max_examples=5)
@given(argument=words)
def test_on_the_embedded_platform_everything_arrives(shared_platform, argument):
    text = f'printf %s {shlex.quote(HOSTILE)} "$1" | base64 -w0'
    with Session(server=shared_platform.url, token=shared_platform.token) as session:
        ids = session.create("packed", IMAGE, **shell.script(text, argument))
        assert finished(session, ids) == ["Completed"]
        logs = session.logs(ids)[ids[0]]
        assert session.destroy(ids) == {ids[0]: True}
    assert logs.strip() == b64encode((HOSTILE + argument).encode()).decode()


def test_on_the_embedded_platform_the_exit_status_is_the_scripts(platform):
    with Session(server=platform.url, token=platform.token) as session:
        ids = session.create("packed", IMAGE, **shell.script("cat; echo stdin is empty; exit 3"))
        assert finished(session, ids) == ["Failed"]
        logs = session.logs(ids)[ids[0]]
        session.destroy(ids)
    assert logs.strip() == "stdin is empty"


def test_exports():
    assert shell.__all__ == ["GARBLED", "CommandLine", "command", "script"]
