"""Distribution of work to replicas: no item is lost, and no item is processed twice."""

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
both_functions = pytest.mark.parametrize("function", [chunk, stripe])


def parts_of(function, work, total):
    return [list(function(work, replica, total)) for replica in range(1, total + 1)]


@given(works, totals)
def test_chunks_follow_each_other_without_gap_or_overlap(work, total):
    assert list(chain(*parts_of(chunk, work, total))) == work


@given(works, totals)
def test_stripe_gives_the_items_to_the_replicas_in_turn(work, total):
    parts = parts_of(stripe, work, total)
    assert [parts[index % total][index // total] for index in range(len(work))] == work
    assert sum(map(len, parts)) == len(work)


@both_functions
@given(work=works, total=totals)
def test_the_numbers_of_items_differ_by_one_at_most(function, work, total):
    sizes = [len(items) for items in parts_of(function, work, total)]
    assert max(sizes) - min(sizes) <= 1


@both_functions
@given(work=works, total=totals)
def test_any_iterable_can_be_distributed(function, work, total):
    assert parts_of(function, work, total) == [
        list(function(iter(work), replica, total)) for replica in range(1, total + 1)
    ]


def test_stripe_reads_only_the_needed_items_of_endless_work():
    work = count()
    items = stripe(work, 2, 3)
    assert list(islice(items, 3)) == [1, 4, 7]
    assert next(work) == 8


@both_functions
def test_without_the_variables_one_replica_gets_all_items(function, monkeypatch):
    monkeypatch.delenv("REPLICA_ID", raising=False)
    monkeypatch.delenv("REPLICA_COUNT", raising=False)
    assert list(function("abc")) == ["a", "b", "c"]


@both_functions
def test_the_environment_is_read_at_each_call(function, monkeypatch):
    monkeypatch.setenv("REPLICA_COUNT", "2")
    monkeypatch.setenv("REPLICA_ID", "1")
    first = list(function("ab"))
    monkeypatch.setenv("REPLICA_ID", "2")
    assert first + list(function("ab")) == ["a", "b"]


@both_functions
def test_arguments_have_priority_over_the_environment(function, monkeypatch):
    monkeypatch.setenv("REPLICA_COUNT", "nonsense")
    monkeypatch.setenv("REPLICA_ID", "nonsense")
    assert list(function("ab", 2, 2)) == ["b"]


@both_functions
@pytest.mark.parametrize(("replica", "total"), [(0, 2), (3, 2), (-1, 2), (1, 0), (1, -1), (0, 0)])
def test_a_replica_outside_of_the_range_is_refused_at_the_call(function, replica, total):
    with pytest.raises(ValueError, match=r"must be") as caught:
        function("ab", replica, total)
    assert isinstance(caught.value, InvalidInputError)


@both_functions
@pytest.mark.parametrize("name", ["REPLICA_ID", "REPLICA_COUNT"])
@pytest.mark.parametrize("value", ["", "one", "1.5"])
def test_the_error_of_an_invalid_variable_names_the_variable(function, name, value, monkeypatch):
    monkeypatch.setenv("REPLICA_ID", "1")
    monkeypatch.setenv("REPLICA_COUNT", "1")
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=name):
        function("ab")


def test_exports():
    assert distributed.__all__ == ["chunk", "stripe"]
