"""The part of the work that belongs to this replica.

Every replica runs the same program on the same list, and takes its own part of it. The parts
together are the whole list: nothing is lost and nothing is done twice. The list must come in the
same order everywhere, so sort what a file system returns.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from skaha._sansio.validation import check_count
from skaha.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["chunk", "stripe"]

T = TypeVar("T")


def stripe(
    iterable: Iterable[T], replica: int | None = None, total: int | None = None
) -> Iterator[T]:
    """Return every `total`-th item, beginning with the `replica`-th: round robin.

    Args:
        iterable: The whole work; read as it is needed, so it may be endless.
        replica: Number of this replica, from 1. By default `REPLICA_ID` of the environment, or 1.
        total: Number of replicas. By default `REPLICA_COUNT` of the environment, or 1.

    Returns:
        The items of this replica, in order.

    Raises:
        skaha.errors.InvalidInputError: If `total` is less than 1 or `replica` is
            not from 1 to `total`.

    Example:
        >>> list(stripe(["a", "b", "c", "d", "e"], replica=1, total=2))
        ['a', 'c', 'e']
    """
    replica, total = _place(replica, total)
    return islice(iterable, replica - 1, None, total)


def chunk(
    iterable: Iterable[T], replica: int | None = None, total: int | None = None
) -> Iterator[T]:
    """Return one contiguous part of the items; parts differ in size by one item at most.

    Args:
        iterable: The whole work; read to its end immediately.
        replica: Number of this replica, from 1. By default `REPLICA_ID` of the environment, or 1.
        total: Number of replicas. By default `REPLICA_COUNT` of the environment, or 1.

    Returns:
        The items of this replica, in order.

    Raises:
        skaha.errors.InvalidInputError: If `total` is less than 1 or `replica` is
            not from 1 to `total`.

    Example:
        >>> list(chunk(["a", "b", "c", "d", "e"], replica=1, total=2))
        ['a', 'b', 'c']
    """
    replica, total = _place(replica, total)
    items = list(iterable)
    size, longer = divmod(len(items), total)
    start = size * (replica - 1) + min(replica - 1, longer)
    return iter(items[start : start + size + (replica <= longer)])


def _place(replica: int | None, total: int | None) -> tuple[int, int]:
    replica = _count("replica", "REPLICA_ID", replica)
    total = _count("total", "REPLICA_COUNT", total)
    if replica > total:
        raise InvalidInputError(f"replica must be from 1 to {total}, the total; not {replica}")
    return replica, total


def _count(name: str, variable: str, value: int | None) -> int:
    """Return the value of an argument, or else of an environment variable."""
    if value is None:
        return check_count(variable, os.environ.get(variable, "1"))
    return check_count(name, value)
