"""What goes where: data, notes, colours, and pipes that close."""

import json
import subprocess
from pathlib import Path

import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
ODD = "[/arc/home/x] [red]no markup[/red] %s {} \\e <b> ünïcödé ☃ \x1b[31mred\x1b[0m\ttab  two"


@pytest.mark.parametrize("how", ["logs", "follow", "save"])
def test_log_text_is_printed_as_it_is(clean, how, tmp_path):
    one = clean.launch("odd", "printf", "%s\\n%s", ODD, "no end")
    if how == "save":
        [saved] = clean.json("logs", one, "--save", str(tmp_path / "logs"))
        assert (tmp_path / "logs" / f"odd-1-{one}.log").read_text() == f"{ODD}\nno end"
        assert saved["path"].endswith(f"odd-1-{one}.log")
        return
    words = ["logs", one, "--follow"] if how == "follow" else ["logs", one]
    assert clean(*words) == f"{ODD}\nno end\n"
    assert clean(*words, env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}) == f"{ODD}\nno end\n"
    assert clean.err == ""


def test_tail(clean):
    one = clean.launch("tail", "seq", "5")
    assert clean("logs", one, "--tail", "2") == "4\n5\n"
    assert clean("logs", one, "--tail", "2", "--follow") == "4\n5\n"
    line = clean("logs", one, "-n", "1", "-f", "-o", "ndjson")
    assert json.loads(line) == {"id": one, "name": "tail-1", "line": "5"}
    clean("logs", one, "-f", "-o", "json", code=2)
    clean("logs", one, "--save", "x", "--tail", "3", code=2)


def test_pipes_get_rows_and_tabs_and_nothing_else(clean):
    clean.launch("piped", "true")
    row = clean("ps").rstrip("\n").split("\t")
    assert row[1:4] == ["piped-1", "headless", "Completed"]
    assert clean.err == ""
    head, _ = clean("ps", "-o", "table").splitlines()
    assert head.split()[:4] == ["ID", "NAME", "KIND", "STATUS"]
    assert "\x1b" not in clean.out


def test_a_pipe_that_closes_ends_it_quietly(skaha, entry):
    for words in ("images", "logs --follow {}", "stats"):
        one = skaha.launch("chatty", "seq", "100000") if "{" in words else ""
        command = f"{entry} {words.format(one)} | head -1; echo code ${{PIPESTATUS[0]}}"
        shell = ["bash", "-c", command]
        done = subprocess.run(shell, env=skaha.env, capture_output=True, check=True, timeout=60)
        assert done.stderr == b""
        assert done.stdout.decode().splitlines()[-1] == "code 0"


def test_a_reader_that_is_gone_already(skaha, entry):
    with subprocess.Popen(
        [entry, "version"], env=skaha.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_a_full_disk_is_a_failure(skaha, entry):
    with Path("/dev/full").open("wb") as full:
        command = [entry, "version"]
        done = subprocess.run(command, env=skaha.env, stdout=full, stderr=-1, check=False)
    assert done.returncode == 1
    assert b"No space left" in done.stderr


def test_a_full_disk_for_errors_changes_no_code(skaha, entry):
    with Path("/dev/full").open("wb") as full:
        command = [entry, "nope"]
        done = subprocess.run(command, env=skaha.env, stdout=-1, stderr=full, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_a_command_that_fails_as_a_whole_is_an_object_too(skaha, form):
    def error(*words, **more):
        found = json.loads(skaha("-o", form, *words, **more))
        [one] = found if form == "json" else [found]
        return one["error"]

    refused = error("ps", code=4, env={"SKAHA_TOKEN": "wrong"})
    assert (refused["code"], refused["status"]) == ("credentials", 401)
    assert error("delete", "a*", code=2)["code"] == "usage"


def test_a_closed_standard_error_hurts_nobody(skaha, entry):
    command = ["bash", "-c", f"{entry} info nobodys1 2>&-"]
    done = subprocess.run(command, env=skaha.env, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (5, b"")


def test_options_stand_before_and_after_the_command(skaha):
    before = skaha("--output", "json", "version")
    assert before == skaha("version", "-o", "json") == skaha("-o", "name", "version", "-o", "json")


def test_no_connection_is_a_message_and_no_traceback(skaha):
    [failed] = skaha.json("--server", "http://127.0.0.1:9/skaha", "stats", code=1)
    assert failed["error"]["status"] is None
    assert "refused" in skaha.err


def test_wrong_credentials_are_4(skaha):
    for command in ("ps", "auth"):
        assert skaha(command, code=4, env={"SKAHA_TOKEN": "wrong"}) == ""
        assert "wrong" not in skaha.err.replace("wrong credentials", "")
    skaha("create", IMAGE, "--", "true", code=4, env={"SKAHA_TOKEN": "wrong"})
    assert skaha.without("SKAHA_TOKEN")("ps", code=4) == ""
    assert "no credentials" in skaha.err


def test_a_platform_that_fails_is_1(skaha):
    skaha.faults(broken=9)
    assert skaha("stats", code=1) == ""
    assert skaha.err.startswith("skaha: error: stats: ")
