"""The parts of all replicas together: nothing is lost and nothing is done twice."""

from __future__ import annotations

from itertools import chain, count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaha.errors import InvalidInputError
from skaha.helpers import distributed
from skaha.helpers.distributed import chunk, stripe

works = st.lists(st.integers())
totals = st.integers(1, 20)
both = pytest.mark.parametrize("part", [chunk, stripe])


def parts_of(part, work, total):
    return [list(part(work, replica, total)) for replica in range(1, total + 1)]


@given(works, totals)
def test_chunks_follow_each_other_without_gap_or_overlap(work, total):
    assert list(chain(*parts_of(chunk, work, total))) == work


@given(works, totals)
def test_stripes_take_turns(work, total):
    parts = parts_of(stripe, work, total)
    assert [parts[index % total][index // total] for index in range(len(work))] == work
    assert sum(map(len, parts)) == len(work)


@both
@given(work=works, total=totals)
def test_no_replica_has_more_than_one_item_more_than_another(part, work, total):
    sizes = [len(items) for items in parts_of(part, work, total)]
    assert max(sizes) - min(sizes) <= 1


@both
@given(work=works, total=totals)
def test_any_iterable_will_do(part, work, total):
    assert parts_of(part, work, total) == [
        list(part(iter(work), replica, total)) for replica in range(1, total + 1)
    ]


def test_stripe_reads_no_further_than_asked_so_the_work_may_be_endless():
    work = count()
    mine = stripe(work, 2, 3)
    assert list(islice(mine, 3)) == [1, 4, 7]
    assert next(work) == 8


@both
def test_alone_a_replica_does_everything(part, monkeypatch):
    monkeypatch.delenv("REPLICA_ID", raising=False)
    monkeypatch.delenv("REPLICA_COUNT", raising=False)
    assert list(part("abc")) == ["a", "b", "c"]


@both
def test_the_environment_is_read_at_each_call(part, monkeypatch):
    monkeypatch.setenv("REPLICA_COUNT", "2")
    monkeypatch.setenv("REPLICA_ID", "1")
    first = list(part("ab"))
    monkeypatch.setenv("REPLICA_ID", "2")
    assert first + list(part("ab")) == ["a", "b"]


@both
def test_what_is_said_wins_over_the_environment(part, monkeypatch):
    monkeypatch.setenv("REPLICA_COUNT", "nonsense")
    monkeypatch.setenv("REPLICA_ID", "nonsense")
    assert list(part("ab", 2, 2)) == ["b"]


@both
@pytest.mark.parametrize(("replica", "total"), [(0, 2), (3, 2), (-1, 2), (1, 0), (1, -1), (0, 0)])
def test_a_place_that_there_is_not_is_refused_at_the_call(part, replica, total):
    with pytest.raises(ValueError, match=r"must be") as caught:
        part("ab", replica, total)
    assert isinstance(caught.value, InvalidInputError)


@both
@pytest.mark.parametrize("name", ["REPLICA_ID", "REPLICA_COUNT"])
@pytest.mark.parametrize("value", ["", "one", "1.5"])
def test_an_environment_that_makes_no_sense_is_refused_by_name(part, name, value, monkeypatch):
    monkeypatch.setenv("REPLICA_ID", "1")
    monkeypatch.setenv("REPLICA_COUNT", "1")
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=name):
        part("ab")


def test_exports():
    assert distributed.__all__ == ["chunk", "stripe"]
