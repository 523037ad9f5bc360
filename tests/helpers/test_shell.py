"""Commands and scripts arrive unchanged in the container, although the platform changes `args`."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from bisect import bisect_left
from pathlib import PurePosixPath

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
ALL_CHARACTERS = "".join(map(chr, range(1, 128))) + "é☃\U0001f600 '\"\"'  \\\\$HOME$(id)`id`\\\n\n"

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(
    st.sampled_from("'\"\\$`*?[]{}!#~=,. \n\r\t\x01\x7f&|;<>()-+a\xe9")
)


def words_on_the_server(line):
    """Return the words that a container gets.

    As the server does, split `args` at blanks, put the words into a template and read it as YAML.
    """
    args = re.sub(" +$", "", line["args"]).split(" ")
    template = 'command: ["(cmd)"]\nargs: [(args)]\n'
    template = template.replace("(args)", java_replacement(", ".join(f'"{word}"' for word in args)))
    manifest = yaml.safe_load(template.replace("(cmd)", java_replacement(line["cmd"])))
    return manifest["command"] + manifest["args"]


def java_replacement(text):
    """Return the text that Java inserts for a replacement text of a regular expression."""
    assert "$" not in text, "Illegal group reference"
    assert not re.search(r"(?<!\\)(\\\\)*\\$", text), "character to be escaped is missing"
    return re.sub(r"\\(.)", r"\1", text)


@pytest.fixture(scope="session")
def container(tmp_path_factory):
    """Return a function that starts a command where only bash and some coreutils exist."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("bash", "base64", "cat", "printf", "touch", "wc"):
        (programs / name).symlink_to(shutil.which(name))

    def start(line, **env):
        return subprocess.Popen(
            line if isinstance(line, list) else words_on_the_server(line),
            env={"PATH": str(programs), **env},
            cwd=programs,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


@pytest.fixture(scope="session")
def run(container):
    """Return a function that runs a command; it returns the exit status and both outputs."""

    def run_to_the_end(line, stdin=b"", **env):
        with container(line, **env) as process:
            out, err = process.communicate(stdin)
        return process.returncode, out, err

    return run_to_the_end


def test_the_model_of_the_server_breaks_commands_that_are_not_encoded():
    line = {"cmd": "bash -c", "args": " -c  echo 'a b' \\x  "}
    assert words_on_the_server(line) == ["bash -c", "", "-c", "", "echo", "'a", "b'", "x"]
    with pytest.raises(AssertionError):
        words_on_the_server({"cmd": "echo", "args": "$HOME"})
    with pytest.raises(yaml.YAMLError):
        words_on_the_server({"cmd": "echo", "args": 'say "hi"'})


@settings(deadline=None)
@given(st.lists(words | st.from_regex(r"[a-z./=-]+", fullmatch=True), min_size=1, max_size=4))
def test_a_command_that_is_not_encoded_arrives_unchanged(arguments):
    line = shell.command(*arguments, only_if_needed=True)
    validation.check_command("headless", line["cmd"], line["args"], None)
    if line != shell.command(*arguments):
        assert [word for word in words_on_the_server(line) if word] == arguments


@pytest.mark.parametrize("word", ["two words", "$HOME", "it's", '"', "", "a\tb", "\\"])
def test_a_command_that_the_server_would_break_is_encoded(word):
    assert shell.command("echo", word, only_if_needed=True) == shell.command("echo", word)


@given(st.lists(words, min_size=1))
def test_an_encoded_command_is_not_changed_by_the_facade_or_the_server(arguments):
    line = shell.command(*arguments)
    assert validation.check_command("headless", **line, env=None) == (line["cmd"], line["args"], {})
    assert words_on_the_server(line) == [line["cmd"], *line["args"].split(" ")]


@settings(deadline=None)
@given(arguments=st.lists(words, min_size=1, max_size=5))
def test_each_argument_of_a_command_arrives_unchanged(run, arguments):
    printed = "".join(f"{argument}\0" for argument in arguments)
    line = shell.command("printf", r"%s\0", *arguments)
    assert run(line) == (0, printed.encode(), b"")


@settings(deadline=None)
@given(text=words, argument=words)
def test_a_script_and_its_argument_arrive_unchanged(run, text, argument):
    script = f'printf %s {shlex.quote(text)} "$1"'
    assert run(shell.script(script, argument)) == (0, (text + argument).encode(), b"")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_the_locale_does_not_matter(run, locale):
    line = shell.command("printf", "%s", ALL_CHARACTERS)
    assert run(line, LC_ALL=locale) == (0, ALL_CHARACTERS.encode(), b"")


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
def test_a_script_has_the_same_result_as_with_plain_bash(run, text):
    stdin = b"one \\ \n two"
    assert run(shell.script(text), stdin) == run(["bash", "-c", "--", text, "bash"], stdin)


def test_a_script_gets_its_arguments(run):
    line = shell.script('echo "$#|$0|$1|$2|$3"', "a  b", "", "it's $HOME")
    assert run(line) == (0, b"3|bash|a  b||it's $HOME\n", b"")


def test_signals_reach_the_script(container):
    line = shell.script("trap 'echo stopped; exit 3' TERM; echo $$; read -r")
    with container(line) as process:
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"stopped\n"
        assert process.wait() == 3


def test_a_file_whose_name_matches_the_command_does_not_change_it(run):
    make_file = ["touch", "exec -- printf %s 'changed'"]
    assert run(make_file)[0] == 0
    assert run(shell.command("printf", "%s", "*")) == (0, b"*", b"")


def test_bash_env_is_read_once_and_only_for_a_script(run, tmp_path):
    (tmp_path / "rc").write_text("echo read\n")
    rc = str(tmp_path / "rc")
    assert run(shell.script("echo done"), BASH_ENV=rc) == (0, b"read\ndone\n", b"")
    assert run(shell.command("printf", "done"), BASH_ENV=rc) == (0, b"done", b"")


@pytest.mark.parametrize("word", ["nosuchprogram", "-l", "cd /", "a=b"])
def test_a_missing_program_fails_with_status_127(run, word):
    status, out, err = run(shell.command(word))
    assert (status, out) == (127, b"")
    assert word.encode() in err


def test_an_image_without_base64_fails_with_status_127(run, tmp_path):
    (tmp_path / "bash").symlink_to(shutil.which("bash"))
    status, out, err = run(shell.script("true"), PATH=str(tmp_path))
    assert (status, out) == (127, b"")
    assert b"base64" in err


def test_the_longest_allowed_command_runs(run):
    def is_refused(length):
        try:
            shell.command("printf", "%s", "x" * length)
        except InvalidInputError:
            return True
        return False

    first_refused = bisect_left(range(MAX_ARG_STRLEN), True, key=is_refused)
    longest = "x" * (first_refused - 1)
    assert len(longest) > 95_000
    line = shell.command("printf", "%s", longest)
    assert max(map(len, words_on_the_server(line))) >= MAX_ARG_STRLEN - 4
    assert run(line) == (0, longest.encode(), b"")
    with pytest.raises(InvalidInputError, match="too long"):
        shell.command("printf", "%s", longest + "x")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("a\0b", "NUL"),
        ("\ud800", "surrogates"),
        (b"ls", "texts"),
        (["ls"], "as an argument of its own"),
        (3, "texts; not 3: write '3'"),
        (None, "texts"),
    ],
)
def test_a_word_that_cannot_be_encoded_is_refused(word, message):
    with pytest.raises(ValueError, match=message):
        shell.script(word)
    with pytest.raises(InvalidInputError, match=message):
        shell.command(word)
    with pytest.raises(InvalidInputError, match=message):
        shell.command("echo", word)


def test_the_path_of_a_script_is_not_its_text():
    with pytest.raises(InvalidInputError, match="read_text"):
        shell.script(PurePosixPath("work.sh"))


def final_statuses(session, ids):
    """Wait until the sessions have ended; return their statuses."""
    end = time.monotonic() + 8
    while time.monotonic() < end:
        statuses = [record["status"] for record in session.info(ids)]
        if not {"Pending", "Running"} & set(statuses):
            return statuses
        time.sleep(0.02)
    pytest.fail(f"still {statuses}")


@settings(deadline=None, max_examples=5)
@given(argument=words)
def test_a_script_arrives_unchanged_on_the_embedded_platform(shared_platform, argument):
    text = f'printf %s {shlex.quote(ALL_CHARACTERS)} "$1" | base64 -w0'
    with Session(server=shared_platform.url, token=shared_platform.token) as session:
        ids = session.create("encoded", IMAGE, **shell.script(text, argument))
        assert final_statuses(session, ids) == ["Completed"]
        logs = session.logs(ids)[ids[0]]
        assert session.destroy(ids) == {ids[0]: True}
    assert logs.strip() == b64encode((ALL_CHARACTERS + argument).encode()).decode()


@pytest.mark.parametrize("args", ["--title Alice's", "-c print('a')", "'"])
def test_quotes_that_are_sent_arrive_on_the_embedded_platform(shared_platform, args):
    with Session(server=shared_platform.url, token=shared_platform.token) as session:
        ids = session.create("quotes", IMAGE, cmd="echo", args=args)
        assert final_statuses(session, ids) == ["Completed"]
        assert session.logs(ids) == {ids[0]: f"{args}\n"}
        session.destroy(ids)


def test_the_embedded_platform_uses_the_exit_status_of_the_script(platform):
    with Session(server=platform.url, token=platform.token) as session:
        ids = session.create("encoded", IMAGE, **shell.script("cat; echo stdin is empty; exit 3"))
        assert final_statuses(session, ids) == ["Failed"]
        logs = session.logs(ids)[ids[0]]
        session.destroy(ids)
    assert logs.strip() == "stdin is empty"


def test_exports():
    assert shell.__all__ == ["GARBLED", "CommandLine", "command", "script"]
