"""A terminal: tables, colours, questions, progress, Ctrl-C, a window that changes its size."""

import re
import sys
import time

import pexpect
import pytest
from cli.screens import screen

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONG = "a-name-that-is-rather-long-for-a-narrow-terminal"


@pytest.mark.parametrize("columns", [200, 80, 50])
def test_a_table_fits_the_terminal(clean, columns):
    session_id = clean.launch(LONG, "true")
    lines = screen(clean.at_a_terminal("ps", columns=columns))
    assert len(lines) == 2
    assert all(len(line) <= columns for line in lines)
    assert lines[0].startswith("ID")
    assert lines[1].startswith(session_id)
    assert (IMAGE in lines[1]) == (columns == 200)
    assert ("…" in lines[1]) == (columns < 200)


def test_colours_are_for_terminals_that_allow_them(clean):
    clean.launch("coloured", "true")
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        child = clean.at_a_terminal("ps", env=env)
        child.expect(pexpect.EOF)
        assert bool(COLOUR.search(child.before)) is coloured
    child = clean.at_a_terminal("ps", "-o", "json")
    child.expect(pexpect.EOF)
    assert not COLOUR.search(child.before)


@pytest.mark.parametrize(("reply", "code"), [("y", 0), ("n", 1), ("\x04", 130), ("\x03", 130)])
def test_prune_shows_the_sessions_and_asks(clean, reply, code):
    session_id = clean.launch("asked", "true")
    child = clean.at_a_terminal("prune", "asked")
    child.expect("Delete this session")
    assert session_id in child.before
    assert session_id in clean.ids()
    if len(reply.strip()) and reply.isprintable():
        child.sendline(reply)
    else:
        child.send(reply)
    screen(child)
    assert child.exitstatus == code
    assert (session_id in clean.ids()) is (code != 0)


def test_prune_of_nothing_does_not_ask(clean):
    child = clean.at_a_terminal("prune", "nothing")
    assert screen(child) == ["skaha prune: error: there is no session nothing"]
    assert child.exitstatus == 5
    assert screen(clean.at_a_terminal("prune", "--all")) == [
        "skaha: no session matches: nothing to delete"
    ]


def test_a_wait_shows_its_progress_and_fits_a_window_that_shrinks(clean):
    clean.begin("watched", "sleep", "60")
    child = clean.at_a_terminal("wait", "watched-1", columns=100)
    child.expect(r"waiting: 0 of 1 \(\d s\), 1 Running")
    child.setwinsize(24, 12)
    time.sleep(0.5)
    child.expect(r"\r\x1b\[K([^\r\n]+)\r\x1b\[K")
    assert len(child.match[1]) < 12
    child.sendintr()
    screen(child)
    assert child.exitstatus == 130


def test_a_launch_shows_the_number_of_launched_sessions(clean):
    clean.faults(create_delay=0.4)
    words = ["--concurrency", "1", "create", IMAGE, "-n", "counted", "-r", "4", "--", "true"]
    child = clean.at_a_terminal(*words)
    child.expect(r"launching: [123] of 4 \(\d s\)")
    screen(child)
    assert child.exitstatus == 0
    # The progress line disappears.
    shown = COLOUR.sub("", child.before).rpartition("\x1b[K")[2].split()
    assert shown[:3] == ["ID", "NAME", "STATUS"]
    assert shown[4::2] == [f"counted-{number}" for number in range(1, 5)]


NOTE = """
import time
from skaha.cli._stderr import note, progress
with progress("working") as bar:
    bar(1, 2)
    time.sleep(1)
    note("a note")
    time.sleep(0.5)
"""


def test_a_note_erases_the_progress_line_and_draws_it_again():
    child = pexpect.spawn(sys.executable, ["-c", NOTE], timeout=60, encoding="utf-8")
    child.expect(pexpect.EOF)
    first, second = child.before.split("\r\n")
    # A terminal shows of each line only the text after the last erasure.
    assert "working: 1 of 2 (0 s)" in first
    assert first.rpartition("\x1b[K")[2].strip("\r") == "skaha: a note"
    assert "working: 1 of 2 (0 s)" in second
    assert second.rpartition("\x1b[K")[2].strip("\r") == ""


def test_short_work_and_a_dumb_terminal_show_no_progress(clean):
    clean.begin("quiet", "sleep", "1.5")
    assert "waiting" not in "".join(
        screen(clean.at_a_terminal("wait", "quiet-1", env={"TERM": "dumb"}))
    )
    assert "waiting" not in "".join(screen(clean.at_a_terminal("wait", "quiet-1")))


def test_a_pipe_shows_no_progress(clean):
    clean.begin("quiet", "sleep", "1.5")
    clean("wait", "quiet-1")
    assert clean.err == ""


def test_a_terminal_shows_logs_unchanged(clean):
    clean.launch("raw", "echo", "[bold]x[/bold] \x1b[31mred")
    child = clean.at_a_terminal("logs", "raw-1")
    child.expect_exact("[bold]x[/bold] \x1b[31mred")


def test_a_secret_is_not_shown_while_a_user_types_it(skaha):
    child = skaha.at_a_terminal("config", "set", "token")
    child.expect("token")
    child.waitnoecho()
    child.sendline("a-secret")
    assert "a-secret" not in "".join(screen(child))
    skaha.without("SKAHA_TOKEN", "SKAHA_SERVER")
    assert skaha("config", "get", "token") == "a-secret\n"


def test_a_message_contains_no_control_characters(skaha):
    skaha("info", "\x1b]0;title\x07", code=5)
    assert "\x1b" not in skaha.err
