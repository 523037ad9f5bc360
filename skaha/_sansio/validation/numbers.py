"""Validation of numbers. Programs for older clients also pass their digits as a text."""

from __future__ import annotations

import re

from skaha.models import LARGEST_NUMBER, check_number, check_whole_number

_DIGITS = r"[0-9]{1,15}(\.[0-9]{1,15})?"


def number_of(value: object) -> object:
    """Return the number in a text of digits; return any other value as it is."""
    if not isinstance(value, str) or not re.fullmatch(_DIGITS, value):
        return value
    return float(value) if "." in value else int(value)


def check_amount(what: str, value: object, unit: str = "") -> float | None:
    """Return an amount, which is more than 0; `None` leaves it to the platform."""
    if value is None:
        return None
    amount = check_number(what, number_of(value), maximum=LARGEST_NUMBER, unit=unit)
    # The options of most platforms are whole numbers: send 2 instead of 2.0.
    return int(amount) if amount == int(amount) else amount


def check_ram(value: object) -> float | None:
    """Return an amount of memory in GiB; `None` leaves it to the platform."""
    return check_amount("ram", value, " GiB")


def check_count(what: str, value: object) -> int:
    """Return a whole number, 1 or more."""
    return check_whole_number(what, number_of(value), minimum=1)


def check_optional_count(what: str, value: object) -> int | None:
    """Return a whole number, 1 or more, or `None`."""
    return None if value is None else check_count(what, value)


def check_polls(poll: object, longest_poll: object) -> tuple[float, float]:
    """Return two pauses, which are positive numbers of seconds."""
    first, longest = (
        check_number(what, number_of(value), maximum=LARGEST_NUMBER, unit=" seconds")
        for what, value in (("poll", poll), ("longest_poll", longest_poll))
    )
    return first, longest


def check_seconds(what: str, value: object) -> float:
    """Return a number of seconds, 0 or more."""
    return check_number(
        what, number_of(value), maximum=LARGEST_NUMBER, unit=" seconds", or_zero=True
    )


def check_optional_seconds(what: str, value: object) -> float | None:
    """Return a number of seconds, 0 or more, or `None`."""
    return None if value is None else check_seconds(what, value)


def check_gpus(value: object) -> int | None:
    """Return the number of GPUs to request; `None` for none."""
    return None if value is None else check_whole_number("gpu", number_of(value), minimum=0) or None
