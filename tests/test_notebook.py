"""In a notebook, results are tables, progress is a widget, and both variants work in a cell."""

import asyncio
import inspect
from html.parser import HTMLParser
from types import SimpleNamespace

import hypothesis.strategies as st
import nbformat
import pytest
import samples
from hypothesis import given
from nbclient import NotebookClient
from scripted import json_answer
from staged import IMAGE, Stage

from skaha import errors
from skaha.results import Outcome, ResultDict, ResultList

HOSTILE = "<script>alert(1)</script><img src=x onerror=\"alert('2')\">&amp;"
TAGS = {"table", "thead", "tbody", "tr", "th", "td", "pre", "div", "p", "b", "code", "caption"}


class Page(HTMLParser):
    """The cells of the tables in a page that holds nothing but tables."""

    def __init__(self, text):
        super().__init__()
        self.rows = []
        self.open = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def shown(result):
    return Page(result._repr_html_()).rows


def test_a_list_of_sessions_is_a_row_each(variant, scripted, scripted_session):
    scripted.answer = lambda _: json_answer(samples.SESSIONS_B)
    found = variant.run(scripted_session.fetch())
    head, *rows = shown(found)
    assert head[:6] == ["id", "name", "type", "status", "image", "startTime"]
    assert "runAsUID" not in head
    assert {"mood", "ramInUse"} < set(head)
    assert [row[0] for row in rows] == [one["id"] for one in samples.SESSIONS_B]
    # What is not there is an empty cell.
    assert {len(row) for row in rows} == {len(head)}
    assert rows[1][head.index("startTime")] == ""
    assert repr(found) == repr(samples.SESSIONS_B)
    assert str(found) == str(samples.SESSIONS_B)


def test_a_launch_is_its_replicas_and_what_failed(variant, scripted, scripted_session):
    scripted.answer = stage = Stage([])
    stage.overrides = {}
    launched = variant.run(scripted_session.create("fit", IMAGE, replicas=2))
    launched.failures["fit-3"] = errors.SkahaError(HOSTILE)
    assert shown(launched) == [
        ["replica", "id"],
        ["fit-1", "id-of-fit-1"],
        ["fit-2", "id-of-fit-2"],
        ["failed", "why"],
        ["fit-3", HOSTILE],
    ]
    assert repr(launched) == "['id-of-fit-1', 'id-of-fit-2']"


@pytest.mark.parametrize("profile", samples.STATISTICS)
def test_statistics_are_named_by_their_path(variant, scripted, scripted_session, profile):
    scripted.answer = lambda _: json_answer(samples.STATISTICS[profile])
    found = variant.run(scripted_session.stats())
    rows = dict(shown(found))
    assert (
        rows["cores.maxCPUCores.withRam"]
        == (samples.STATISTICS[profile]["cores"]["maxCPUCores"]["withRam"])
    )
    assert repr(found) == repr(samples.STATISTICS[profile])


@pytest.mark.parametrize("profile", samples.CONTEXTS)
def test_resources_are_named_by_their_path(variant, scripted, profile):
    scripted.answer = lambda _: json_answer(samples.CONTEXTS[profile])
    context = variant.open("Context", server=scripted.url, token="t")
    found = variant.run(context.resources())
    assert dict(shown(found))["cores.options"] == "[1, 2, 4]"
    assert repr(found) == repr(samples.CONTEXTS[profile])


def test_no_session_shows_a_table_without_rows(variant, session):
    assert shown(variant.run(session.fetch(kind="firefly"))) in ([], [[]])


def test_what_a_platform_says_is_text_and_never_markup(variant, scripted, scripted_session):
    odd = {"id": HOSTILE, HOSTILE: HOSTILE, "name": [HOSTILE], "status": {HOSTILE: HOSTILE}}
    scripted.answer = lambda _: json_answer([odd])
    found = variant.run(scripted_session.fetch())
    assert "<script" not in found._repr_html_()
    head, row = shown(found)
    assert HOSTILE in head
    assert row[0] == HOSTILE


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab<>&\"'\n/", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab<&", max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.text("ab<>&\"'", max_size=5)


@given(st.lists(ANYTHING, max_size=4), st.dictionaries(KEYS, KEYS, max_size=2))
def test_any_list_is_shown(values, failures):
    outcome = Outcome(failures={key: errors.SkahaError(why) for key, why in failures.items()})
    result = ResultList(values, outcome)
    text = [cell for row in shown(result) for cell in row]
    assert all(key in text and why in text for key, why in failures.items())
    assert repr(result) == repr(values)


@given(st.dictionaries(KEYS, ANYTHING, max_size=4))
def test_any_dictionary_is_shown(values):
    result = ResultDict(values, Outcome())
    rows = shown(result)
    leaves = [key for key, value in values.items() if not isinstance(value, dict)]
    assert set(leaves) <= {row[0] for row in rows}
    assert repr(result) == repr(values)


def test_a_log_keeps_its_lines():
    log = f"  one\n\n{HOSTILE}\n"
    result = ResultDict({"a1": log, "b2": "one line"}, Outcome())
    assert shown(result)[1:] == [["a1", log], ["b2", "one line"]]
    assert result._repr_html_().count("white-space: pre-wrap") == 1


def test_events_are_a_row_for_each_session():
    result = ResultList([{"a1": "TYPE REASON\nNormal Pulled\n"}, {"b2": "TYPE\n"}], Outcome())
    assert shown(result)[1:] == [["a1", "TYPE REASON\nNormal Pulled\n"], ["b2", "TYPE\n"]]


@pytest.mark.parametrize(("count", "length"), [(1, 20_000), (1, 10**7), (1000, 5000), (1000, 99)])
def test_a_notebook_is_not_flooded_by_logs(count, length):
    log = "a" + "x" * (length - 2) + "z"
    result = ResultDict({f"a{number}": log for number in range(count)}, Outcome())
    assert len(result._repr_html_()) < 400_000
    for _, text in shown(result)[1:]:
        begin, _, rest = text.partition("\n... ")
        left_out, _, end = rest.partition(" characters ...\n")
        assert text[0] + text[-1] == "az"
        assert len(begin) + int(left_out.replace(",", "") or 0) + len(end) == length


def test_a_list_of_sessions_is_a_data_frame(variant, scripted, scripted_session):
    pandas = pytest.importorskip("pandas")
    scripted.answer = lambda _: json_answer(samples.SESSIONS_B)
    frame = pandas.DataFrame(variant.run(scripted_session.fetch()))
    assert list(frame["id"]) == [one["id"] for one in samples.SESSIONS_B]
    assert list(frame.columns[:2]) == ["id", "userid"]
    assert frame["status"].value_counts()["Running"] == 1


# A notebook that is executed.

CELLS = {
    "begin": """
        from skaha import AsyncSession, Session
        from skaha.helpers.progress import bar

        session = Session(server=URL, token=TOKEN)
        asynchronous = AsyncSession(server=URL, token=TOKEN)
    """,
    "create": """
        ids = session.create("cell", IMAGE, 1, 1, cmd="true", replicas=2)
        ids
    """,
    "await": "await asynchronous.info(ids)",
    "run": 'session.run("lines", IMAGE, cores=1, ram=1, cmd="seq", args="3")',
    "bar": "done = session.renew(ids, progress=bar('renewing'))",
    "bar of a wait": "ended = await asynchronous.wait(ids, progress=bar('waiting'))",
    "bar that breaks": """
        def refuse(done, total):
            raise ValueError

        with bar("breaking") as progress:
            progress(1, 2)
            session.info(ids, progress=refuse)
    """,
    "interrupted": """
        [one] = session.create("long", IMAGE, 1, 1, cmd="sleep", args="60")
        try:
            session.wait(one, progress=print)
        except KeyboardInterrupt as stop:
            print(stop.partial == {one: "Running"})
    """,
    "cancelled": """
        import asyncio

        try:
            await asynchronous.wait(one, progress=print)
        except asyncio.CancelledError as stop:
            print(stop.partial == {one: "Running"})
    """,
    "end": "session.destroy([*ids, one])",
}


class Reader(NotebookClient):
    """Whoever sits before the notebook, and interrupts what waits as soon as it says so."""

    def output(self, outs, msg, display_id, cell_index):
        if "'Running'" in msg["content"].get("text", ""):
            self.interrupting = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().output(outs, msg, display_id, cell_index)


@pytest.fixture(scope="module")
def notebook(shared_platform, tmp_path_factory):
    """A notebook that was executed: what each of its cells shows, and the state of its widgets."""
    places = {"URL": shared_platform.url, "TOKEN": shared_platform.token, "IMAGE": IMAGE}
    named = "\n".join(f"{name} = {value!r}" for name, value in places.items())
    cells = {"places": named} | {name: inspect.cleandoc(code) for name, code in CELLS.items()}
    one = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code) for code in cells.values()]
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp("jupyter")))
        Reader(one, timeout=60, kernel_name="python3", allow_errors=True).execute()
    return SimpleNamespace(
        outputs={name: cell.outputs for name, cell in zip(cells, one.cells, strict=True)},
        widgets=one.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"],
    )


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
def test_a_wait_that_is_interrupted_keeps_what_it_knew(notebook, cell):
    assert printed(notebook.outputs[cell]).endswith("}\nTrue\n")


@pytest.mark.parametrize(
    ("cell", "style", "texts"),
    [
        ("bar", "success", ["renewing: 100%", "2/2"]),
        ("bar of a wait", "success", ["waiting: 100%", "2/2", "2 Completed"]),
        ("bar that breaks", "danger", ["breaking:  50%", "1/2"]),
    ],
)
def test_a_bar_is_a_widget(notebook, cell, style, texts):
    [box] = [
        output.data["application/vnd.jupyter.widget-view+json"]["model_id"]
        for output in notebook.outputs[cell]
        if output.output_type == "display_data"
    ]
    children = [
        notebook.widgets[name.removeprefix("IPY_MODEL_")]["state"]
        for name in notebook.widgets[box]["state"]["children"]
    ]
    left, drawn, right = children
    shown = f"{left['value']} {right['value']}".replace("\u2007", " ")
    assert all(text in shown for text in texts)
    assert drawn["bar_style"] == style


def test_nothing_is_left_of_an_executed_notebook(notebook):
    assert {row[1] for row in table(notebook.outputs["end"])[1:]} == {"True"}
