"""Validation of functions of the user, such as `progress`."""

from __future__ import annotations

import inspect

from skaha.errors import InvalidInputError


def check_function(what: str, function: object) -> None:
    """Raise unless a value is `None` or a function. Nothing would wait for an async function."""
    if inspect.iscoroutinefunction(function):
        raise InvalidInputError(f"{what} must be a function without async; not {function!r}")
    if function is not None and not callable(function):
        raise InvalidInputError(f"{what} must be a function or None; not {function!r}")
