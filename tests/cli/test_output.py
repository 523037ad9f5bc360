"""Standard output, standard error, and pipes that close."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from scripted import Response, json_response

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
ODD = "[/arc/home/x] [red]no markup[/red] %s {} \\e <b> ünïcödé ☃ \x1b[31mred\x1b[0m\ttab  two"


@pytest.mark.parametrize("how", ["logs", "follow", "save"])
def test_the_text_of_a_log_is_unchanged(clean, entry, how, tmp_path):
    session_id = clean.launch("odd", "printf", "%s\\n%s", ODD, "no end")
    if how == "save":
        [saved] = clean.json("logs", session_id, "--save", str(tmp_path / "logs"))
        row = clean("logs", session_id, "--save", str(tmp_path / "logs"))
        assert row == f"{session_id}\todd-1\t{saved['path']}\n"
        assert (tmp_path / "logs" / f"odd-1-{session_id}.log").read_text() == f"{ODD}\nno end"
        assert saved["path"].endswith(f"odd-1-{session_id}.log")
        return
    words = ["logs", session_id, "--follow"] if how == "follow" else ["logs", session_id]
    assert clean(*words) == f"{ODD}\nno end\n"
    assert clean.err == ""
    ascii_only = clean.env | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    out = subprocess.run([entry, *words], env=ascii_only, capture_output=True, check=True)
    assert (out.stdout.decode(), out.stderr) == (f"{ODD}\nno end\n", b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("logs -o json", json.loads),
        ("logs -o ndjson", json.loads),
        ("logs -o ndjson --follow", json.loads),
        ("describe -o json", json.loads),
        ("describe -o yaml", yaml.safe_load),
    ],
)
def test_programs_get_utf_8_with_any_encoding_of_the_terminal(skaha, words, read, encoding):
    session_id = skaha.launch("odd", "echo", "Zoë ☃")
    skaha(*words.split(), session_id, env={"PYTHONIOENCODING": encoding})
    assert "Zoë ☃" in str(read(skaha.out))


def test_a_word_that_is_not_utf_8_is_valid_json(skaha, entry):
    command = [entry.encode(), b"rm", b"\xff", b"-o", b"json"]
    finished = subprocess.run(command, env=skaha.env, capture_output=True, check=False)
    [item] = json.loads(finished.stdout.decode())
    assert (item["id"], item["error"]["code"]) == ("\udcff", "not_found")


def test_tail(clean):
    session_id = clean.launch("tail", "seq", "5")
    assert clean("logs", session_id, "--tail", "2") == "4\n5\n"
    assert clean("logs", session_id, "--tail", "2", "--follow") == "4\n5\n"
    line = clean("logs", session_id, "-n", "1", "-f", "-o", "ndjson")
    assert json.loads(line) == {"id": session_id, "name": "tail-1", "line": "5"}
    clean("logs", session_id, "-f", "-o", "json", code=2)
    clean("logs", session_id, "--save", "x", "--tail", "3", code=2)


def test_a_pipe_gets_only_rows_with_tabs(clean):
    clean.launch("piped", "true")
    row = clean("ps").rstrip("\n").split("\t")
    assert row[1:4] == ["piped-1", "headless", "Completed"]
    assert clean.err == ""
    head, _ = clean("ps", "-o", "table").splitlines()
    assert head.split()[:4] == ["ID", "NAME", "KIND", "STATUS"]
    assert "\x1b" not in clean.out


def test_a_pipe_that_closes_is_no_failure(skaha, entry):
    for words in ("images", "logs --follow {}", "stats"):
        session_id = skaha.launch("chatty", "seq", "100000") if "{" in words else ""
        command = f"{entry} {words.format(session_id)} | head -1; echo code ${{PIPESTATUS[0]}}"
        shell = ["bash", "-c", command]
        finished = subprocess.run(shell, env=skaha.env, capture_output=True, check=True, timeout=60)
        assert finished.stderr == b""
        assert finished.stdout.decode().splitlines()[-1] == "code 0"


def test_a_pipe_that_is_closed_already_is_no_failure(skaha, entry):
    with subprocess.Popen(
        [entry, "version"], env=skaha.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_a_full_disk_is_a_failure(skaha, entry):
    with Path("/dev/full").open("wb") as full:
        command = [entry, "version"]
        finished = subprocess.run(command, env=skaha.env, stdout=full, stderr=-1, check=False)
    assert finished.returncode == 1
    assert b"No space left" in finished.stderr


def test_a_full_disk_for_errors_does_not_change_the_exit_code(skaha, entry):
    with Path("/dev/full").open("wb") as full:
        command = [entry, "nope"]
        finished = subprocess.run(command, env=skaha.env, stdout=-1, stderr=full, check=False)
    assert (finished.returncode, finished.stdout) == (2, b"")


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_a_command_that_fails_as_a_whole_prints_an_object(skaha, form):
    def error(*words, **more):
        output = json.loads(skaha("-o", form, *words, **more))
        [item] = output if form == "json" else [output]
        return item["error"]

    refused = error("ps", code=4, env={"SKAHA_TOKEN": "wrong"})
    assert (refused["code"], refused["status"]) == ("credentials", 401)
    assert error("delete", "", code=2)["code"] == "usage"


@pytest.mark.parametrize(
    "words",
    [
        ("ps", "--nope", "-o", "json"),
        ("ps", "--output=json", "--nope"),
        ("ps", "--nope", "--json"),
        ("--json", "--nope", "ps"),
        ("pss", "-ojson"),
        ("config", "nothing", "--json"),
        ("logs", "a", "--json", "--tail"),
        ("ps", "--limit", "0", "-o", "json"),
    ],
)
def test_an_error_of_usage_is_an_object_at_every_place_of_the_option(skaha, words):
    [item] = json.loads(skaha(*words, code=2))
    assert item["error"]["code"] == "usage"
    assert skaha.err.splitlines()[0].endswith(item["error"]["message"])


@pytest.mark.parametrize("words", [("ps", "--nope", "--", "-o", "json"), ("ps", "--nope", "-oxml")])
def test_an_error_of_usage_without_a_format_for_programs_prints_nothing(skaha, words):
    assert skaha(*words, code=2) == ""


def test_a_closed_standard_error_does_not_change_the_exit_code(skaha, entry):
    command = ["bash", "-c", f"{entry} info nobodys1 2>&-"]
    finished = subprocess.run(command, env=skaha.env, capture_output=True, check=False)
    assert (finished.returncode, finished.stdout) == (5, b"")


def test_options_stand_before_or_after_the_command(skaha):
    before = skaha("--output", "json", "version")
    assert before == skaha("version", "-o", "json") == skaha("-o", "name", "version", "-o", "json")


def test_a_failed_connection_is_a_message_without_a_traceback(skaha):
    [failed] = skaha.json("--server", "http://127.0.0.1:9/skaha", "stats", code=1)
    assert failed["error"]["status"] is None
    assert "refused" in skaha.err


def test_verbose_shows_the_traceback_of_an_error(skaha, entry):
    env = skaha.env | {"SKAHA_TOKEN": "wrong"}
    command = [entry, "-v", "stats"]
    finished = subprocess.run(command, env=env, capture_output=True, check=False)
    assert finished.returncode == 4
    assert b"Traceback" in finished.stderr
    assert b"AuthenticationError" in finished.stderr


def test_wrong_credentials_have_exit_code_4(skaha):
    for command in ("ps", "auth"):
        assert skaha(command, code=4, env={"SKAHA_TOKEN": "wrong"}) == ""
        assert "wrong" not in skaha.err.replace("wrong credentials", "")
    skaha("create", IMAGE, "--", "true", code=4, env={"SKAHA_TOKEN": "wrong"})
    skaha.without("SKAHA_TOKEN")
    for command in ("ps", "auth"):
        assert skaha(command, code=4) == ""
        assert skaha.err.startswith(f"skaha {command}: error: Not logged in: run `skaha login`. ")


def test_an_error_begins_with_the_command_that_the_user_typed(skaha, scripted):
    records = [{"id": "a1", "name": "one-1", "type": "headless", "status": "Running"}]

    def respond(request):
        if request.path.endswith("/session") and request.method == "GET":
            return json_response(records)
        return Response(403, "forbidden")

    scripted.respond = respond
    skaha.env["SKAHA_SERVER"] = scripted.url
    [failed] = skaha.json("rm", "one-1", code=4)
    assert skaha.err == "skaha rm: error: a1: DELETE /skaha/v1/session/a1 answered 403: forbidden\n"
    assert (failed["name"], failed["status"]) == ("one-1", "Running")
    skaha("run", IMAGE, "-n", "two", "--", "true", code=4)
    assert skaha.err.startswith("skaha run: error: two-1: POST /skaha/v1/session answered 403")
    skaha("config", "set", "tokn", "x", code=2)
    assert skaha.err.startswith("skaha config set: error: unknown key 'tokn'")


def test_a_platform_that_fails_has_exit_code_1(skaha):
    skaha.faults(broken=9)
    assert skaha("stats", code=1) == ""
    assert skaha.err.startswith("skaha stats: error: GET /skaha/v1/session answered 500")


HOSTILE = "n\x1b]0;a title\x07\x9b31m\u202e\x85\u2028\U000e0001x"
# A terminal obeys none of these characters in JSON: JSON escapes them.
UNPRINTABLE = [letter for letter in HOSTILE if not letter.isprintable()]


def hostile_platform(received):
    record = {"id": "a1", "name": HOSTILE, "type": "headless", "status": HOSTILE, "image": HOSTILE}
    if "view" in received.query:
        is_log = received.query["view"] == ["logs"]
        return Response(200, "a line\n" if is_log else f"Normal {HOSTILE} a <nil> <nil>\n")
    return json_response([record] if received.path.endswith("/session") else record)


@pytest.mark.parametrize("form", ["table", "wide", "name", "json", "ndjson", "yaml", None])
@pytest.mark.parametrize(
    "words",
    ["ps", "info a1", "events a1", "describe a1", "logs a1", "logs a1 --prefix", "apps", "top"],
)
def test_no_text_of_a_platform_can_change_the_terminal(skaha, scripted, words, form):
    """Only the logs themselves are shown unchanged."""
    scripted.respond = hostile_platform
    output = [] if form is None else ["-o", form]
    skaha(*words.split(), *output, env={"SKAHA_SERVER": scripted.url}, code=None)
    allowed = {"\t"} if form is None else set()
    assert not [letter for letter in UNPRINTABLE if letter in skaha.out.replace("\n", "")]
    assert all(letter.isprintable() or letter in allowed | {"\n"} for letter in skaha.out)
    assert all(letter.isprintable() or letter == "\n" for letter in skaha.err)
    if words == "ps" and form in ("json", "yaml"):
        [item] = json.loads(skaha.out) if form == "json" else yaml.safe_load(skaha.out)
        assert item["name"] == HOSTILE
