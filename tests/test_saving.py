"""Logs at rest: their last lines, and one file for each."""

import asyncio
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from scripted import Answer, json_answer
from staged import IMAGE, Stage, listing, record

from skaha import Retry, errors

PAGE = Answer(200, "<html>Log in, please</html>", "text/html; charset=utf-8")


# The last lines.


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.text(st.sampled_from("a\n\r\x0b\x0c\x1c\x85\u2028é"), max_size=30),
    st.integers(1, 12),
)
def test_the_last_lines_are_those_of_tail(variant, scripted, scripted_session, log, count):
    """A line ends at a line feed, as for `tail` and for `follow`, and at nothing else."""
    scripted.answer = Stage([record("a1")], logs={"a1": [log.encode()]})
    variant.run(scripted_session.fetch())
    [text] = variant.run(scripted_session.logs("a1", tail=count)).values()
    lines = log.split("\n")
    ended = lines[-1] == ""
    lines = lines[:-1] if ended else lines
    assert text == "\n".join(lines[-count:]) + ("\n" if ended and lines else "")


def test_the_last_lines_of_several_are_of_each(variant, scripted, scripted_session):
    logs = {"a1": [b"1\n2\n3\n"], "b2": [b"x\ny"], "c3": [b""]}
    scripted.answer = stage = Stage([], logs=logs)
    stage.records["c3"] = [json_answer(record("c3"))]
    found = variant.run(scripted_session.logs(list(logs), tail=2))
    assert found == {"a1": "2\n3\n", "b2": "x\ny", "c3": ""}


def test_the_last_lines_of_a_large_log_need_little_memory(variant, scripted, scripted_session):
    """Lines of all lengths, so that no part of the response ends with a line."""
    lines = b"".join(b"%d" % number + b"x" * (number % 700) + b"\n" for number in range(40_000))
    scripted.answer = Stage([], logs={"a1": [lines], "b2": [lines + b"the end"]})
    tracemalloc.start()
    try:
        found = variant.run(scripted_session.logs(["a1", "b2"], tail=3))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    last = lines.split(b"\n")[-4:-1]
    assert found["a1"].encode() == b"".join(line + b"\n" for line in last)
    assert found["b2"].encode() == b"\n".join([*last[1:], b"the end"])
    assert most < len(lines) / 2


def test_last_lines_that_do_not_fit_into_memory_are_told(
    variant, scripted, scripted_session, monkeypatch
):
    for name in ("async", "sync"):
        monkeypatch.setattr(f"skaha._{name}._logs._MAX_TAIL_BYTES", 2**21)
    logs = {"a1": [b"x" * 2**22], "b2": [b"y\n" * 2**22 + b"end\n"]}
    scripted.answer = Stage([], logs=logs)
    found = variant.run(scripted_session.logs(["a1", "b2"], tail=1))
    assert found == {"b2": "end\n"}
    assert "more than 2 MiB; large logs can be saved" in str(found.failures["a1"])


def test_the_last_lines_are_read_again_after_a_lost_connection(variant, scripted):
    half = Answer(200, b"1\n2\n", headers={"Content-Length": "100"})
    scripted.answer = Stage([], logs={"a1": [half, Answer(503), b"1\n2\n3\n4\n"]})
    retry = Retry(first_pause=0.001)
    session = variant.open(server=scripted.url, token="t", retry=retry, timeout=0.3)
    assert variant.run(session.logs("a1", tail=3)) == {"a1": "2\n3\n4\n"}


# Sessions that do not exist.


@pytest.mark.parametrize("tail", [None, 2])
def test_an_empty_log_is_the_log_of_a_session_that_exists(
    variant, scripted, scripted_session, tail
):
    scripted.answer = stage = Stage([])
    stage.records["a1"] = [json_answer(record("a1", "Pending"))]
    found = variant.run(scripted_session.logs(["a1", "b2"], tail=tail))
    assert found == {"a1": ""}
    assert isinstance(found.failures["b2"], errors.NotFoundError)
    assert str(found.failures["b2"]).startswith("logs of b2: ")
    assert "session b2 not found" in str(found.failures["b2"])


def test_nothing_else_is_requested_for_a_log_with_a_text(variant, scripted, scripted_session):
    scripted.answer = Stage([], logs={"a1": [b"\n"]})
    assert variant.run(scripted_session.logs("a1")) == {"a1": "\n"}
    assert len(scripted.received) == 1


def test_no_file_is_saved_for_a_session_that_does_not_exist(
    variant, scripted, scripted_session, tmp_path
):
    scripted.answer = Stage([record("a1")])
    found = saved(variant, scripted_session, ["a1", "b2"], tmp_path)
    assert contents(tmp_path) == {"name-of-a1-a1.log": b""}
    assert list(found) == ["a1"]
    assert isinstance(found.failures["b2"], errors.NotFoundError)


def test_the_last_lines_are_printed(variant, scripted, scripted_session, capsys):
    scripted.answer = Stage([], logs={"a1": [b"1\n2\n3\n"]})
    assert variant.run(scripted_session.logs("a1", verbose=True, tail=1)) is None
    assert capsys.readouterr().out.split() == ["a1:", "3"]


@pytest.mark.parametrize("tail", [0, -1, 1.5, "3", True])
def test_no_line_at_all_is_no_wish(variant, scripted, scripted_session, tail):
    with pytest.raises(errors.InvalidInputError, match="tail"):
        variant.run(scripted_session.logs("a1", tail=tail))
    assert scripted.received == []


# Files.


def saved(variant, session, ids, folder):
    return variant.run(session.save_logs(ids, folder))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_session_has_a_file_by_its_name_and_id(variant, scripted, scripted_session, tmp_path):
    logs = {"a1": [b"one\n"], "b2": ["zwölf\n".encode()], "c3": [b"\xff\x00"]}
    scripted.answer = Stage(
        [record("b2", "Completed", name="sweep-2"), record("a1", name="sweep-1")], logs=logs
    )
    folder = tmp_path / "not" / "there"
    found = saved(variant, scripted_session, ["c3", "a1", "b2"], folder)
    assert list(found.items()) == [
        ("c3", folder / "c3.log"),
        ("a1", folder / "sweep-1-a1.log"),
        ("b2", folder / "sweep-2-b2.log"),
    ]
    assert contents(folder) == {path.name: logs[one][0] for one, path in found.items()}
    assert found.failures == {}
    # One list for all the names.
    assert [request.path for request in scripted.received].count("/skaha/v1/session") == 1


def test_the_embedded_platform_says_what_is_saved(variant, session, tmp_path):
    ids = variant.run(session.create("said", IMAGE, cmd="seq", args="3", replicas=2))
    try:
        variant.run(session.wait(ids, timeout=20))
        found = saved(variant, session, ids, str(tmp_path))
        assert [path.name for path in found.values()] == [
            f"said-{number}-{one}.log" for number, one in enumerate(ids, 1)
        ]
        assert list(contents(tmp_path).values()) == [b"1\n2\n3\n"] * 2
        assert variant.run(session.logs(ids, tail=1)) == dict.fromkeys(ids, "3\n")
    finally:
        variant.run(session.destroy(ids))


HOSTILE = [
    "../../escaped",
    "/etc/passwd",
    "..",
    ".",
    "~/.ssh/authorized-keys",
    "a/b\\c",
    "nul\x00byte\n",
    "\u202egol.exe",
    "C:con",
    "<none>",
    "x" * 5000,
    "",
    None,
    7,
    ["a"],
    {"a": "b"},
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_no_name_leads_out_of_the_directory(variant, scripted, scripted_session, tmp_path, name):
    scripted.answer = Stage([record("a1", name=name)], logs={"a1": [b"one\n"]})
    folder = tmp_path / "in" / "here"
    [path] = saved(variant, scripted_session, "a1", folder).values()
    assert path.parent == folder
    assert path.name.endswith("a1.log")
    assert contents(folder) == {path.name: b"one\n"}
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    if name in ("<none>", None, 7):
        assert path.name == "a1.log"


@pytest.mark.parametrize("odd", [{"id": ["a1"]}, {"id": {}}, {"id": None}, {}])
def test_an_odd_record_among_others_takes_no_name_away(
    variant, scripted, scripted_session, tmp_path, odd
):
    scripted.answer = Stage([record("a1"), odd], logs={"a1": [b"one\n"]})
    assert list(saved(variant, scripted_session, "a1", tmp_path)) == ["a1"]
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"one\n"}


def test_an_app_does_not_name_the_file_of_its_desktop(
    variant, scripted, scripted_session, tmp_path
):
    """Older platforms list apps, too, and an app bears the id of its desktop."""
    desktop = record("d8", type="desktop", name="desk")
    app = record("d8", type="desktop-app", name="<none>", appid="k4b")
    scripted.answer = Stage([desktop, app], logs={"d8": [b"one\n"]})
    saved(variant, scripted_session, "d8", tmp_path)
    assert list(contents(tmp_path)) == ["desk-d8.log"]


def test_a_file_is_replaced_by_the_longer_log(variant, scripted, scripted_session, tmp_path):
    logs = [b"one\n", b"one\n", b"one\ntwo\n"]
    stage = scripted.answer = Stage([record("a1")], logs={"a1": logs})
    for expected in logs:
        saved(variant, scripted_session, "a1", tmp_path)
        assert contents(tmp_path) == {"name-of-a1-a1.log": expected}
    assert stage.log_reads == ["a1"] * 3


@pytest.mark.parametrize("shorter", [b"", b"one\n", b"new\n"])
def test_a_shorter_log_replaces_no_file(variant, scripted, scripted_session, tmp_path, shorter):
    """The platform sends less if the container was started again, or is deleted."""
    logs = {"a1": [b"one\ntwo\n", shorter], "b2": [b"1\n", b"1\n2\n"]}
    scripted.answer = Stage([record("a1"), record("b2")], logs=logs)
    saved(variant, scripted_session, ["a1", "b2"], tmp_path)
    found = saved(variant, scripted_session, ["a1", "b2"], tmp_path)
    assert list(found) == ["b2"]
    error = found.failures["a1"]
    assert isinstance(error, errors.ShorterLogError)
    path = tmp_path / "name-of-a1-a1.log"
    assert str(error).startswith(
        f"logs of a1: the platform sent {len(shorter)} bytes, but {path} has 8 bytes"
    )
    assert contents(tmp_path) == {path.name: b"one\ntwo\n", "name-of-b2-b2.log": b"1\n2\n"}


def test_several_programs_save_the_same_logs(variant, scripted, tmp_path):
    """Each of them writes at the same time as the others."""
    ids = [f"a{number}" for number in range(4)]
    log = b"a line of a log\n" * 2**12
    together = threading.Barrier(3)

    def parts():
        yield log[:100]
        together.wait(10)
        yield log[100:]

    def answer(request):
        if "view" not in request.query:
            return json_answer([record(session_id) for session_id in ids])
        if not request.path.endswith("/a0"):
            return Answer(200, log)
        return Answer(200, parts(), headers={"Content-Length": str(len(log))})

    scripted.answer = answer
    sessions = [variant.open(server=scripted.url, token="t", retry=False) for _ in range(3)]
    if variant.name == "sync":
        with ThreadPoolExecutor() as executor:
            list(executor.map(lambda one: one.save_logs(ids, tmp_path), sessions))
    else:

        async def save_all():
            await asyncio.gather(
                *(each_session.save_logs(ids, tmp_path) for each_session in sessions)
            )

        variant.run(save_all())
    assert contents(tmp_path) == {
        f"name-of-{session_id}-{session_id}.log": log for session_id in ids
    }


NO_LOGS = {
    "a page": (PAGE, errors.AnswerError),
    "a refusal": (Answer(500, "oops"), errors.ServerError),
    "nothing": (None, errors.ConnectionFailedError),
    "half a log": (
        Answer(200, b"half", headers={"Content-Length": "100"}),
        errors.ConnectionFailedError,
    ),
}


@pytest.mark.parametrize("what", NO_LOGS)
def test_what_is_no_whole_log_replaces_none(variant, scripted, tmp_path, what):
    answer, kind = NO_LOGS[what]
    listings = listing({"a1": "Running", "b2": "Running"})
    scripted.answer = Stage(listings, logs={"a1": [b"old\n", answer], "b2": [b"1\n", b"1\n2\n"]})
    session = variant.open(server=scripted.url, token="t", retry=False, timeout=0.3)
    saved(variant, session, ["a1", "b2"], tmp_path)
    try:
        found = saved(variant, session, ["a1", "b2"], tmp_path)
    except errors.ConnectionFailedError as error:
        found = error.partial
    assert list(found) == ["b2"]
    assert isinstance(found.failures["a1"], kind)
    assert str(found.failures["a1"]).startswith("logs of a1: ")
    # Neither the old one nor what came of the new one is left elsewhere.
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"old\n", "name-of-b2-b2.log": b"1\n2\n"}


def test_a_page_alone_is_saved_nowhere(variant, scripted, scripted_session, tmp_path):
    scripted.answer = Stage([record("a1")], logs={"a1": [PAGE]})
    with pytest.raises(errors.AnswerError, match="HTML page"):
        saved(variant, scripted_session, "a1", tmp_path)
    assert contents(tmp_path) == {}


def test_a_log_goes_to_the_disk_in_parts(variant, scripted, scripted_session, tmp_path):
    """The memory that it takes is not that of the log."""
    log = b"a line of a log\n" * 2**21
    scripted.answer = Stage([record("a1")], logs={"a1": [log]})
    tracemalloc.start()
    try:
        [path] = saved(variant, scripted_session, "a1", tmp_path).values()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size == len(log)
    assert most < len(log) // 4


def test_a_file_in_the_way_of_the_directory_is_told(variant, scripted, scripted_session, tmp_path):
    (tmp_path / "taken").write_text("mine")
    scripted.answer = Stage([record("a1")])
    with pytest.raises(OSError, match="taken"):
        saved(variant, scripted_session, "a1", tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_old_file_is_whole_until_the_new_one_is(variant, scripted, scripted_session, tmp_path):
    """A program that reads the file in the meantime reads the old log."""
    seen = []

    def slowly():
        yield b"ol"
        end = time.monotonic() + 1
        # The first half is on the disk when there is something new, wherever that is.
        while len(contents(tmp_path)) == 1 and time.monotonic() < end:
            time.sleep(0.001)
        seen.append(contents(tmp_path)["name-of-a1-a1.log"])
        yield b"d\nnew\n"

    new = Answer(200, slowly(), headers={"Content-Length": "8"})
    scripted.answer = Stage([record("a1")], logs={"a1": [b"old\n", new]})
    saved(variant, scripted_session, "a1", tmp_path)
    saved(variant, scripted_session, "a1", tmp_path)
    assert seen == [b"old\n"]
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"old\nnew\n"}
