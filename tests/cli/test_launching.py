"""Launching: what reaches the container, and what is said of it."""

import signal
import subprocess
import time

import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
SHOW = "import sys; print(sys.argv[1:])"


def test_arguments_arrive_exactly_as_given(skaha):
    words = ["plain", "words", "two  blanks", "", "a'b", 'c"d', "$HOME", "`id`", "back\\slash"]
    words += ["new\nline", "*", "{a,b}", "ünïcödé ☃", "--dry-run", "-o", "json"]
    out = skaha("run", IMAGE, "--logs", "--rm", "--", "python3", "-c", SHOW, *words)
    assert out == f"{words}\n"


def test_plain_words_are_sent_plainly_and_others_are_packed(skaha):
    [plain] = skaha.json("create", IMAGE, "--dry-run", "--", "echo", "-n", "a")
    assert (plain["cmd"], plain["args"]) == ("echo", "-n a")
    [packed] = skaha.json("create", IMAGE, "--dry-run", "--", "echo", "a  b")
    assert packed["cmd"] == "bash"


def test_the_platform_can_be_left_to_choose(skaha):
    [plan] = skaha.json("create", IMAGE, "--flexible", "--dry-run")
    assert plan["cores"] is plan["ram_gib"] is None
    skaha("create", IMAGE, "--flexible", "--cores", "2", "--dry-run", code=2)
    assert "--flexible leaves --cores and --ram to the platform" in skaha.err


def test_a_dry_run_shows_every_replica_and_launches_none(clean):
    order = ["-n", "Dry", "-r", "11", "-c", "1", "-m", "2.5", "-g", "1", "-e", "SECRET=abc"]
    items = clean.json("create", IMAGE, *order, "--dry-run", "--", "env")
    assert [one["name"] for one in items] == [f"Dry-{n}" for n in range(1, 12)]
    assert items[0] == {
        "name": "Dry-1",
        "image": IMAGE,
        "kind": "headless",
        "cores": 1,
        "ram_gib": 2.5,
        "gpus": 1,
        "cmd": "env",
        "args": None,
        "env": ["SECRET", "REPLICA_ID", "REPLICA_COUNT"],
    }
    assert "abc" not in clean.out
    assert not clean.ids("dry-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-n", "not a name"], "letters, digits"),
        (["-e", "A=$B"], "garble the value of A"),
        (["-e", "NOT_SET_ANYWHERE"], "is not set here"),
        (["--script", "/nowhere"], "cannot be read"),
        (["--kind", "notebook", "--", "true"], "headless"),
    ],
)
def test_wrong_orders_are_refused_before_anything_is_sent(clean, words, said):
    assert clean("create", IMAGE, "--dry-run", *words, code=2) == ""
    assert said in clean.err
    assert "abc" not in clean.err


def test_the_environment_reaches_the_container(skaha):
    order = ["-e", "HERE", "-e", "THERE=b c", "--logs", "--rm"]
    program = "import os; print(os.environ['HERE'], os.environ['THERE'])"
    out = skaha("create", IMAGE, *order, "--", "python3", "-c", program, env={"HERE": "a"})
    assert out == "a b c\n"


def test_a_script_with_arguments(skaha, tmp_path):
    script = 'for one; do echo "<$one>"; done'
    (tmp_path / "script.sh").write_text(script)
    expected = "<a>\n<b  c>\n"
    words = ["--logs", "--rm", "--", "a", "b  c"]
    assert skaha("create", IMAGE, "--script", str(tmp_path / "script.sh"), *words) == expected
    assert skaha("create", IMAGE, "--script", "-", *words, input=script.encode()) == expected


def test_logs_of_replicas_in_every_format(clean):
    skaha = clean
    order = ["create", IMAGE, "-n", "say", "-r", "2", "--logs", "--", "printenv", "REPLICA_ID"]
    assert sorted(skaha(*order).split()) == ["1", "2"]
    assert "==> say-1 (" in skaha.err
    items = skaha.json(*order)
    assert [one["log"] for one in items] == ["1\n", "2\n"]
    assert [one["status"] for one in items] == ["Completed", "Completed"]
    ids = skaha("ps", "-q").split()
    assert len(skaha("logs", *ids, "-o", "ndjson").splitlines()) == 4


def test_the_exit_code_is_that_of_the_work(clean):
    skaha = clean
    assert skaha("create", IMAGE, "--logs", "--rm", "--", "sh", "-c", "echo x; exit 3", code=1)
    assert skaha.out == "x\n"
    assert not skaha.ids("terminal-")
    half = "test $REPLICA_ID = 1"
    skaha("create", IMAGE, "-r", "2", "--wait", "--rm", "--", "sh", "-c", half, code=3)
    skaha("create", IMAGE, "--wait", "--timeout", "0.2", "--rm", "--", "sleep", "60", code=124)
    assert not skaha.ids("terminal-")


def test_what_is_launched_only_in_part_is_said(clean):
    clean.faults(refused_creates=[2, *range(4, 20)])
    items = clean.json("create", IMAGE, "-n", "part", "-r", "3", "--", "true", code=3)
    failed = [one for one in items if "error" in one]
    assert len(items) == 3
    assert len(failed) == 1
    assert failed[0]["error"]["status"] == 500
    assert failed[0]["name"] in clean.err


def test_names_are_invented(skaha):
    first, second = (skaha.json("create", IMAGE, "--dry-run")[0]["name"] for _ in range(2))
    assert first != second
    assert first.startswith("terminal-")


def interrupted(skaha, words, after, by=signal.SIGINT):
    with subprocess.Popen(
        [*words], env=skaha.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = after(process)
        process.send_signal(by)
        out, err = process.communicate(timeout=20)
    err = said + err
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return out, err


def sessions(skaha, prefix, number=1):
    def wait(_):
        end = time.monotonic() + 10
        while len(skaha.ids(prefix)) < number:
            assert time.monotonic() < end
            time.sleep(0.05)
        return ""

    return wait


def announced(process):
    """Wait until the command says what it has launched."""
    said = process.stderr.readline()
    assert "launched" in said
    return said


def test_ctrl_c_says_what_was_launched_and_how_to_clean_up(clean, entry):
    skaha = clean
    words = [entry, "--concurrency", "1", "create", IMAGE, "-n", "stop", "-r", "50"]
    skaha.faults(create_delay=0.4)
    out, err = interrupted(skaha, [*words, "-o", "name", "--", "true"], sessions(skaha, "stop-", 2))
    ids = out.split()
    assert ids
    assert f"interrupted: {len(ids)} of 50 launched" in err
    assert f"skaha delete {' '.join(ids)}" in err
    assert set(ids) <= skaha.ids()


def test_ctrl_c_while_waiting_leaves_or_removes(clean, entry):
    skaha = clean
    words = [entry, "create", IMAGE, "-n", "left", "--wait", "--", "sleep", "60"]
    _, err = interrupted(skaha, words, announced)
    [one] = skaha.ids("left-")
    assert f"skaha delete {one}" in err
    skaha("delete", one)
    words = [entry, "create", IMAGE, "-n", "removed", "--logs", "--rm", "--", "sleep", "60"]
    interrupted(skaha, words, announced)
    assert not skaha.ids("removed-")


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
def test_being_ended_by_others_removes_too(clean, entry, by):
    words = [entry, "create", IMAGE, "-n", "ended", "--logs", "--rm", "--", "sleep", "60"]
    _, err = interrupted(clean, words, announced, by)
    assert "deleted 1 of 1" in err
    assert not clean.ids("ended-")
