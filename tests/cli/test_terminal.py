"""At a terminal: tables, colours, questions, progress, Ctrl-C, a window that changes."""

import re
import time

import pexpect
import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONG = "a-name-that-is-rather-long-for-a-narrow-terminal"


def screen(child):
    """What it shows until its end, line by line, without the colours."""
    child.expect(pexpect.EOF)
    child.close()
    return COLOUR.sub("", child.before).replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [200, 80, 50])
def test_a_table_fits_the_terminal(clean, columns):
    one = clean.launch(LONG, "true")
    lines = screen(clean.at_a_terminal("ps", columns=columns))
    assert len(lines) == 2
    assert all(len(line) <= columns for line in lines)
    assert lines[0].startswith("ID")
    assert lines[1].startswith(one)
    assert (IMAGE in lines[1]) == (columns == 200)
    assert ("…" in lines[1]) == (columns < 200)


def test_colours_are_for_terminals_that_want_them(clean):
    clean.launch("coloured", "true")
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        child = clean.at_a_terminal("ps", env=env)
        child.expect(pexpect.EOF)
        assert bool(COLOUR.search(child.before)) is coloured
    child = clean.at_a_terminal("ps", "-o", "json")
    child.expect(pexpect.EOF)
    assert not COLOUR.search(child.before)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("\x04", 130), ("\x03", 130)])
def test_prune_shows_and_asks(clean, answer, code):
    one = clean.launch("asked", "true")
    child = clean.at_a_terminal("prune", "asked")
    child.expect("Delete this session")
    assert one in child.before
    assert one in clean.ids()
    if len(answer.strip()) and answer.isprintable():
        child.sendline(answer)
    else:
        child.send(answer)
    screen(child)
    assert child.exitstatus == code
    assert (one in clean.ids()) is (code != 0)


def test_prune_of_nothing_does_not_ask(clean):
    assert screen(clean.at_a_terminal("prune", "nothing")) == ["skaha: there is nothing to delete"]


def test_a_wait_shows_how_far_it_is_and_redraws_after_a_resize(clean):
    clean.begin("watched", "sleep", "60")
    child = clean.at_a_terminal("wait", "watched-1", columns=100)
    child.expect("1 Running")
    child.setwinsize(24, 12)
    time.sleep(0.5)
    child.expect(r"\r\x1b\[K([^\r\n]+)\r\x1b\[K")
    assert len(child.match[1]) < 12
    child.sendintr()
    screen(child)
    assert child.exitstatus == 130


def test_a_launch_shows_how_many_are_launched(clean):
    clean.faults(create_delay=0.4)
    words = ["--concurrency", "1", "create", IMAGE, "-n", "counted", "-r", "4", "--", "true"]
    child = clean.at_a_terminal(*words)
    child.expect(r"launching: [123] of 4 \(\d s\)")
    lines = screen(child)
    assert child.exitstatus == 0
    # Nothing of it stays.
    shown = "\n".join(lines).rpartition("\x1b[K")[2].split()
    assert shown[:3] == ["ID", "NAME", "STATUS"]
    assert shown[4::2] == [f"counted-{n}" for n in range(1, 5)]


def test_a_pipe_sees_no_progress(clean):
    clean.begin("quiet", "sleep", "1.5")
    clean("wait", "quiet-1")
    assert clean.err == ""


def test_logs_on_a_terminal_are_raw(clean):
    clean.launch("raw", "echo", "[bold]x[/bold] \x1b[31mred")
    child = clean.at_a_terminal("logs", "raw-1")
    child.expect_exact("[bold]x[/bold] \x1b[31mred")


def test_a_secret_is_not_shown_while_it_is_typed(skaha):
    child = skaha.at_a_terminal("config", "set", "token")
    child.expect("token")
    child.waitnoecho()
    child.sendline("a-secret")
    assert "a-secret" not in "".join(screen(child))
    skaha.without("SKAHA_TOKEN", "SKAHA_SERVER")
    assert skaha("config", "get", "token") == "a-secret\n"


def test_control_characters_of_others_stay_out_of_tables(skaha):
    skaha("info", "\x1b]0;title\x07", code=5)
    assert "\x1b" not in skaha.err
