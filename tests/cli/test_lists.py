"""The lists of sessions for a person: order, columns, a live view, the use of cores and memory."""

import re
import signal
import subprocess
import threading
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cli.screens import screen
from scripted import Response, json_response

NOW = datetime.now(UTC)


def time_in(hours):
    return (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(session_id, name, hours, **more):
    fields = {"id": session_id, "name": name, "type": "headless", "status": "Running"}
    fields |= {"startTime": time_in(-hours), "image": "images.canfar.net/skaha/terminal:1.1.2"}
    return fields | more


ENDING = {"status": "Terminating", "expiryTime": time_in(0.1)}
RECORDS = [
    record("a1", "one-2", 30, requestedCPUCores="8", requestedRAM="2.15", expiryTime=time_in(1)),
    record("b2", "one-10", 2, requestedCPUCores="2", requestedRAM="17.18", **ENDING),
    {"id": "c3", "name": "new", "type": "notebook", "status": "Pending", "image": "h/p/b:1"}
    | {"expiryTime": time_in(5)},
]


@pytest.fixture
def listed(skaha, scripted):
    skaha.env["SKAHA_SERVER"] = scripted.url
    scripted.respond = lambda _: json_response(RECORDS)
    return skaha


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ([], ["c3", "a1", "b2"]),
        (["--sort", "name", "--reverse"], ["b2", "a1", "c3"]),
        (["--sort", "age"], ["b2", "a1", "c3"]),
        (["--sort", "age", "--reverse"], ["a1", "b2", "c3"]),
        (["--sort", "cores"], ["b2", "a1", "c3"]),
        (["--sort", "ram"], ["a1", "b2", "c3"]),
        (["--sort", "left"], ["a1", "c3", "b2"]),
        (["--sort", "status", "--limit", "2"], ["c3", "a1"]),
        (["--sort", "image"], ["c3", "a1", "b2"]),
        (["--limit", "9"], ["c3", "a1", "b2"]),
    ],
)
def test_the_order_and_the_number_of_sessions(listed, options, order):
    assert listed("ps", "-q", *options).split() == order


def test_a_wide_table_is_not_cut_and_yaml_has_the_items_of_json(listed):
    heading, new, *_ = listed("ps", "-o", "wide").splitlines()
    assert heading.split()[:6] == ["ID", "NAME", "KIND", "STATUS", "AGE", "LEFT"]
    assert heading.split()[-3:] == ["STARTED", "EXPIRES", "IMAGE"]
    assert new.endswith("h/p/b:1")
    assert yaml.safe_load(listed("ps", "-o", "yaml")) == listed.json("ps")
    [failed] = yaml.safe_load(listed("ps", "nothing", "-o", "yaml", code=5))
    assert failed["error"]["code"] == "not_found"
    refused = listed("ps", "-o", "yaml", code=4, env={"SKAHA_TOKEN_FILE": "/no", "SKAHA_TOKEN": ""})
    assert yaml.safe_load(refused)[0]["error"]["code"] == "credentials"


@pytest.mark.parametrize("columns", [100, 70, 52])
def test_a_narrow_table_never_cuts_the_status_and_cuts_images_at_the_front(listed, columns):
    lines = screen(listed.at_a_terminal("ps", columns=columns))
    assert all(len(line) <= columns for line in lines)
    assert "Terminating" in lines[3]
    assert ("  1d 6h" in lines[2]) == ("AGE" in lines[0])
    if "IMAGE" in lines[0]:
        assert re.search(r"  …\S*:1\.1\.2$", lines[2])


def test_the_first_column_is_never_cut(listed):
    assert screen(listed.at_a_terminal("ps", columns=1)) == ["ID", "c3", "a1", "b2"]


def test_the_list_of_all_users_cannot_be_filtered_by_a_name(listed):
    listed("ps", "--everyone", "one", code=2)
    assert "--everyone shows no names" in listed.err


def test_a_limit_is_named_and_an_empty_list_has_a_sentence(listed, scripted):
    lines = screen(listed.at_a_terminal("ps", "--limit", "1"))
    assert lines[-1].startswith("c3")
    assert lines[0] == "skaha: the first 1 of 3 sessions"
    scripted.respond = lambda _: json_response([])
    assert screen(listed.at_a_terminal("ps")) == ["No sessions."]
    assert screen(listed.at_a_terminal("images")) == ["No images."]
    assert screen(listed.at_a_terminal("ps", "-o", "json")) == ["[]"]
    assert listed("ps") == listed.err == ""


def test_a_watch_is_redrawn_in_place_and_survives_an_outage(listed, scripted):
    looks = threading.Semaphore(0)
    responses = [json_response(RECORDS), Response(503, "busy"), json_response(RECORDS[:1])]

    def respond(_):
        looks.acquire(timeout=60)
        return responses.pop(0) if len(responses) > 1 else responses[0]

    scripted.respond = respond
    child = listed.at_a_terminal("ps", "--watch", "--interval", "0.1", "one", columns=120)
    looks.release()
    child.expect_exact("\x1b[?1049h")
    child.expect("a1 .*b2 ")
    looks.release()
    child.expect_exact("\x1b[H")
    child.expect(r"\d\d:\d\d:\d\d error: .* answered 503: busy")
    looks.release(1000)
    child.expect(r"a1 [^\n]*\x1b\[K\r\n\x1b\[J")
    child.sendintr()
    lines = screen(child)
    assert child.exitstatus == 130
    # The shell keeps the last table, and no error.
    assert [line.split()[0].removeprefix("^C") for line in lines[-2:]] == ["ID", "a1"]


def test_a_watch_shows_no_more_lines_than_the_terminal_has(listed, scripted):
    scripted.respond = lambda _: json_response([record(f"id{n}", f"n-{n}", 1) for n in range(50)])
    child = listed.at_a_terminal("ps", "--watch", "--interval", "0.1")
    child.expect_exact("... and 29 more")
    assert "id21 " not in child.before
    child.sendintr()
    assert len(screen(child)[-51:]) == 51


@pytest.mark.parametrize(("columns", "lines"), [(200, 1), (40, 2)])
def test_a_watch_shows_an_outage_below_a_list_that_fills_the_terminal(
    listed, scripted, columns, lines
):
    responses = [json_response([record(f"id{n}", f"n-{n}", 1) for n in range(50)])]
    scripted.respond = lambda _: responses.pop(0) if responses else Response(503, "busy")
    child = listed.at_a_terminal("ps", "--watch", "--interval", "0.1", columns=columns)
    child.expect_exact("... and 29 more")
    child.expect_exact(f"... and {29 + lines} more")
    child.expect_exact("\x1b[J")
    rows = child.before.split("\x1b[K\r\n")[1:-1]
    assert len(rows) == lines
    problem = " ".join(rows)
    assert re.fullmatch(r"[\d:]{8} error: GET /skaha/v1/session answered 503: busy", problem)
    child.sendintr()
    screen(child)


def test_a_watch_ends_if_the_credentials_are_refused(listed, scripted):
    responses = [json_response(RECORDS), Response(401, "expired")]
    scripted.respond = lambda _: responses.pop(0) if len(responses) > 1 else responses[0]
    child = listed.at_a_terminal("ps", "--watch", "--interval", "0.1")
    assert "skaha ps: error: GET /skaha/v1/session answered 401" in screen(child)[-1]
    assert child.exitstatus == 4


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("rm * --yes", "a1\tone\n"),
        ("prune --all --yes --status any --kind any", "a1\tone\n"),
        ("logs * --save {}", "a1\tone\t{}/one-a1.log\n"),
        ("renew *", "a1\tone\n"),
    ],
)
def test_ctrl_c_does_not_hide_the_part_that_is_done(
    listed, scripted, entry, tmp_path, words, shown
):
    """The response about the second session does not come."""
    asked, interrupted = threading.Event(), threading.Event()

    def respond(received):
        if received.path.endswith("/session"):
            return json_response([record("a1", "one", 1), record("b2", "two", 1)])
        if received.path.endswith("/b2"):
            asked.set()
            interrupted.wait(60)
        if received.method == "GET" and not received.query:
            return json_response(record("a1", "one", 1))
        return Response(200, "a log")

    scripted.respond = respond
    command = [entry, "--concurrency", "1", *words.format(tmp_path).split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=listed.env, text=True, **pipes) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        interrupted.set()
    assert (out, process.returncode) == (shown.format(tmp_path), 130)
    assert err.endswith("error: interrupted\n")


# Use of cores and memory.

IN_USE = [
    record("a1", "low-1", 1, cpuCoresInUse="0.250", ramInUse="8.59", requestedCPUCores="2"),
    record("b2", "high-1", 1, cpuCoresInUse="1.998", ramInUse="0.54", requestedCPUCores="2"),
    record("c3", "done-1", 1, status="Completed"),
]


def test_top_shows_the_use_of_running_sessions(listed, scripted):
    scripted.respond = lambda _: json_response(IN_USE)
    first, second = listed.json("top")
    assert (first["id"], first["cores_in_use"], first["ram_gib_in_use"]) == ("b2", 1.998, 0.5)
    assert second["cores"] == 2
    assert listed("top", "--sort", "ram", "-o", "name") == "a1\nb2\n"
    assert listed("top", "low", "-o", "name") == "a1\n"
    assert listed("top", "nothing", code=5) == ""
    child = listed.at_a_terminal("top", "--interval", "0.1")
    child.expect("CORES IN USE")
    child.expect("b2 .*a1 ")
    child.sendintr()
    screen(child)


def test_top_shows_the_use_of_a_session_of_the_embedded_platform(clean):
    work = "memory = bytearray(b'x') * 150_000_000\nwhile True: pass"
    session_id = clean.begin("busy", "python3", "-c", work)
    child = clean.at_a_terminal("top", "--interval", "0.2")
    child.expect("CORES IN USE")
    # 150 MB are 0.14 GiB, and Python needs some, too.
    child.expect(rf"{session_id} .*busy-1 +headless +\d+s +\d\.\d+ +2 +0\.1[4-9] +4 ")
    child.sendintr()
    screen(child)
    [item] = clean.json("top", "busy")
    assert 0 < item["cores_in_use"] < 1.5
    assert 0.14 <= item["ram_gib_in_use"] < 0.2
    assert "does not report" not in clean.err
    clean("delete", session_id)


@pytest.mark.parametrize("value", ["<none>", None])
def test_top_says_if_the_platform_does_not_report_the_use(listed, scripted, value):
    fields = {"cpuCoresInUse": value, "ramInUse": value} if value else {}
    scripted.respond = lambda _: json_response([record("a1", "one", 1, **fields)])
    [item] = listed.json("top")
    assert item["cores_in_use"] is item["ram_gib_in_use"] is None
    assert "this platform does not report the cores and the memory" in listed.err


# One session in full.

EVENTS = """\
TYPE      REASON             MESSAGE                       FIRST-TIME             LAST-TIME
Warning   FailedScheduling   0/5 nodes: Insufficient cpu   2026-11-27T08:00:00Z   <nil>
Normal    Queued             still waiting                 2026-11-27T08:00:01Z   <nil>
"""


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (Response(200, EVENTS), "FailedScheduling: 0/5 nodes: Insufficient cpu"),
        (Response(404, "session c3 not found.\n"), "it waits in a queue or has not started yet"),
        (Response(200, "<none>\n"), "the platform does not say why"),
    ],
)
def test_describe_says_why_a_session_is_pending(listed, scripted, events, reason):
    def respond(request):
        view = request.query.get("view", [""])[0]
        if request.path.endswith("/session"):
            return json_response(RECORDS)
        return {"events": events, "logs": Response(200)}.get(view) or json_response(RECORDS[2])

    scripted.respond = respond
    [item] = listed.json("describe", "new")
    assert item["pending_reason"] == reason
    assert (item["name"], item["record"]["type"], item["log"]) == ("new", "notebook", "")
    text = listed("describe", "new")
    assert f"pending reason: {reason}\n" in text
    assert listed.err == ""


def test_describe_shows_the_fields_the_events_and_the_end_of_the_log(clean):
    session_id = clean.launch("told", "seq", "12")
    text = clean("describe", "told", "--tail", "2")
    assert re.search(rf"id: +{session_id}\nname: +told-1\n", text)
    assert re.search(r"\nevents:\n  TYPE +REASON +LAST +MESSAGE\n  Normal +Scheduled ", text)
    assert text.endswith("\nend of the log:\n  11\n  12\n")
    [item] = clean.json("describe", "told-1")
    assert (item["pending_reason"], item["log"].count("\n")) == (None, 10)
    assert item["events"][0]["type"] == "Normal"
    [known, missing] = clean.json("describe", session_id, "no-one", code=3)
    assert (known["id"], missing["id"]) == (session_id, "no-one")


# Lines of logs.


def test_each_line_of_a_log_may_have_the_name_of_its_session(clean):
    ids = [clean.launch("line", "printf", "%s", "a\n\nb") for _ in range(2)]
    clean.launch("other", "echo", "c")
    expected = [f"[line-1 {session_id}] {text}" for session_id in ids for text in ("a", "", "b")]
    lines = clean("logs", "line", "other", "--prefix").splitlines()
    assert sorted(lines) == sorted([*expected, "[other-1] c"])
    assert clean.err == ""
    followed = clean("logs", "other", "--prefix", "--timestamps", "--follow")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \[other-1\] c\n", followed)
    ndjson = clean("logs", "other", "--timestamps", "--follow", "-o", "ndjson")
    assert '"line": "c", "read": "20' in ndjson
    clean("logs", "other", "--timestamps", code=2)
    assert "the platform sends no times with logs: --timestamps needs --follow" in clean.err
