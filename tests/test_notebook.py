"""Results in a notebook are tables; anywhere else they are the plain containers."""

from html.parser import HTMLParser

import hypothesis.strategies as st
import pytest
import samples
from hypothesis import given
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


def test_a_list_of_sessions_is_a_row_each(colour, scripted, scripted_session):
    scripted.answer = lambda _: json_answer(samples.SESSIONS_B)
    found = colour.run(scripted_session.fetch())
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


def test_a_launch_is_its_replicas_and_what_failed(colour, scripted, scripted_session):
    scripted.answer = stage = Stage([])
    stage.refused = {}
    launched = colour.run(scripted_session.create("fit", IMAGE, replicas=2))
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
def test_statistics_are_named_by_their_path(colour, scripted, scripted_session, profile):
    scripted.answer = lambda _: json_answer(samples.STATISTICS[profile])
    found = colour.run(scripted_session.stats())
    rows = dict(shown(found))
    assert (
        rows["cores.maxCPUCores.withRam"]
        == (samples.STATISTICS[profile]["cores"]["maxCPUCores"]["withRam"])
    )
    assert repr(found) == repr(samples.STATISTICS[profile])


@pytest.mark.parametrize("profile", samples.CONTEXTS)
def test_resources_are_named_by_their_path(colour, scripted, profile):
    scripted.answer = lambda _: json_answer(samples.CONTEXTS[profile])
    context = colour.open("Context", server=scripted.url, token="t")
    found = colour.run(context.resources())
    assert dict(shown(found))["cores.options"] == "[1, 2, 4]"
    assert repr(found) == repr(samples.CONTEXTS[profile])


def test_no_session_shows_a_table_without_rows(colour, session):
    assert shown(colour.run(session.fetch(kind="firefly"))) in ([], [[]])


def test_what_a_platform_says_is_text_and_never_markup(colour, scripted, scripted_session):
    odd = {"id": HOSTILE, HOSTILE: HOSTILE, "name": [HOSTILE], "status": {HOSTILE: HOSTILE}}
    scripted.answer = lambda _: json_answer([odd])
    found = colour.run(scripted_session.fetch())
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


def test_a_list_of_sessions_is_a_data_frame(colour, scripted, scripted_session):
    pandas = pytest.importorskip("pandas")
    scripted.answer = lambda _: json_answer(samples.SESSIONS_B)
    frame = pandas.DataFrame(colour.run(scripted_session.fetch()))
    assert list(frame["id"]) == [one["id"] for one in samples.SESSIONS_B]
    assert list(frame.columns[:2]) == ["id", "userid"]
    assert frame["status"].value_counts()["Running"] == 1
