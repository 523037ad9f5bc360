"""Functions that read records and tables of events, also with unexpected values."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import hypothesis.strategies as st
import pytest
import samples
from hypothesis import example, given
from scripted import Response
from staged import Stage

from skaha import records
from skaha.errors import InvalidInputError

FUNCTIONS = [
    records.is_finished,
    records.succeeded,
    records.may_restart,
    records.start_time,
    records.expiry_time,
    records.time_left,
    records.ram_bytes,
    records.ram_bytes_in_use,
    records.cores,
    records.cores_in_use,
]
FIELDS = ["status", "type", "startTime", "expiryTime", "requestedRAM", "requestedCPUCores"]
FIELDS += ["ramInUse", "cpuCoresInUse"]
TEXTS = (
    st.text()
    | st.from_regex(r"[0-9.]{1,5}( ?[KMGTP]i?B?)?", fullmatch=True)
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?", fullmatch=True)
    | st.sampled_from(["", "<none>", "<nil>", "<unknown>", "not-applicable", "nan", "1e999"])
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
@example({"requestedRAM": "9" * 305})
@example({"requestedRAM": "9" * 300 + "P"})
@example({"requestedCPUCores": 10**400})
@example({"requestedRAM": 10**400})
@example({"requestedCPUCores": "9" * 5000, "requestedRAM": "9" * 5000})
@example({"expiryTime": "9999-12-31T24:00Z"})
@example({"expiryTime": "0001-01-01T00:00+23:59", "startTime": "2026-13-45T99:99Z"})
def test_no_record_makes_a_function_raise(record):
    for function in FUNCTIONS:
        function(record)


def test_the_time_to_count_from_needs_a_time_zone():
    record = {"expiryTime": "2027-07-02T15:00:00Z"}
    with pytest.raises(InvalidInputError, match="now must have a time zone"):
        records.time_left(record, datetime(2026, 7, 2))  # noqa: DTZ001


@given(VALUES)
def test_known_returns_the_value_or_none(value):
    result = records.known(value)
    assert result is value or (result is None and isinstance(value, str))
    assert records.canonical_status(value) in (value, "Completed")


@given(st.integers(1, 1000), st.sampled_from([("", 10**9), ("G", 2**30), ("Gi", 2**30)]))
def test_memory_with_a_unit_is_converted_to_bytes(amount, unit):
    suffix, size = unit
    assert records.ram_bytes({"requestedRAM": f"{amount}{suffix}"}) == amount * size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("8.59", 8590000000), ("0.5G", 2**29), ("8K", 2**13), ("512M", 2**29), ("2T", 2**41)),
        *(("1P", 2**50), ("1.2.3", None), (".", None)),
    ],
)
def test_each_unit_of_memory_is_converted_and_invalid_texts_are_unknown(text, size):
    assert records.ram_bytes({"requestedRAM": text}) == size


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        *(("0.998", 0.998), ("2.147", 2.147), ("2147483648n", 2.147483648), ("2500000000n", 2.5)),
        *(("2500000u", 2.5), ("250m", 0.25), ("n", None), ("nan", None), ("<none>", None)),
    ],
)
def test_cores_in_use_may_have_a_unit(text, cores):
    """The server passes on the text of Kubernetes if it cannot convert it."""
    assert records.cores_in_use({"cpuCoresInUse": text}) == cores


@pytest.mark.parametrize(
    ("status", "is_finished", "succeeded"),
    [
        ("Failed (DeadlineExceeded)", True, False),
        ("Complete (CompletionsReached)", True, True),
        ("Suspended (JobSuspended)", False, False),
        ("Complete", False, False),
        ("(odd)", False, False),
        ("<none>", False, False),
    ],
)
def test_a_status_may_have_a_reason(status, is_finished, succeeded):
    """Servers of release 1.0 add the reason of Kubernetes."""
    record = {"status": status}
    assert (records.is_finished(record), records.succeeded(record)) == (is_finished, succeeded)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_is_not_set_or_is_out_of_range_is_unknown(text):
    """For a time that is not set, Kubernetes sends the zero time of Go, 0001-01-01."""
    record = {"startTime": text, "expiryTime": text}
    assert records.start_time(record) is None
    assert records.expiry_time(record) is None
    assert records.time_left(record) is None


@given(st.datetimes(min_value=datetime(2, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_is_read_with_and_without_seconds(moment):
    with_seconds = moment.replace(microsecond=0)
    without_seconds = with_seconds.replace(second=0)
    for text, expected in (
        (f"{with_seconds:%Y-%m-%dT%H:%M:%SZ}".zfill(20), with_seconds),
        (f"{without_seconds:%Y-%m-%dT%H:%MZ}".zfill(17), without_seconds),
        (with_seconds.isoformat(), with_seconds),
    ):
        assert records.start_time({"startTime": text}) == expected


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_records_of_each_platform_version_are_read(profile):
    record = samples.SESSIONS[profile][0]
    assert records.is_finished(record)
    assert records.succeeded(record)
    assert records.cores(record) == 2
    assert records.ram_bytes(record) in (4 * 2**30, 8590000000)
    lifetime = records.expiry_time(record) - records.start_time(record)
    assert lifetime == timedelta(days=14)
    assert records.time_left(record, records.start_time(record)) == lifetime


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
LAST_WORD = "end."


def looks_like_a_time(word):
    return word in ("<none>", "<nil>") or word.startswith("2026-")


@st.composite
def events(draw):
    """Draw the fields of an event; a line break in the message is also one in the table."""
    words = [*draw(WORDS), LAST_WORD]
    # Two times before a line break are the end of an event, so a message must not have them.
    words = [
        word
        for previous, word in pairwise(["", *words])
        if not (looks_like_a_time(previous) and looks_like_a_time(word))
    ]
    message = "".join(word + draw(BREAKS) for word in words[:-1]) + words[-1]
    return draw(TYPES), draw(REASONS), message, draw(TIMES), draw(TIMES)


def time_of(text):
    return None if text.startswith("<") else datetime.fromisoformat(text)


def render_table(events, blanks=""):
    """Write events as the platform does; each line starts with `blanks`."""
    rows = [("TYPE", "REASON", "MESSAGE", "FIRST-TIME", "LAST-TIME"), *events]
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    lines = [
        blanks + "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(lines) + "\n"


@given(st.lists(events(), max_size=4), st.sampled_from(["", "  ", "\n", " \n"]))
def test_every_event_of_a_table_is_read(rows, blanks):
    """Messages may have line breaks, and lines may start with blanks."""
    parsed = records.parse_events(render_table(rows, blanks))
    assert [
        (event.type, event.reason, event.message.split(), event.first_time, event.last_time)
        for event in parsed
    ] == [
        (kind, reason, message.split(), time_of(first), time_of(last))
        for kind, reason, message, first, last in rows
    ]


def test_a_message_of_very_many_lines_is_read_quickly():
    """If all lines were read again for each line, this would take hours."""
    message = "\n".join(["line"] * 200_000)
    [event] = records.parse_events(f"Warning Failed {message} <nil> <nil>")
    assert event.message == message


@given(st.text())
@example("<none>\n")
@example("TYPE   REASON   MESSAGE   FIRST-TIME   LAST-TIME\n")
@example(" " * 3000)
def test_no_table_makes_parse_events_raise(table):
    records.parse_events(table)


@pytest.mark.parametrize("table", ["", "\n", "<none>", "<none>\n", "  <none>  \n"])
def test_an_empty_table_has_no_events(table):
    assert records.parse_events(table) == []


def test_parsed_events_are_returned_by_session_id(variant, scripted, scripted_session):
    table = render_table([("Normal", "Scheduled", "Assigned to node 7", "<nil>", "<nil>")])
    stage = Stage([])

    def respond(request):
        last = request.path.rpartition("/")[2]
        tables = {"a1": table, "b2": "<none>\n"}
        assert request.query["view"] == ["events"]
        return Response(200, tables[last]) if last in tables else stage(request)

    scripted.respond = respond
    events = variant.run(scripted_session.parsed_events(["b2", "c3", "a1"]))
    event = records.Event("Normal", "Scheduled", "Assigned to node 7", None, None)
    assert events == {"b2": [], "a1": [event]}
    assert list(events) == ["b2", "a1"]
    assert list(events.failures) == ["c3"]


def test_no_extreme_value_raises_or_takes_ages():
    """A list may be nested so deeply that it has no text."""
    deep = []
    for _ in range(50_000):
        deep = [deep]
    start = time.monotonic()
    for value in (deep, {"a": deep}, "1" * 500_000, f"1{' ' * 500_000}x", 10**4000, float("nan")):
        for read in FUNCTIONS:
            read(dict.fromkeys(FIELDS, value))
    assert time.monotonic() - start < 10
