"""Logs: their last lines, and saving each log to a file."""

import asyncio
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from scripted import Response, json_response
from staged import IMAGE, Stage, listing, record

from skaha import Retry, errors

PAGE = Response(200, "<html>Log in, please</html>", "text/html; charset=utf-8")


# The last lines.


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.text(st.sampled_from("a\n\r\x0b\x0c\x1c\x85\u2028é"), max_size=30),
    st.integers(1, 12),
)
def test_the_last_lines_are_those_of_the_command_tail(
    variant, scripted, scripted_session, log, count
):
    """Only a line feed ends a line, as in the command `tail` and in `follow`."""
    scripted.respond = Stage([record("a1")], logs={"a1": [log.encode()]})
    variant.run(scripted_session.fetch())
    [text] = variant.run(scripted_session.logs("a1", tail=count)).values()
    lines = log.split("\n")
    has_line_end = lines[-1] == ""
    lines = lines[:-1] if has_line_end else lines
    assert text == "\n".join(lines[-count:]) + ("\n" if has_line_end and lines else "")


def test_each_log_of_several_sessions_has_its_last_lines(variant, scripted, scripted_session):
    logs = {"a1": [b"1\n2\n3\n"], "b2": [b"x\ny"], "c3": [b""]}
    scripted.respond = stage = Stage([], logs=logs)
    stage.records["c3"] = [json_response(record("c3"))]
    results = variant.run(scripted_session.logs(list(logs), tail=2))
    assert results == {"a1": "2\n3\n", "b2": "x\ny", "c3": ""}


def test_the_last_lines_of_a_large_log_need_little_memory(variant, scripted, scripted_session):
    """The lines have many lengths, so that parts of the response end in the middle of a line."""
    lines = b"".join(b"%d" % number + b"x" * (number % 700) + b"\n" for number in range(40_000))
    scripted.respond = Stage([], logs={"a1": [lines], "b2": [lines + b"the end"]})
    tracemalloc.start()
    try:
        results = variant.run(scripted_session.logs(["a1", "b2"], tail=3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    last = lines.split(b"\n")[-4:-1]
    assert results["a1"].encode() == b"".join(line + b"\n" for line in last)
    assert results["b2"].encode() == b"\n".join([*last[1:], b"the end"])
    assert peak < len(lines) / 2


def test_last_lines_above_the_limit_of_memory_are_a_failure(
    variant, scripted, scripted_session, monkeypatch
):
    for name in ("async", "sync"):
        monkeypatch.setattr(f"skaha._{name}._logs._MAX_TAIL_BYTES", 2**21)
    logs = {"a1": [b"x" * 2**22], "b2": [b"y\n" * 2**22 + b"end\n"]}
    scripted.respond = Stage([], logs=logs)
    results = variant.run(scripted_session.logs(["a1", "b2"], tail=1))
    assert results == {"b2": "end\n"}
    assert "more than 2 MiB; large logs can be saved" in str(results.failures["a1"])


def test_the_last_lines_are_read_again_after_a_lost_connection(variant, scripted):
    half = Response(200, b"1\n2\n", headers={"Content-Length": "100"})
    scripted.respond = Stage([], logs={"a1": [half, Response(503), b"1\n2\n3\n4\n"]})
    retry = Retry(first_pause=0.001)
    session = variant.open(server=scripted.url, token="t", retry=retry, timeout=2)
    assert variant.run(session.logs("a1", tail=3)) == {"a1": "2\n3\n4\n"}


# Sessions that do not exist.


@pytest.mark.parametrize("tail", [None, 2])
def test_an_empty_log_is_returned_only_if_the_session_exists(
    variant, scripted, scripted_session, tail
):
    scripted.respond = stage = Stage([])
    stage.records["a1"] = [json_response(record("a1", "Pending"))]
    results = variant.run(scripted_session.logs(["a1", "b2"], tail=tail))
    assert results == {"a1": ""}
    assert isinstance(results.failures["b2"], errors.NotFoundError)
    assert str(results.failures["b2"]).startswith("logs of b2: ")
    assert "session b2 not found" in str(results.failures["b2"])


def test_a_log_that_is_not_empty_needs_one_request(variant, scripted, scripted_session):
    scripted.respond = Stage([], logs={"a1": [b"\n"]})
    assert variant.run(scripted_session.logs("a1")) == {"a1": "\n"}
    assert len(scripted.received) == 1


def test_no_file_is_saved_for_a_session_that_does_not_exist(
    variant, scripted, scripted_session, tmp_path
):
    scripted.respond = Stage([record("a1")])
    paths = save(variant, scripted_session, ["a1", "b2"], tmp_path)
    assert contents(tmp_path) == {"name-of-a1-a1.log": b""}
    assert list(paths) == ["a1"]
    assert isinstance(paths.failures["b2"], errors.NotFoundError)


def test_the_last_lines_are_printed(variant, scripted, scripted_session, capsys):
    scripted.respond = Stage([], logs={"a1": [b"1\n2\n3\n"]})
    assert variant.run(scripted_session.logs("a1", verbose=True, tail=1)) is None
    assert capsys.readouterr().out.split() == ["a1:", "3"]


@pytest.mark.parametrize("tail", [0, -1, 1.5, "3 lines", True])
def test_an_invalid_tail_is_refused(variant, scripted, scripted_session, tail):
    with pytest.raises(errors.InvalidInputError, match="tail"):
        variant.run(scripted_session.logs("a1", tail=tail))
    assert scripted.received == []


# Files.


def save(variant, session, ids, folder):
    return variant.run(session.save_logs(ids, folder))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_session_has_a_file_by_its_name_and_id(variant, scripted, scripted_session, tmp_path):
    logs = {"a1": [b"one\n"], "b2": ["zwölf\n".encode()], "c3": [b"\xff\x00"]}
    scripted.respond = Stage(
        [record("b2", "Completed", name="sweep-2"), record("a1", name="sweep-1")], logs=logs
    )
    folder = tmp_path / "new" / "folder"
    paths = save(variant, scripted_session, ["c3", "a1", "b2"], folder)
    assert list(paths.items()) == [
        ("c3", folder / "c3.log"),
        ("a1", folder / "sweep-1-a1.log"),
        ("b2", folder / "sweep-2-b2.log"),
    ]
    assert contents(folder) == {
        path.name: logs[session_id][0] for session_id, path in paths.items()
    }
    assert paths.failures == {}
    # One request of the list gives all names.
    assert [request.path for request in scripted.received].count("/skaha/v1/session") == 1


def test_logs_of_the_embedded_platform_are_saved(variant, session, tmp_path):
    ids = variant.run(session.create("log", IMAGE, cmd="seq", args="3", replicas=2))
    try:
        variant.run(session.wait(ids, timeout=60))
        paths = save(variant, session, ids, str(tmp_path))
        assert [path.name for path in paths.values()] == [
            f"log-{number}-{session_id}.log" for number, session_id in enumerate(ids, 1)
        ]
        assert list(contents(tmp_path).values()) == [b"1\n2\n3\n"] * 2
        assert variant.run(session.logs(ids, tail=1)) == dict.fromkeys(ids, "3\n")
    finally:
        variant.run(session.destroy(ids))


ODD_NAMES = [
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


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: repr(name)[:20])
def test_no_name_saves_a_file_outside_of_the_directory(
    variant, scripted, scripted_session, tmp_path, name
):
    scripted.respond = Stage([record("a1", name=name)], logs={"a1": [b"one\n"]})
    folder = tmp_path / "target" / "folder"
    [path] = save(variant, scripted_session, "a1", folder).values()
    assert path.parent == folder
    assert path.name.endswith("a1.log")
    assert contents(folder) == {path.name: b"one\n"}
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    if name in ("<none>", None, 7):
        assert path.name == "a1.log"


@pytest.mark.parametrize("odd", [{"id": ["a1"]}, {"id": {}}, {"id": None}, {}])
def test_an_odd_record_in_the_list_does_not_change_the_names_of_others(
    variant, scripted, scripted_session, tmp_path, odd
):
    scripted.respond = Stage([record("a1"), odd], logs={"a1": [b"one\n"]})
    assert list(save(variant, scripted_session, "a1", tmp_path)) == ["a1"]
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"one\n"}


def test_an_app_does_not_name_the_file_of_its_desktop(
    variant, scripted, scripted_session, tmp_path
):
    """Older platforms also list apps; the record of an app has the id of its desktop."""
    desktop = record("d8", type="desktop", name="desk")
    app = record("d8", type="desktop-app", name="<none>", appid="k4b")
    scripted.respond = Stage([desktop, app], logs={"d8": [b"one\n"]})
    save(variant, scripted_session, "d8", tmp_path)
    assert list(contents(tmp_path)) == ["desk-d8.log"]


def test_a_file_is_replaced_by_the_longer_log(variant, scripted, scripted_session, tmp_path):
    logs = [b"one\n", b"one\n", b"one\ntwo\n"]
    stage = scripted.respond = Stage([record("a1")], logs={"a1": logs})
    for expected in logs:
        save(variant, scripted_session, "a1", tmp_path)
        assert contents(tmp_path) == {"name-of-a1-a1.log": expected}
    assert stage.log_reads == ["a1"] * 3


@pytest.mark.parametrize("shorter", [b"", b"one\n", b"new\n"])
def test_a_shorter_log_does_not_replace_the_file(
    variant, scripted, scripted_session, tmp_path, shorter
):
    """The platform sends less if the container was started again, or is deleted."""
    logs = {"a1": [b"one\ntwo\n", shorter], "b2": [b"1\n", b"1\n2\n"]}
    scripted.respond = Stage([record("a1"), record("b2")], logs=logs)
    save(variant, scripted_session, ["a1", "b2"], tmp_path)
    paths = save(variant, scripted_session, ["a1", "b2"], tmp_path)
    assert list(paths) == ["b2"]
    error = paths.failures["a1"]
    assert isinstance(error, errors.ShorterLogError)
    path = tmp_path / "name-of-a1-a1.log"
    assert str(error).startswith(
        f"logs of a1: the platform sent {len(shorter)} bytes, but {path} has 8 bytes"
    )
    assert contents(tmp_path) == {path.name: b"one\ntwo\n", "name-of-b2-b2.log": b"1\n2\n"}


def test_several_programs_can_save_the_same_logs_at_the_same_time(variant, scripted, tmp_path):
    ids = [f"a{number}" for number in range(4)]
    log = b"a line of a log\n" * 2**12
    barrier = threading.Barrier(3)

    def parts():
        yield log[:100]
        barrier.wait(10)
        yield log[100:]

    def respond(request):
        if "view" not in request.query:
            return json_response([record(session_id) for session_id in ids])
        if not request.path.endswith("/a0"):
            return Response(200, log)
        return Response(200, parts(), headers={"Content-Length": str(len(log))})

    scripted.respond = respond
    clients = [variant.open(server=scripted.url, token="t", retry=False) for _ in range(3)]
    if variant.name == "sync":
        with ThreadPoolExecutor() as executor:
            list(executor.map(lambda client: client.save_logs(ids, tmp_path), clients))
    else:

        async def save_all():
            await asyncio.gather(*(client.save_logs(ids, tmp_path) for client in clients))

        variant.run(save_all())
    assert contents(tmp_path) == {
        f"name-of-{session_id}-{session_id}.log": log for session_id in ids
    }


INVALID_LOGS = {
    "an HTML page": (PAGE, errors.AnswerError),
    "a refusal": (Response(500, "oops"), errors.ServerError),
    "a lost connection": (None, errors.ConnectionFailedError),
    "half a log": (
        Response(200, b"half", headers={"Content-Length": "100"}),
        errors.ConnectionFailedError,
    ),
}


@pytest.mark.parametrize("name", INVALID_LOGS)
def test_an_incomplete_log_does_not_replace_the_file(variant, scripted, tmp_path, name):
    response, error_type = INVALID_LOGS[name]
    records = listing({"a1": "Running", "b2": "Running"})
    scripted.respond = Stage(records, logs={"a1": [b"old\n", response], "b2": [b"1\n", b"1\n2\n"]})
    session = variant.open(server=scripted.url, token="t", retry=False, timeout=2)
    save(variant, session, ["a1", "b2"], tmp_path)
    try:
        paths = save(variant, session, ["a1", "b2"], tmp_path)
    except errors.ConnectionFailedError as error:
        paths = error.partial
    assert list(paths) == ["b2"]
    assert isinstance(paths.failures["a1"], error_type)
    assert str(paths.failures["a1"]).startswith("logs of a1: ")
    # No temporary file is left.
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"old\n", "name-of-b2-b2.log": b"1\n2\n"}


def test_an_html_page_is_not_saved(variant, scripted, scripted_session, tmp_path):
    scripted.respond = Stage([record("a1")], logs={"a1": [PAGE]})
    with pytest.raises(errors.AnswerError, match="HTML page"):
        save(variant, scripted_session, "a1", tmp_path)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("content_type", ["application/octet-stream", None])
def test_a_log_is_saved_with_any_content_type(
    variant, scripted, scripted_session, tmp_path, content_type
):
    log = Response(200, b"a line\n", content_type)
    scripted.respond = Stage([record("a1")], logs={"a1": [log]})
    save(variant, scripted_session, "a1", tmp_path)
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"a line\n"}


def test_a_log_is_written_to_the_disk_in_parts(variant, scripted, scripted_session, tmp_path):
    """The log is larger than the memory that is used for it."""
    log = b"a line of a log\n" * 2**21
    scripted.respond = Stage([record("a1")], logs={"a1": [log]})
    tracemalloc.start()
    try:
        [path] = save(variant, scripted_session, "a1", tmp_path).values()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size == len(log)
    assert peak < len(log) // 4


def test_a_file_at_the_path_of_the_directory_raises_an_error(
    variant, scripted, scripted_session, tmp_path
):
    (tmp_path / "existing").write_text("a text")
    scripted.respond = Stage([record("a1")])
    with pytest.raises(OSError, match="existing"):
        save(variant, scripted_session, "a1", tmp_path / "existing")
    assert (tmp_path / "existing").read_text() == "a text"


def test_the_old_file_stays_complete_until_the_new_one_is_complete(
    variant, scripted, scripted_session, tmp_path
):
    """A program that reads the file in the meantime reads the old log."""
    contents_meanwhile = []

    def parts():
        yield b"ol"
        end = time.monotonic() + 1
        # The first part is on the disk as soon as there is a second file.
        while len(contents(tmp_path)) == 1 and time.monotonic() < end:
            time.sleep(0.001)
        contents_meanwhile.append(contents(tmp_path)["name-of-a1-a1.log"])
        yield b"d\nnew\n"

    new = Response(200, parts(), headers={"Content-Length": "8"})
    scripted.respond = Stage([record("a1")], logs={"a1": [b"old\n", new]})
    save(variant, scripted_session, "a1", tmp_path)
    save(variant, scripted_session, "a1", tmp_path)
    assert contents_meanwhile == [b"old\n"]
    assert contents(tmp_path) == {"name-of-a1-a1.log": b"old\nnew\n"}
