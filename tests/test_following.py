"""Following logs live: every line once, although the platform only ever gives whole logs."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from scripted import Answer
from staged import IMAGE, Stage, listing

from skaha import Retry, errors

QUICK = {"poll": 0.001, "longest_poll": 0.002}
QUICK_RETRY = Retry(first_pause=0.001, longest_pause=0.01)
SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]


def collected(variant, lines, each=lambda *_: None):
    """All that a session of either variant tells of lines; `each` is told of every one at once."""
    found = []

    def take(told):
        found.append(told)
        each(*told)

    if variant.name == "sync":
        for told in lines:
            take(told)
        return found

    async def collect():
        async for told in lines:
            take(told)

    variant.run(collect())
    return found


def followed(variant, scripted, readings, ids=None, **options):
    """Follow sessions that say this at each reading, and have ended when they say the last."""
    rounds = max(map(len, readings.values()))
    listings = [
        listing(
            {one: "Running" if n + 1 < len(said) else "Completed" for one, said in readings.items()}
        )
        for n in range(rounds)
    ]
    scripted.answer = stage = Stage(*listings, logs=readings)
    session = variant.open(server=scripted.url, token="t", **{"retry": False} | options)
    return collected(
        variant, session.follow(list(readings) if ids is None else ids, **QUICK)
    ), stage


def lines_of(log):
    lines = log.decode(errors="replace").split("\n")
    return lines if lines[-1] else lines[:-1]


# Characters of one to four bytes, line ends of all sorts, and bytes that are no text.
PIECES = st.sampled_from(
    [b"a", b"\n", b"\n\n", b"\r\n", b"\r", b"\x0c", "é".encode(), "\u2028".encode(), "😀".encode()]
) | st.binary(max_size=3)
LOGS = st.lists(PIECES, max_size=30).map(b"".join)


@st.composite
def readings_of_a_log(draw):
    """A log, and what is read of it: cut at any byte, nothing at times, all of it at the end."""
    log = draw(LOGS)
    cuts = draw(st.lists(st.integers(0, len(log)), max_size=5))
    readings = [log[:cut] for cut in sorted(cuts)]
    for place in draw(st.lists(st.integers(0, len(readings)), max_size=2)):
        readings.insert(place, b"")
    return log, [*readings, log]


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(st.lists(readings_of_a_log(), min_size=1, max_size=3))
def test_every_line_comes_once_and_in_order_wherever_the_log_was_cut(variant, scripted, logs):
    readings = {f"a{number}": said for number, (_, said) in enumerate(logs)}
    found, _ = followed(variant, scripted, readings)
    for number, (log, _) in enumerate(logs):
        assert [line for one, line in found if one == f"a{number}"] == lines_of(log)


@st.composite
def restarts(draw):
    """Logs of one container after the other, each read to its end, and told apart by what it says.

    A log that begins like all that was read of the one before looks like more of the same.
    """
    pieces = st.sampled_from([b"tick\n", b"tick tock\n", b"\n", b"begin\n", "é\n".encode()])
    repeated = st.tuples(pieces, st.integers(1, 40)).map(lambda one: one[0] * one[1])
    logs = [b"".join(draw(st.lists(repeated, min_size=1, max_size=3)))]
    for _ in range(draw(st.integers(1, 2))):
        log = b"".join(draw(st.lists(repeated, min_size=1, max_size=3)))
        if not log.startswith(logs[-1]):
            logs.append(log)
    readings = []
    for before, log in zip([b"", *logs], logs, strict=False):
        if before and draw(st.booleans()):
            readings.append(b"")
        cut = draw(st.integers(0, len(log)))
        if cut and not log[:cut].startswith(before or b"\x00"):
            readings.append(log[:cut])
        readings.append(log)
    return logs, readings


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(restarts())
def test_a_container_that_starts_again_begins_a_new_log(variant, scripted, restarted):
    logs, readings = restarted
    found, _ = followed(variant, scripted, {"a1": readings})
    assert [line for _, line in found] == [line for log in logs for line in lines_of(log)]


def test_a_new_log_may_be_as_monotonous_as_the_old_one(variant, scripted):
    readings = [b"tick\n" * 40, b"tick\n" * 30, b"tick\n" * 41]
    found, _ = followed(variant, scripted, {"a1": readings})
    assert found == [("a1", "tick")] * (40 + 41)


def test_a_new_log_may_end_as_the_old_one_did(variant, scripted):
    """And be longer than it by then."""
    readings = [b"first\n" + b"tick\n" * 40, b"again\n" + b"tick\n" * 41]
    found, _ = followed(variant, scripted, {"a1": readings})
    lines = ["first", *["tick"] * 40, "again", *["tick"] * 41]
    assert [line for _, line in found] == lines


@pytest.mark.parametrize("last", [b"", b"begin\n"])
def test_a_line_without_its_end_is_one_when_its_log_is_gone(variant, scripted, last):
    """With the session, or for that of the next container."""
    found, _ = followed(
        variant, scripted, {"a1": [b"one\n", b"one\nlast wor", b"one\nlast words", last]}
    )
    assert [line for _, line in found] == ["one", "last words", *lines_of(last)]


@pytest.mark.parametrize("tail", [1, 2, 3, 9])
def test_of_what_was_printed_before_only_the_tail_is_told(variant, scripted, tail):
    """And all that comes later, also of a session that had printed nothing yet."""
    readings = {"a1": [b"1\n2\n3", b"1\n2\n3\n4\n"], "b2": [b"", b"5\n6\n"]}
    scripted.answer = stage = Stage(
        listing(dict.fromkeys(readings, "Running")),
        listing(dict.fromkeys(readings, "Completed")),
        logs=readings,
    )
    session = variant.open(server=scripted.url, token="t", retry=False)
    lines = session.follow(list(readings), tail=tail, **QUICK)
    expected = [("a1", line) for line in [*["1", "2"][-tail:], "3", "4"]]
    assert collected(variant, lines) == [*expected, ("b2", "5"), ("b2", "6")]
    assert sorted(stage.log_reads) == ["a1", "a1", "b2", "b2"]


def test_whoever_has_ended_is_read_once_more_and_never_again(variant, scripted):
    readings = {"a1": [b"x\n", b"x\ny"], "b2": [b"1\n", b"1\n2\n", b"1\n2\n3\n", b"1\n2\n3\n4"]}
    found, stage = followed(variant, scripted, readings)
    assert sorted(found) == [
        *[("a1", "x"), ("a1", "y")],
        *[("b2", "1"), ("b2", "2"), ("b2", "3"), ("b2", "4")],
    ]
    assert (stage.log_reads.count("a1"), stage.log_reads.count("b2")) == (2, 4)
    # One list a round for all of them.
    assert len(stage.listing_times) == 4


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_vanishes_has_ended(variant, scripted, caplog):
    listings = [listing({"a1": "Pending"}), listing({"a1": "Running"}), []]
    scripted.answer = Stage(*listings, logs={"a1": [b"one\n", b"one\ntwo\n"]})
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert collected(variant, session.follow("a1", **QUICK)) == [("a1", "one"), ("a1", "two")]
    assert caplog.messages == ["follow: session a1 does not exist any more"]


def test_a_session_that_is_missing_from_a_list_is_followed_to_its_end(variant, scripted):
    listings = [
        listing({"a1": "Running"}),
        [],
        listing({"a1": "Running"}),
        listing({"a1": "Completed"}),
    ]
    logs = {"a1": [b"1\n", b"1\n2\n", b"1\n2\n3\n", b"1\n2\n3\n4\n"]}
    scripted.answer = Stage(*listings, logs=logs)
    session = variant.open(server=scripted.url, token="t", retry=False)
    found = collected(variant, session.follow("a1", **QUICK))
    assert [line for _, line in found] == ["1", "2", "3", "4"]


def test_a_session_may_appear_late(variant, scripted):
    listings = [[], [], listing({"a1": "Running"}), listing({"a1": "Failed"})]
    scripted.answer = Stage(*listings, logs={"a1": [b"one\n", b"one\ntwo"]})
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert collected(variant, session.follow("a1", **QUICK)) == [("a1", "one"), ("a1", "two")]


def test_the_log_of_a_session_that_has_not_started_is_not_read(variant, scripted):
    pending = listing({"a1": "Pending", "b2": "Running", "c3": "Dreaming"})
    ended = listing({"a1": "Failed", "b2": "Completed", "c3": "Completed"})
    scripted.answer = stage = Stage([], pending, pending, ended)
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert collected(variant, session.follow(["a1", "b2", "c3"], **QUICK)) == []
    assert sorted(stage.log_reads) == ["a1", "b2", "b2", "b2", "c3", "c3", "c3"]


def test_nothing_is_asked_for_the_sake_of_no_session(variant, scripted, scripted_session):
    assert collected(variant, scripted_session.follow([])) == []
    assert scripted.received == []


@pytest.mark.parametrize(
    "wrong", [{"ids": "a 1"}, {"tail": 0}, {"poll": 0}, {"poll": None}, {"longest_poll": -1}]
)
def test_what_is_wrong_is_refused_before_anything_is_asked(
    variant, scripted, scripted_session, wrong
):
    with pytest.raises(errors.InvalidInputError):
        collected(variant, scripted_session.follow(**{"ids": "a1"} | wrong))
    assert scripted.received == []


# What fails on the way.


@pytest.mark.parametrize("failing", [1, 2])
def test_a_reading_that_fails_costs_no_line(variant, scripted, failing):
    """Neither the last line of a session that has ended, nor a line of another session."""
    readings = {"a1": [b"1\n", b"1\n2\n", b"1\n2\n3\n"], "b2": [b"x\n", b"x\n", b"x\ny\n"]}
    # One in the middle is not made up for, but the last one is.
    readings["a1"][failing:2] = [Answer(500, "oops")]
    listings = [listing({"a1": "Running", "b2": "Running"})] * 2 + [
        listing({"a1": "Completed", "b2": "Completed"})
    ]
    scripted.answer = Stage(*listings, logs=readings)
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    found = collected(variant, session.follow(["a1", "b2"], **QUICK))
    assert [line for one, line in found if one == "a1"] == ["1", "2", "3"]
    assert [line for one, line in found if one == "b2"] == ["x", "y"]


def test_a_reading_is_tried_again(variant, scripted):
    said = [b"1\n", Answer(503, "busy", headers={"Retry-After": "0"}), None, b"1\n2\n3"]
    listings = [listing({"a1": status}) for status in ("Running", "Running", "Completed")]
    scripted.answer = Stage(*listings, logs={"a1": said})
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    found = collected(variant, session.follow("a1", **QUICK))
    assert [line for _, line in found] == ["1", "2", "3"]


def test_an_outage_costs_no_line(variant, scripted, caplog):
    """The list and the logs fail, more often than one request is repeated."""
    busy = Answer(503, "busy")
    listings = [listing({"a1": "Running"}), listing({"a1": "Running"}), *[busy, None] * 6]
    listings += [listing({"a1": "Running"}), listing({"a1": "Completed"})]
    said = [b"1\n", busy, b"1\n2\n", b"1\n2\n3\n"]
    scripted.answer = Stage(*listings, logs={"a1": said})
    session = variant.open(server=scripted.url, token="t", retry=QUICK_RETRY)
    found = collected(variant, session.follow("a1", **QUICK))
    assert [line for _, line in found] == ["1", "2", "3"]
    begin, end = caplog.messages
    assert begin.startswith("follow: the platform does not respond since ")
    assert end.startswith("follow: the platform responds again, after ")


def test_a_log_that_can_never_be_read_is_told_at_the_deadline(variant, scripted):
    retry = Retry(attempts=3, deadline=0.2, first_pause=0.001, longest_pause=0.01)
    scripted.answer = stage = Stage(
        listing({"a1": "Completed"}), logs={"a1": [Answer(500, "oops")]}
    )
    session = variant.open(server=scripted.url, token="t", retry=retry)
    with pytest.raises(errors.ServerError, match="logs of a1: "):
        collected(variant, session.follow("a1", **QUICK))
    assert len(stage.log_reads) > retry.attempts


def test_a_log_that_is_too_large_ends_no_other(variant, scripted, caplog, monkeypatch):
    monkeypatch.setattr(f"skaha._transport._{variant.name}.pool._MAX_RESPONSE_BYTES", 2**20)
    readings = {"a1": [b"1\n", b"1\n2\n"], "b2": [b"x" * (2**20 + 1)]}
    found, _ = followed(variant, scripted, readings)
    assert found == [("a1", "1"), ("a1", "2")]
    [message] = caplog.messages
    assert message.startswith("follow ends for session b2: logs of b2: ")
    with pytest.raises(errors.AnswerError, match="more than 1 MiB"):
        followed(variant, scripted, {"b2": readings["b2"]})


def test_a_page_of_another_server_is_no_log(variant, scripted):
    page = Answer(200, "<html>Log in, please</html>", "text/html")
    with pytest.raises(errors.AnswerError, match="HTML page"):
        followed(variant, scripted, {"a1": [b"1\n", page]})


def test_a_program_may_print_a_page(variant, scripted):
    page = "<!DOCTYPE html>\n<html></html>\n"
    headers = {"x-vo-authenticated": "vrubin"}
    said = [Answer(200, text, headers=headers) for text in (page, page + '{"a": 1}')]
    found, _ = followed(variant, scripted, {"a1": said})
    assert [line for _, line in found] == ["<!DOCTYPE html>", "<html></html>", '{"a": 1}']


# Live.


def test_a_name_in_the_place_of_an_id_is_refused_at_once(variant, scripted):
    with pytest.raises(errors.InvalidInputError, match="'name-of-a1' is the name"):
        followed(variant, scripted, {"a1": [b"", b""]}, ["name-of-a1"])


def test_lines_come_while_the_session_runs(variant, session, tmp_path):
    """The session says the second line only after somebody has read the first."""
    script, go_on = tmp_path / "script", tmp_path / "go-on"
    script.write_text(
        f"echo one\nwhile [ ! -e {go_on} ]; do sleep 0.01; done\necho two\nprintf three\n"
    )
    # Both at once, on any machine.
    ids = variant.run(session.create("live", IMAGE, 1, 1, cmd="sh", args=str(script), replicas=2))
    heard = {}

    def listen(one, line):
        heard.setdefault(one, []).append(line)
        if len(heard) == len(ids):
            go_on.touch()

    lines = session.follow(ids, poll=0.01, longest_poll=0.05)
    try:
        assert len(collected(variant, lines, listen)) == 6
    finally:
        go_on.touch()
        variant.run(session.destroy(ids))
    assert heard == {one: ["one", "two", "three"] for one in ids}


def test_whoever_has_heard_enough_leaves(variant, session, tmp_path):
    (tmp_path / "script").write_text("echo y\nexec sleep 60\n")
    [session_id] = variant.run(
        session.create("endless", IMAGE, cmd="sh", args=str(tmp_path / "script"))
    )
    lines = session.follow(session_id, poll=0.01, longest_poll=0.05)

    async def first():
        told = await anext(lines)
        await lines.aclose()
        return told

    try:
        told = next(lines) if variant.name == "sync" else variant.run(first())
        assert told == (session_id, "y")
    finally:
        if variant.name == "sync":
            lines.close()
        assert variant.run(session.destroy(session_id)) == {session_id: True}
