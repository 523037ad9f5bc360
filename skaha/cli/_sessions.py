"""Sessions as items of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from skaha import models, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from skaha.cli._stdout import Item

_MAX_DIGITS = 18
KINDS: tuple[str, ...] = get_args(models.KINDS)
STATUSES: tuple[str, ...] = get_args(models.STATUS)


def choice(words: Iterable[str]) -> click.Choice[str]:
    """Return the type of an option with these words. Capital letters do not matter."""
    return click.Choice(list(words), case_sensitive=False)


def session_item(record: Mapping[str, Any]) -> Item:
    """Return a session as an item: the same keys and units for every platform."""
    return {
        "id": record.get("id"),
        "name": records.known(record.get("name")),
        "kind": record.get("type"),
        "status": status_of(record),
        "image": records.known(record.get("image")),
        "cores": records.cores(record),
        "ram_gib": gib(records.ram_bytes(record)),
        "gpus": whole_number(records.known(record.get("requestedGPUCores"))),
        "started": utc_text(records.start_time(record)),
        "expires": utc_text(records.expiry_time(record)),
        "url": records.known(record.get("connectURL")),
        "user": records.known(record.get("userid")),
    }


def status_of(record: Mapping[str, Any]) -> Any:
    """Return the status of a session; success has the same word for every platform."""
    status = records.status_of(record)
    return records.canonical_status(status) if isinstance(status, str) else status


def gib(number: int | None) -> float | None:
    """Return a number of bytes in GiB, with one decimal."""
    return None if number is None else round(number / 2**30, 1)


def whole_number(value: Any) -> int | None:
    """Return a whole number or its digits as a number; `None` for any other value."""
    text = str(value)
    # Python does not convert thousands of digits.
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else None


def utc_text(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601 and UTC, as all items contain it."""
    from datetime import UTC

    if moment is None:
        return None
    # Not `strftime`: it writes years below 1000 without leading zeros.
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def natural_order(session: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """Return a sort key that puts the name `a-2` before `a-10`."""
    parts = str(session.get("name") or "").split("-")
    # Python does not convert thousands of digits, but more digits are a larger number.
    return [
        (0, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (1, 0, part)
        for part in parts
    ]


def age(item: Item) -> str | None:
    """Return the time since a session started, for a table."""
    return None if item["started"] is None else duration_text(-_seconds_until(item["started"]))


def time_left(item: Item) -> str | None:
    """Return the time until a session expires, for a table."""
    if item["expires"] is None or item["status"] not in ("Pending", "Running"):
        return None
    return duration_text(_seconds_until(item["expires"]))


def _seconds_until(moment: str) -> float:
    from datetime import UTC, datetime

    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units; a negative one is 0."""
    minutes, seconds = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m" if minutes else f"{seconds}s"
