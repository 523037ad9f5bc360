"""Notebooks: results are tables, progress is a widget, and both variants work in a cell."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import hypothesis.strategies as st
import notebooks
import pytest
import samples
from hypothesis import given
from scripted import Response, json_response
from staged import IMAGE, Stage

from skaha import errors
from skaha.results import Outcome, ResultDict, ResultList

MARKUP = "<script>alert(1)</script><img src=x onerror=\"alert('2')\">&amp;"
TAGS = {"table", "thead", "tbody", "tr", "th", "td", "pre", "div", "p", "b", "code", "caption"}


class Page(HTMLParser):
    """The cells of all tables of an HTML page; the page may contain only the tags of `TAGS`."""

    def __init__(self, text):
        super().__init__()
        self.rows = []
        self.open_tags = []
        self.feed(text)
        self.close()
        assert self.open_tags == []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.open_tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open_tags):
            self.rows[-1][-1] += data


def rows_of(result):
    return Page(result._repr_html_()).rows


def test_a_list_of_sessions_has_a_row_for_each_session(variant, scripted, scripted_session):
    scripted.respond = lambda _: json_response(samples.SESSIONS_B)
    records = variant.run(scripted_session.fetch())
    head, *rows = rows_of(records)
    assert head[:6] == ["id", "name", "type", "status", "image", "startTime"]
    assert "runAsUID" not in head
    assert {"mood", "ramInUse"} < set(head)
    assert [row[0] for row in rows] == [record["id"] for record in samples.SESSIONS_B]
    # A missing value is an empty cell.
    assert {len(row) for row in rows} == {len(head)}
    assert rows[1][head.index("startTime")] == ""
    assert repr(records) == repr(samples.SESSIONS_B)
    assert str(records) == str(samples.SESSIONS_B)


def test_a_launch_has_a_row_for_each_replica_and_each_failure(variant, scripted, scripted_session):
    scripted.respond = stage = Stage([])
    stage.overrides = {}
    launched = variant.run(scripted_session.create("fit", IMAGE, replicas=2))
    launched.failures["fit-3"] = errors.SkahaError(MARKUP)
    assert rows_of(launched) == [
        ["replica", "id"],
        ["fit-1", "id-of-fit-1"],
        ["fit-2", "id-of-fit-2"],
        ["failed", "error"],
        ["fit-3", MARKUP],
    ]
    assert repr(launched) == "['id-of-fit-1', 'id-of-fit-2']"


@pytest.mark.parametrize("profile", samples.STATISTICS)
def test_statistics_have_a_row_for_each_path(variant, scripted, scripted_session, profile):
    scripted.respond = lambda _: json_response(samples.STATISTICS[profile])
    statistics = variant.run(scripted_session.stats())
    rows = dict(rows_of(statistics))
    assert (
        rows["cores.maxCPUCores.withRam"]
        == (samples.STATISTICS[profile]["cores"]["maxCPUCores"]["withRam"])
    )
    assert repr(statistics) == repr(samples.STATISTICS[profile])


@pytest.mark.parametrize("profile", samples.CONTEXTS)
def test_resources_have_a_row_for_each_path(variant, scripted, profile):
    scripted.respond = lambda _: json_response(samples.CONTEXTS[profile])
    context = variant.open("Context", server=scripted.url, token="t")
    resources = variant.run(context.resources())
    assert dict(rows_of(resources))["cores.options"] == "[1, 2, 4]"
    assert repr(resources) == repr(samples.CONTEXTS[profile])


def test_an_empty_list_of_sessions_has_no_rows(variant, session):
    assert rows_of(variant.run(session.fetch(kind="firefly"))) in ([], [[]])


def test_values_of_the_platform_are_shown_as_text_and_not_as_markup(
    variant, scripted, scripted_session
):
    record = {"id": MARKUP, MARKUP: MARKUP, "name": [MARKUP], "status": {MARKUP: MARKUP}}
    scripted.respond = lambda _: json_response([record])
    records = variant.run(scripted_session.fetch())
    assert "<script" not in records._repr_html_()
    head, row = rows_of(records)
    assert MARKUP in head
    assert row[0] == MARKUP


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab<>&\"'\n/", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab<&", max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.text("ab<>&\"'", max_size=5)


@given(st.lists(VALUES, max_size=4), st.dictionaries(KEYS, KEYS, max_size=2))
def test_a_list_of_any_values_is_shown(values, failures):
    outcome = Outcome(failures={key: errors.SkahaError(reason) for key, reason in failures.items()})
    result = ResultList(values, outcome)
    cells = [cell for row in rows_of(result) for cell in row]
    assert all(key in cells and reason in cells for key, reason in failures.items())
    assert repr(result) == repr(values)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_dictionary_of_any_values_is_shown(values):
    result = ResultDict(values, Outcome())
    rows = rows_of(result)
    leaves = [key for key, value in values.items() if not isinstance(value, dict)]
    assert set(leaves) <= {row[0] for row in rows}
    assert repr(result) == repr(values)


def test_a_log_keeps_its_lines():
    log = f"  one\n\n{MARKUP}\n"
    result = ResultDict({"a1": log, "b2": "one line"}, Outcome())
    assert rows_of(result)[1:] == [["a1", log], ["b2", "one line"]]
    assert result._repr_html_().count("white-space: pre-wrap") == 1


EVENTS = """TYPE     REASON   MESSAGE        FIRST-TIME             LAST-TIME
Normal   Pulled   It is here     2026-11-27T07:42:31Z   <nil>
Warning  Failed   No more disk   <nil>                  <nil>
"""


def test_events_have_a_row_for_each_event():
    head = ["id", "type", "reason", "message", "first_time", "last_time"]
    result = ResultList([{"a1": EVENTS}, {"b2": "no table\n"}, {"c3": ""}], Outcome())
    assert rows_of(result) == [
        head,
        ["a1", "Normal", "Pulled", "It is here", "2026-11-27 07:42:31 UTC", ""],
        ["a1", "Warning", "Failed", "No more disk", "", ""],
        ["b2", "", "", "no table\n", "", ""],
    ]


def test_results_show_the_names_of_the_sessions(variant, session):
    ids = variant.run(session.create("shown", IMAGE, cmd="echo", args="hello", replicas=2))
    first, second = ids
    assert rows_of(variant.run(session.wait(ids))) == [
        ["id", "name", "status"],
        [first, "shown-1", "Completed"],
        [second, "shown-2", "Completed"],
    ]
    assert rows_of(variant.run(session.logs(ids)))[:2] == [
        ["id", "name", "log"],
        [first, "shown-1", "hello\n"],
    ]
    assert rows_of(variant.run(session.logs(list(ids))))[0] == ["id", "log"]
    for events in (session.events(ids), session.parsed_events(ids)):
        head, *rows = rows_of(variant.run(events))
        assert head[:4] == ["id", "name", "type", "reason"]
        assert [first, "shown-1", "Normal", "Scheduled"] in [row[:4] for row in rows]
    # A later call knows the names from the result of an earlier call.
    statuses = variant.run(session.wait(list(ids)))
    assert rows_of(variant.run(session.logs(statuses)))[2] == [second, "shown-2", "hello\n"]
    renewed = variant.run(session.renew(ids))
    assert rows_of(renewed)[1] == [first, "shown-1", "False"]
    head, row = rows_of(renewed)[3:5]
    assert (head, row[:2]) == (["failed", "name", "error"], [first, "shown-1"])
    deleted = variant.run(session.destroy(ids, verify=True))
    assert rows_of(deleted)[1] == [first, "shown-1", "True"]


def test_calls_that_list_the_sessions_show_their_names(variant, session, tmp_path):
    def launched():
        ids = variant.run(session.create("listed", IMAGE, cmd="echo", args="hello", replicas=2))
        variant.run(session.wait(ids))
        return list(ids)

    for delete in (
        lambda: session.destroy_with("listed"),
        lambda: session.destroy_with("listed-*", pattern=True, verify=True),
        session.destroy_all,
    ):
        ids = launched()
        rows = rows_of(variant.run(delete()))
        assert rows[0] == ["id", "name", "done"]
        assert sorted(rows[1:]) == sorted(
            [session_id, f"listed-{number}", "True"] for number, session_id in enumerate(ids, 1)
        )
    ids = launched()
    saved = variant.run(session.save_logs([ids[0], "unknown1"], tmp_path))
    assert rows_of(saved)[:2] == [
        ["id", "name", "file"],
        [ids[0], "listed-1", str(tmp_path / f"listed-1-{ids[0]}.log")],
    ]
    assert rows_of(saved)[3][:2] == ["unknown1", ""]


def test_the_partial_result_of_a_deletion_shows_the_names(variant, scripted, scripted_session):
    records = [{"id": name, "name": f"cut-{name}", "type": "headless"} for name in ("a1", "b2")]
    scripted.respond = lambda request: (
        json_response(records)
        if request.method == "GET"
        else Response(401 if request.path.endswith("b2") else 200, "")
    )
    with pytest.raises(errors.AuthenticationError) as caught:
        variant.run(scripted_session.destroy_with("cut", status=None))
    rows = rows_of(caught.value.partial)
    assert rows[:3] == [
        ["id", "name", "done"],
        ["a1", "cut-a1", "True"],
        ["failed", "name", "error"],
    ]
    assert rows[3][:2] == ["b2", "cut-b2"]


def test_connecting_knows_the_names_of_sessions_that_the_platform_does_not_list(
    variant, scripted, scripted_session
):
    scripted.respond = lambda _: json_response([])
    ids = ResultList(["a1"], Outcome(names={"a1": "shown-1"}))
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(scripted_session.connect(ids, timeout=0.2, browser=False))
    rows = rows_of(caught.value.partial)
    assert rows[0] == ["id", "name", "status"]
    assert rows[1][:2] == rows[3][:2] == ["a1", "shown-1"]


def test_short_values_stay_on_one_line_and_long_logs_have_a_scroll_box():
    short, long = "2026-11-27T07:42:31Z", "a line\n" * 30
    page = ResultDict({"a1": short, "b2": long}, Outcome(), ("id", "log"))._repr_html_()
    assert f'<td style="white-space: nowrap">{short}</td>' in page
    assert page.count("overflow: auto") == 1


@pytest.mark.parametrize(("count", "length"), [(1, 20_000), (1, 10**7), (1000, 5000), (1000, 99)])
def test_long_logs_are_shortened(count, length):
    log = "a" + "x" * (length - 2) + "z"
    result = ResultDict({f"a{number}": log for number in range(count)}, Outcome())
    assert len(result._repr_html_()) < 400_000
    for _, text in rows_of(result)[1:]:
        start, _, rest = text.partition("\n... ")
        left_out, _, end = rest.partition(" characters ...\n")
        assert text[0] + text[-1] == "az"
        assert len(start) + int(left_out.replace(",", "") or 0) + len(end) == length


def test_a_list_of_sessions_is_a_data_frame(variant, scripted, scripted_session):
    pandas = pytest.importorskip("pandas")
    scripted.respond = lambda _: json_response(samples.SESSIONS_B)
    frame = pandas.DataFrame(variant.run(scripted_session.fetch()))
    assert list(frame["id"]) == [record["id"] for record in samples.SESSIONS_B]
    assert list(frame.columns[:2]) == ["id", "userid"]
    assert frame["status"].value_counts()["Running"] == 1


def test_a_data_frame_needs_pandas(variant, scripted, scripted_session, monkeypatch):
    scripted.respond = lambda _: json_response([])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        variant.run(scripted_session.fetch()).to_pandas()


def test_a_data_frame_has_times_and_numbers(variant, scripted, scripted_session):
    record = {"id": "a1", "name": "fit-1", "status": "Running", "requestedRAM": "8G"}
    record |= {"startTime": "2026-11-27T07:42:31Z", "expiryTime": "<none>"}
    record |= {"requestedCPUCores": "2.5", "ramInUse": "<none>", "cpuCoresInUse": None}
    scripted.respond = lambda _: json_response([record, {"id": "b2"}])
    frame = variant.run(scripted_session.fetch()).to_pandas()
    assert str(frame["startTime"].dtype).startswith("datetime64[")
    assert frame["startTime"][0].isoformat() == "2026-11-27T07:42:31+00:00"
    assert frame["expiryTime"].isna().all()
    assert frame["requestedRAM"][0] == 8 * 2**30
    assert frame["requestedCPUCores"][0] == 2.5
    assert frame["ramInUse"].isna().all()
    assert list(frame["id"]) == ["a1", "b2"]
    assert frame["status"].isna().tolist() == [False, True]


def test_every_result_is_a_data_frame():
    statuses = ResultDict({"a1": "Failed"}, Outcome(names={"a1": "fit-1"}), ("id", "status"))
    frame = statuses.to_pandas()
    assert frame.to_dict("records") == [{"id": "a1", "name": "fit-1", "status": "Failed"}]
    events = ResultList([{"a1": EVENTS}], Outcome()).to_pandas()
    assert events["first_time"][0].year == 2026
    assert len(events) == 2
    assert len(ResultList([], Outcome()).to_pandas()) == 0


# An executed notebook.

CELLS = {
    "begin": """
        from skaha import AsyncSession, Session
        from skaha.helpers.progress import bar

        session = Session(server=URL, token=TOKEN)
        async_session = AsyncSession(server=URL, token=TOKEN)
    """,
    "create": """
        ids = session.create("cell", IMAGE, 1, 1, cmd="true", replicas=2)
        ids
    """,
    "await": "await async_session.info(ids)",
    "run": 'session.run("lines", IMAGE, cores=1, ram=1, cmd="seq", args="3")',
    "bar": "renewed = session.renew(ids, progress=bar('renewing'))",
    "bar of a wait": "statuses = await async_session.wait(ids, progress=bar('waiting'))",
    "bar that fails": """
        def fail(done, total):
            raise ValueError

        with bar("failing") as progress:
            progress(1, 2)
            session.info(ids, progress=fail)
    """,
    "interrupted": """
        [long_id] = session.create("long", IMAGE, 1, 1, cmd="sleep", args="60")
        try:
            session.wait(long_id, progress=print)
        except KeyboardInterrupt as interrupt:
            print(interrupt.partial == {long_id: "Running"})
    """,
    "cancelled": """
        import asyncio

        try:
            await async_session.wait(long_id, progress=print)
        except asyncio.CancelledError as cancellation:
            print(cancellation.partial == {long_id: "Running"})
    """,
    "destroy": "session.destroy([*ids, long_id])",
    "refused": """
        unreachable = Session(server="http://127.0.0.1:9/skaha", token="t", retry=False)
        unreachable.logs(["a1", "b2"])
    """,
}


@pytest.fixture(scope="module")
def notebook(shared_platform, tmp_path_factory):
    """Execute a notebook; return the outputs of each cell and the state of its widgets."""
    variables = {"URL": shared_platform.url, "TOKEN": shared_platform.token, "IMAGE": IMAGE}
    folder = tmp_path_factory.mktemp("jupyter")
    outputs, executed = notebooks.executed(CELLS, variables, folder, timeout=60, allow_errors=True)
    widgets = executed.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]
    return SimpleNamespace(outputs=outputs, widgets=widgets["state"])


def table(outputs):
    [output] = outputs
    return Page(output.data["text/html"]).rows


def printed(outputs):
    return "".join(output.text for output in outputs)


def test_a_cell_may_call_the_sync_variant(notebook):
    assert [row[0] for row in table(notebook.outputs["create"])] == ["replica", "cell-1", "cell-2"]


def test_a_cell_may_await_the_async_variant(notebook):
    head, *rows = table(notebook.outputs["await"])
    assert [row[head.index("name")] for row in rows] == ["cell-1", "cell-2"]


def test_a_cell_shows_logs(notebook):
    assert table(notebook.outputs["run"])[1:] == [["lines-1", "1\n2\n3\n"]]


@pytest.mark.parametrize("cell", ["interrupted", "cancelled"])
def test_an_interrupted_wait_keeps_the_last_statuses(notebook, cell):
    assert printed(notebook.outputs[cell]).endswith("}\nTrue\n")


@pytest.mark.parametrize(
    ("cell", "style", "texts"),
    [
        ("bar", "success", ["renewing: 100%", "2/2"]),
        ("bar of a wait", "success", ["waiting: 100%", "2/2", "2 Completed"]),
        ("bar that fails", "danger", ["failing:  50%", "1/2"]),
    ],
)
def test_a_progress_bar_is_a_widget(notebook, cell, style, texts):
    [box] = [
        output.data["application/vnd.jupyter.widget-view+json"]["model_id"]
        for output in notebook.outputs[cell]
        if output.output_type == "display_data"
    ]
    children = [
        notebook.widgets[name.removeprefix("IPY_MODEL_")]["state"]
        for name in notebook.widgets[box]["state"]["children"]
    ]
    left, bar, right = children
    text = f"{left['value']} {right['value']}".replace("\u2007", " ")
    assert all(expected in text for expected in texts)
    assert bar["bar_style"] == style


def test_the_last_cell_deletes_all_sessions(notebook):
    assert {row[1] for row in table(notebook.outputs["destroy"])[1:]} == {"True"}


def test_a_refused_connection_has_a_short_traceback(notebook):
    [output] = notebook.outputs["refused"]
    lines = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback)).splitlines()
    assert len(lines) <= 20
    assert next(line for line in lines if "Traceback" in line).startswith("ConnectError")
    assert "----> 2 unreachable.logs" in "\n".join(lines)
    assert lines[-2].startswith("ConnectionFailedError: logs of a1: no answer to GET")
    assert lines[-1] == "2 failed in all: .partial.failures has the error of each"


CALLS = ["fetch()", 'logs(["a1", "b2"])', 'create("fit", IMAGE, cmd="true", replicas=2)']
PROGRAMS = {
    "Session": "session.{call}",
    "AsyncSession": """
import asyncio

async def main():
    await session.{call}

asyncio.run(main())
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("call", CALLS)
def test_a_refused_connection_has_a_short_traceback_in_a_terminal(name, call, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        f"""
from skaha import {name}
IMAGE = {IMAGE!r}
session = {name}(server="http://127.0.0.1:9/skaha", token="t", retry=False)
{PROGRAMS[name].format(call=call)}
"""
    )
    command = [sys.executable, str(program)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = finished.stderr.splitlines()
    # Python 3.13 needs more lines for the same frames of asyncio, which are nine or more.
    assert len(lines) <= 20 + (sys.version_info >= (3, 13))
    assert lines[0].startswith("httpx.ConnectError: ")
    assert any(line.startswith("skaha.errors.ConnectionFailedError: ") for line in lines[-2:])
    assert any(f".{call}" in line for line in lines)
