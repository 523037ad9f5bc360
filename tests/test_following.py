"""Following logs live: every line comes once, although the platform always sends the whole log."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from scripted import Response
from staged import IMAGE, Stage, listing

from skaha import Retry, errors

QUICK = {"poll": 0.001, "longest_poll": 0.002}
QUICK_RETRY = Retry(first_pause=0.001, longest_pause=0.01)
SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]


def follow(variant, scripted, readings, ids=None, **options):
    """Follow sessions; return the pairs of an id and a line, and the stage.

    `readings` has, for each session id, the response to each request of its log. With the last
    response, the session has ended.
    """
    rounds = max(map(len, readings.values()))
    listings = [
        listing(
            {
                session_id: "Running" if number + 1 < len(logs) else "Completed"
                for session_id, logs in readings.items()
            }
        )
        for number in range(rounds)
    ]
    scripted.respond = stage = Stage(*listings, logs=readings)
    session = variant.open(server=scripted.url, token="t", **{"retry": False} | options)
    return variant.collect(session.follow(list(readings) if ids is None else ids, **QUICK)), stage


def lines_of(log):
    lines = log.decode(errors="replace").split("\n")
    return lines if lines[-1] else lines[:-1]


# Characters of one to four bytes, line ends of all kinds, and bytes that are not text.
PIECES = st.sampled_from(
    [b"a", b"\n", b"\n\n", b"\r\n", b"\r", b"\x0c", "é".encode(), "\u2028".encode(), "😀".encode()]
) | st.binary(max_size=3)
LOGS = st.lists(PIECES, max_size=30).map(b"".join)


@st.composite
def readings_of_a_log(draw):
    """Draw a log and its readings: parts cut at any byte, empty readings, and the whole log."""
    log = draw(LOGS)
    cuts = draw(st.lists(st.integers(0, len(log)), max_size=5))
    readings = [log[:cut] for cut in sorted(cuts)]
    for position in draw(st.lists(st.integers(0, len(readings)), max_size=2)):
        readings.insert(position, b"")
    return log, [*readings, log]


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(st.lists(readings_of_a_log(), min_size=1, max_size=3))
def test_every_line_comes_once_and_in_order_for_any_cut_of_the_log(variant, scripted, logs):
    readings = {f"a{number}": readings_of_log for number, (_, readings_of_log) in enumerate(logs)}
    pairs, _ = follow(variant, scripted, readings)
    for number, (log, _) in enumerate(logs):
        lines = [line for session_id, line in pairs if session_id == f"a{number}"]
        assert lines == lines_of(log)


@st.composite
def restarts(draw):
    """Draw the logs of a container that starts again, and their readings.

    Each log is read to its end. No log starts with the whole log before it, because the library
    could not see that such a log is a new one.
    """
    pieces = st.sampled_from([b"tick\n", b"tick tock\n", b"\n", b"begin\n", "é\n".encode()])
    repeated = st.tuples(pieces, st.integers(1, 40)).map(lambda pair: pair[0] * pair[1])
    logs = [b"".join(draw(st.lists(repeated, min_size=1, max_size=3)))]
    for _ in range(draw(st.integers(1, 2))):
        log = b"".join(draw(st.lists(repeated, min_size=1, max_size=3)))
        if not log.startswith(logs[-1]):
            logs.append(log)
    readings = []
    for previous, log in zip([b"", *logs], logs, strict=False):
        if previous and draw(st.booleans()):
            readings.append(b"")
        cut = draw(st.integers(0, len(log)))
        if cut and not log[:cut].startswith(previous or b"\x00"):
            readings.append(log[:cut])
        readings.append(log)
    return logs, readings


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(restarts())
def test_all_lines_of_a_container_that_starts_again_are_followed(variant, scripted, restarted):
    logs, readings = restarted
    pairs, _ = follow(variant, scripted, {"a1": readings})
    assert [line for _, line in pairs] == [line for log in logs for line in lines_of(log)]


def test_a_new_log_may_have_the_same_lines_as_the_old_one(variant, scripted):
    readings = [b"tick\n" * 40, b"tick\n" * 30, b"tick\n" * 41]
    pairs, _ = follow(variant, scripted, {"a1": readings})
    assert pairs == [("a1", "tick")] * (40 + 41)


def test_a_new_log_may_be_longer_than_the_old_one_and_end_with_the_same_lines(variant, scripted):
    readings = [b"first\n" + b"tick\n" * 40, b"again\n" + b"tick\n" * 41]
    pairs, _ = follow(variant, scripted, {"a1": readings})
    lines = ["first", *["tick"] * 40, "again", *["tick"] * 41]
    assert [line for _, line in pairs] == lines


@pytest.mark.parametrize("last", [b"", b"begin\n"])
def test_a_last_line_without_a_line_end_comes_when_its_log_is_gone(variant, scripted, last):
    """The log is gone because the session is gone, or because its container started again."""
    pairs, _ = follow(
        variant, scripted, {"a1": [b"one\n", b"one\nlast wor", b"one\nlast words", last]}
    )
    assert [line for _, line in pairs] == ["one", "last words", *lines_of(last)]


@pytest.mark.parametrize("tail", [1, 2, 3, 9])
def test_the_tail_limits_only_the_lines_that_were_printed_before(variant, scripted, tail):
    """All later lines come, also from a session that had not printed anything."""
    readings = {"a1": [b"1\n2\n3", b"1\n2\n3\n4\n"], "b2": [b"", b"5\n6\n"]}
    scripted.respond = stage = Stage(
        listing(dict.fromkeys(readings, "Running")),
        listing(dict.fromkeys(readings, "Completed")),
        logs=readings,
    )
    session = variant.open(server=scripted.url, token="t", retry=False)
    pairs = session.follow(list(readings), tail=tail, **QUICK)
    expected = [("a1", line) for line in [*["1", "2"][-tail:], "3", "4"]]
    assert variant.collect(pairs) == [*expected, ("b2", "5"), ("b2", "6")]
    assert sorted(stage.log_reads) == ["a1", "a1", "b2", "b2"]


def test_the_log_of_an_ended_session_is_read_once_more_and_not_again(variant, scripted):
    readings = {"a1": [b"x\n", b"x\ny"], "b2": [b"1\n", b"1\n2\n", b"1\n2\n3\n", b"1\n2\n3\n4"]}
    pairs, stage = follow(variant, scripted, readings)
    assert sorted(pairs) == [
        *[("a1", "x"), ("a1", "y")],
        *[("b2", "1"), ("b2", "2"), ("b2", "3"), ("b2", "4")],
    ]
    assert (stage.log_reads.count("a1"), stage.log_reads.count("b2")) == (2, 4)
    # The list is requested once per round for both sessions.
    assert len(stage.listing_times) == 4


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_vanishes_has_ended(variant, scripted, caplog):
    listings = [listing({"a1": "Pending"}), listing({"a1": "Running"}), []]
    scripted.respond = Stage(*listings, logs={"a1": [b"one\n", b"one\ntwo\n"]})
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.collect(session.follow("a1", **QUICK)) == [("a1", "one"), ("a1", "two")]
    assert caplog.messages == ["follow: the platform no longer has session a1"]


def test_a_session_that_is_missing_from_a_list_is_followed_to_its_end(variant, scripted):
    listings = [
        listing({"a1": "Running"}),
        [],
        listing({"a1": "Running"}),
        listing({"a1": "Completed"}),
    ]
    logs = {"a1": [b"1\n", b"1\n2\n", b"1\n2\n3\n", b"1\n2\n3\n4\n"]}
    scripted.respond = Stage(*listings, logs=logs)
    session = variant.open(server=scripted.url, token="t", retry=False)
    pairs = variant.collect(session.follow("a1", **QUICK))
    assert [line for _, line in pairs] == ["1", "2", "3", "4"]


def test_a_session_may_appear_late(variant, scripted):
    listings = [[], [], listing({"a1": "Running"}), listing({"a1": "Failed"})]
    scripted.respond = Stage(*listings, logs={"a1": [b"one\n", b"one\ntwo"]})
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.collect(session.follow("a1", **QUICK)) == [("a1", "one"), ("a1", "two")]


def test_the_log_of_a_session_that_has_not_started_is_not_read(variant, scripted):
    pending = listing({"a1": "Pending", "b2": "Running", "c3": "Dreaming"})
    ended = listing({"a1": "Failed", "b2": "Completed", "c3": "Completed"})
    scripted.respond = stage = Stage([], pending, pending, ended)
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.collect(session.follow(["a1", "b2", "c3"], **QUICK)) == []
    assert sorted(stage.log_reads) == ["a1", "b2", "b2", "b2", "c3", "c3", "c3"]


def test_without_ids_no_request_is_sent(variant, scripted, scripted_session):
    assert variant.collect(scripted_session.follow([])) == []
    assert scripted.received == []


@pytest.mark.parametrize(
    "invalid", [{"ids": "a 1"}, {"tail": 0}, {"poll": 0}, {"poll": None}, {"longest_poll": -1}]
)
def test_invalid_input_is_refused_before_a_request_is_sent(
    variant, scripted, scripted_session, invalid
):
    with pytest.raises(errors.InvalidInputError):
        variant.collect(scripted_session.follow(**{"ids": "a1"} | invalid))
    assert scripted.received == []


# Failures while a log is followed.


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_reading_loses_no_line(variant, scripted, failing):
    """No line is lost: not the last line of an ended session, and no line of another session."""
    readings = {"a1": [b"1\n", b"1\n2\n", b"1\n2\n3\n"], "b2": [b"x\n", b"x\n", b"x\ny\n"]}
    # The last reading is repeated if it fails; a reading before it is not repeated.
    readings["a1"][failing:2] = [Response(500, "oops")]
    listings = [listing({"a1": "Running", "b2": "Running"})] * 2 + [
        listing({"a1": "Completed", "b2": "Completed"})
    ]
    scripted.respond = Stage(*listings, logs=readings)
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    pairs = variant.collect(session.follow(["a1", "b2"], **QUICK))
    assert [line for session_id, line in pairs if session_id == "a1"] == ["1", "2", "3"]
    assert [line for session_id, line in pairs if session_id == "b2"] == ["x", "y"]


def test_a_failed_reading_is_repeated(variant, scripted):
    readings = [b"1\n", Response(503, "busy", headers={"Retry-After": "0"}), None, b"1\n2\n3"]
    listings = [listing({"a1": status}) for status in ("Running", "Running", "Completed")]
    scripted.respond = Stage(*listings, logs={"a1": readings})
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    pairs = variant.collect(session.follow("a1", **QUICK))
    assert [line for _, line in pairs] == ["1", "2", "3"]


def test_single_failures_of_a_log_do_not_add_up(variant, scripted):
    """The number of attempts and the deadline are for failures in a row."""
    readings = [None, b"1\n", None, b"1\n2\n", b"1\n2\n3\n"]
    retry = Retry(attempts=2, deadline=0)
    pairs, _ = follow(variant, scripted, {"a1": readings}, retry=retry)
    assert [line for _, line in pairs] == ["1", "2", "3"]


def test_the_pauses_are_short_again_after_a_new_line_or_a_missing_session(
    variant, scripted, pauses
):
    running, ended = listing({"a1": "Running"}), listing({"a1": "Completed"})
    readings = [b"1\n", b"1\n", b"1\n", b"1\n2\n"]
    scripted.respond = Stage(*[running] * 5, [], running, ended, logs={"a1": readings})
    session = variant.open(server=scripted.url, token="t", retry=False)
    variant.collect(session.follow("a1", poll=0.04, longest_poll=0.1))
    assert pauses == pytest.approx([0.04, 0.06, 0.09, 0.04, 0.06, 0.04, 0.06])


@pytest.mark.usefixtures("quick_outages")
def test_an_outage_loses_no_line(variant, scripted, caplog):
    """The list and the logs fail more often than a single request would be repeated."""
    busy = Response(503, "busy")
    listings = [listing({"a1": "Running"}), listing({"a1": "Running"}), *[busy, None] * 6]
    listings += [listing({"a1": "Running"}), listing({"a1": "Completed"})]
    readings = [b"1\n", busy, b"1\n2\n", b"1\n2\n3\n"]
    scripted.respond = Stage(*listings, logs={"a1": readings})
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    pairs = variant.collect(session.follow("a1", **QUICK))
    assert [line for _, line in pairs] == ["1", "2", "3"]
    start_message, end_message = caplog.messages
    assert start_message.startswith("follow: the platform does not respond since ")
    assert end_message.startswith("follow: the platform responds again, after ")


def test_a_log_that_can_never_be_read_raises_an_error_at_the_deadline(variant, scripted):
    retry = Retry(attempts=3, deadline=0.2, first_pause=0.001, longest_pause=0.01)
    scripted.respond = stage = Stage(
        listing({"a1": "Completed"}), logs={"a1": [Response(500, "oops")]}
    )
    session = variant.open(server=scripted.url, token="t", retry=retry)
    with pytest.raises(errors.ServerError, match="logs of a1: "):
        variant.collect(session.follow("a1", **QUICK))
    assert len(stage.log_reads) > retry.attempts


def test_a_log_that_is_too_large_does_not_end_the_other_logs(
    variant, scripted, caplog, monkeypatch
):
    monkeypatch.setattr(f"skaha._transport._{variant.name}.pool._MAX_RESPONSE_BYTES", 2**20)
    readings = {"a1": [b"1\n", b"1\n2\n"], "b2": [b"x" * (2**20 + 1)]}
    pairs, _ = follow(variant, scripted, readings)
    assert pairs == [("a1", "1"), ("a1", "2")]
    [message] = caplog.messages
    assert message.startswith("follow ends for session b2: logs of b2: ")
    caplog.clear()
    large = {f"b{number}": readings["b2"] for number in range(20)}
    follow(variant, scripted, {"a1": [b"1\n", b"1\n2\n"], **large})
    [message] = caplog.messages
    assert message.startswith("follow ends for sessions b0, b1, b2, ")
    assert " and 10 more: logs of b0: " in message
    with pytest.raises(errors.AnswerError, match="more than 1 MiB"):
        follow(variant, scripted, {"b2": readings["b2"]})


def test_an_html_page_of_another_server_is_not_a_log(variant, scripted):
    page = Response(200, "<html>Log in, please</html>", "text/html")
    with pytest.raises(errors.AnswerError, match="HTML page"):
        follow(variant, scripted, {"a1": [b"1\n", page]})


def test_a_program_may_print_an_html_page(variant, scripted):
    page = "<!DOCTYPE html>\n<html></html>\n"
    headers = {"x-vo-authenticated": "vrubin"}
    readings = [Response(200, text, headers=headers) for text in (page, page + '{"a": 1}')]
    pairs, _ = follow(variant, scripted, {"a1": readings})
    assert [line for _, line in pairs] == ["<!DOCTYPE html>", "<html></html>", '{"a": 1}']


# Live.


def test_a_name_instead_of_an_id_is_refused_at_once(variant, scripted):
    with pytest.raises(errors.InvalidInputError, match="'name-of-a1' is the name"):
        follow(variant, scripted, {"a1": [b"", b""]}, ["name-of-a1"])


def test_lines_come_while_the_session_runs(variant, session, tmp_path):
    """Each session prints its second line only after the first lines of both were received."""
    script, go_on = tmp_path / "script", tmp_path / "go-on"
    script.write_text(
        f"echo one\nwhile [ ! -e {go_on} ]; do sleep 0.01; done\necho two\nprintf three\n"
    )
    # The small request lets both replicas run at the same time on any machine.
    ids = variant.run(session.create("live", IMAGE, 1, 1, cmd="sh", args=str(script), replicas=2))
    lines_by_id = {}

    def add_line(session_id, line):
        lines_by_id.setdefault(session_id, []).append(line)
        if len(lines_by_id) == len(ids):
            go_on.touch()

    pairs = session.follow(ids, poll=0.01, longest_poll=0.05)
    try:
        assert len(variant.collect(pairs, add_line)) == 6
    finally:
        go_on.touch()
        variant.run(session.destroy(ids))
    assert lines_by_id == {session_id: ["one", "two", "three"] for session_id in ids}


def test_following_can_be_stopped_before_the_session_ends(variant, session, tmp_path):
    (tmp_path / "script").write_text("echo y\nexec sleep 60\n")
    [session_id] = variant.run(
        session.create("endless", IMAGE, cmd="sh", args=str(tmp_path / "script"))
    )
    pairs = session.follow(session_id, poll=0.01, longest_poll=0.05)

    async def first():
        pair = await anext(pairs)
        await pairs.aclose()
        return pair

    try:
        pair = next(pairs) if variant.name == "sync" else variant.run(first())
        assert pair == (session_id, "y")
    finally:
        if variant.name == "sync":
            pairs.close()
        assert variant.run(session.destroy(session_id)) == {session_id: True}


def test_the_error_of_a_stopped_reading_has_the_new_lines(variant, scripted):
    """A function of the user fails between two logs."""
    readings = {"a1": [b"1\n2\n"], "a2": [b"3\n"]}
    scripted.respond = stage = Stage(listing({"a1": "Running", "a2": "Running"}), logs=readings)

    def token():
        if stage.log_reads:
            raise LookupError("there is no vault")
        return "t"

    session = variant.open(server=scripted.url, token=token, retry=False, concurrency=1)
    with pytest.raises(LookupError) as caught:
        variant.collect(session.follow(["a1", "a2"], **QUICK))
    assert caught.value.partial == {"a1": ["1", "2"]}
