"""Functions that read records, also records with unexpected values."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import hypothesis.strategies as st
import pytest
import samples
from hypothesis import example, given
from scripted import Answer
from staged import Stage

from skaha import records
from skaha.errors import InvalidInputError

HELPERS = [
    records.is_finished,
    records.succeeded,
    records.start_time,
    records.expiry_time,
    records.time_left,
    records.ram_bytes,
    records.cores,
]
MEMBERS = ["status", "startTime", "expiryTime", "requestedRAM", "requestedCPUCores"]
TEXTS = (
    st.text()
    | st.from_regex(r"[0-9.]{1,5}( ?[KMGTP]i?B?)?", fullmatch=True)
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?", fullmatch=True)
    | st.sampled_from(["", "<none>", "<nil>", "<unknown>", "not-applicable", "nan", "1e999"])
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(MEMBERS), ANYTHING))
@example({"requestedRAM": "9" * 305})
@example({"requestedRAM": "9" * 300 + "P"})
@example({"requestedCPUCores": 10**400})
@example({"requestedRAM": 10**400})
@example({"requestedCPUCores": "9" * 5000, "requestedRAM": "9" * 5000})
@example({"expiryTime": "9999-12-31T24:00Z"})
@example({"expiryTime": "0001-01-01T00:00+23:59", "startTime": "2026-13-45T99:99Z"})
def test_no_record_makes_any_of_them_raise(record):
    for helper in HELPERS:
        helper(record)


def test_the_time_to_count_from_needs_a_time_zone():
    record = {"expiryTime": "2027-07-02T15:00:00Z"}
    with pytest.raises(InvalidInputError, match="now must have a time zone"):
        records.time_left(record, datetime(2026, 7, 2))  # noqa: DTZ001


@given(ANYTHING)
def test_what_is_known_is_itself_or_nothing(value):
    found = records.known(value)
    assert found is value or (found is None and isinstance(value, str))


@given(st.integers(1, 1000), st.sampled_from([("", 10**9), ("G", 2**30), ("Gi", 2**30)]))
def test_memory_is_bytes(amount, unit):
    letters, size = unit
    assert records.ram_bytes({"requestedRAM": f"{amount}{letters}"}) == amount * size


@pytest.mark.parametrize(
    ("text", "size"),
    [("8.59", 8590000000), ("0.5G", 2**29), ("512M", 2**29), ("1.2.3", None), (".", None)],
)
def test_memory_may_be_a_fraction_or_none(text, size):
    assert records.ram_bytes({"requestedRAM": text}) == size


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_means_unknown_or_has_no_utc_time_is_unknown(text):
    """Kubernetes sends the first one, the zero time of Go, for a time that is not set."""
    record = {"startTime": text, "expiryTime": text}
    assert records.start_time(record) is None
    assert records.expiry_time(record) is None
    assert records.time_left(record) is None


@given(st.datetimes(min_value=datetime(2, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_is_read_with_and_without_its_seconds(moment):
    whole = moment.replace(microsecond=0)
    minute = whole.replace(second=0)
    for text, expected in (
        (f"{whole:%Y-%m-%dT%H:%M:%SZ}".zfill(20), whole),
        (f"{minute:%Y-%m-%dT%H:%MZ}".zfill(17), minute),
        (whole.isoformat(), whole),
    ):
        assert records.start_time({"startTime": text}) == expected


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_what_platforms_tell_is_understood(profile):
    first = samples.SESSIONS[profile][0]
    assert records.is_finished(first)
    assert records.succeeded(first)
    assert records.cores(first) == 2
    assert records.ram_bytes(first) in (4 * 2**30, 8590000000)
    lifetime = records.expiry_time(first) - records.start_time(first)
    assert lifetime == timedelta(days=14)
    assert records.time_left(first, records.start_time(first)) == lifetime


# Events.

TYPES = st.sampled_from(["Normal", "Warning"])
REASONS = st.from_regex("[A-Z][A-Za-z]{1,12}", fullmatch=True)
WORDS = st.lists(
    st.text("ab0<>:é./\"'", min_size=1, max_size=6).filter(lambda word: not word.startswith("TYPE"))
    | st.sampled_from(["<none>", "<nil>", "2026-07-02T16:01:33Z"]),
    min_size=1,
    max_size=5,
)
BREAKS = st.sampled_from([" ", " ", " ", "\n", "\n\n", "\r\n", "\n  "])
TIMES = st.sampled_from(["<nil>", "<none>", "<unknown>"]) | st.datetimes(
    min_value=datetime(1970, 1, 2)  # noqa: DTZ001
).map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}")
SENTINEL = "end."


def timely(word):
    return word in ("<none>", "<nil>") or word.startswith("2026-")


@st.composite
def events(draw):
    """An event, and how the table says it; a break in the message is one in the table."""
    words = [*draw(WORDS), SENTINEL]
    # Two times before a break are the end of an event.
    words = [
        word for before, word in pairwise(["", *words]) if not (timely(before) and timely(word))
    ]
    message = "".join(word + draw(BREAKS) for word in words[:-1]) + words[-1]
    return draw(TYPES), draw(REASONS), message, draw(TIMES), draw(TIMES)


def moment(text):
    return None if text.startswith("<") else datetime.fromisoformat(text)


def rendered(rows, blanks=""):
    columns = [("TYPE", "REASON", "MESSAGE", "FIRST-TIME", "LAST-TIME"), *rows]
    widths = [max(map(len, column)) + 3 for column in zip(*columns, strict=True)]
    lines = [
        blanks + "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in columns
    ]
    return "\n".join(lines) + "\n"


@given(st.lists(events(), max_size=4), st.sampled_from(["", "  ", "\n", " \n"]))
def test_every_event_of_a_table_is_read(rows, blanks):
    """Whatever breaks its message, and whatever blanks are around it."""
    found = records.parse_events(rendered(rows, blanks))
    assert [
        (one.type, one.reason, one.message.split(), one.first_time, one.last_time) for one in found
    ] == [
        (kind, reason, message.split(), moment(first), moment(last))
        for kind, reason, message, first, last in rows
    ]


def test_a_message_of_many_lines_is_read():
    """So many that reading them again for each line would take hours."""
    message = "\n".join(["line"] * 200_000)
    [event] = records.parse_events(f"Warning Failed {message} <nil> <nil>")
    assert event.message == message


@given(st.text())
@example("<none>\n")
@example("TYPE   REASON   MESSAGE   FIRST-TIME   LAST-TIME\n")
@example(" " * 3000)
def test_no_table_makes_it_raise(table):
    records.parse_events(table)


@pytest.mark.parametrize("table", ["", "\n", "<none>", "<none>\n", "  <none>  \n"])
def test_nothing_is_no_event(table):
    assert records.parse_events(table) == []


def test_events_come_by_session(variant, scripted, scripted_session):
    table = rendered([("Normal", "Scheduled", "Assigned to node 7", "<nil>", "<nil>")])
    stage = Stage([])

    def answer(request):
        last = request.path.rpartition("/")[2]
        tables = {"a1": table, "b2": "<none>\n"}
        assert request.query["view"] == ["events"]
        return Answer(200, tables[last]) if last in tables else stage(request)

    scripted.answer = answer
    found = variant.run(scripted_session.parsed_events(["b2", "c3", "a1"]))
    event = records.Event("Normal", "Scheduled", "Assigned to node 7", None, None)
    assert found == {"b2": [], "a1": [event]}
    assert list(found) == ["b2", "a1"]
    assert list(found.failures) == ["c3"]
