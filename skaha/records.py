"""What a record says, for those who would rather not read the platform's spellings.

A record is what `fetch` and `info` return: a dictionary as the platform sent it. Nothing here ever
raises because of what a record holds.

```
>>> from skaha import records
>>> record = {"status": "Completed", "requestedRAM": "8.59", "startTime": "2026-07-02T15:00Z"}
>>> records.is_finished(record), records.succeeded(record)
(True, True)
>>> records.ram_bytes(record)
8590000000
>>> records.start_time(record).isoformat()
'2026-07-02T15:00:00+00:00'

```
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = [
    "Event",
    "canonical_status",
    "cores",
    "expiry_time",
    "is_finished",
    "known",
    "parse_events",
    "printable",
    "ram_bytes",
    "start_time",
    "succeeded",
    "time_left",
]

Record: TypeAlias = Mapping[str, Any]
R = TypeVar("R", bound=Record)

# Some platforms list apps beside the sessions: their ids are those of their desktops.
APP = "desktop-app"
SUCCESS = frozenset({"Succeeded", "Completed"})
FINISHED = SUCCESS | {"Failed", "Error"}
ACTIVE = frozenset({"Pending", "Running"})

_NOTHING = frozenset({"", "<none>", "<nil>", "<unknown>", "not-applicable", "null"})
_QUANTITY = re.compile(r"([0-9.]+)\s*([KMGTP]?)i?B?")
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
# More than any machine has, and few enough to be counted.
_MOST_BYTES = 2.0**60
_TIME = r"<none>|<nil>|<unknown>|\d{4}-\d\d-\d\dT\S+"
_EVENT = re.compile(rf"(\S+)\s+(\S+)\s+(.*?)\s+({_TIME})\s+({_TIME})\s*", re.DOTALL)


def known(value: Any) -> Any:
    """Return `value`, or `None` if it is one of the platform's spellings of nothing.

    Example:
        >>> known("<none>") is None, known("8G")
        (True, '8G')
    """
    if isinstance(value, str) and value.strip() in _NOTHING:
        return None
    return value


def printable(text: str, keep: str = "") -> str:
    r"""Replace the characters that a terminal could obey.

    Args:
        text: A text from a platform.
        keep: Characters that stay although they are not printable.

    Returns:
        The text, with U+FFFD in place of each character that is not printable.

    Example:
        >>> printable("a red \x1b[31mword")
        'a red \ufffd[31mword'
    """
    return "".join(
        letter if letter.isprintable() or letter in keep else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def canonical_status(status: str) -> str:
    """Return the current word for a status: older platforms say `Succeeded` for `Completed`.

    Args:
        status: A status in either word.

    Example:
        >>> canonical_status("Succeeded"), canonical_status("Running")
        ('Completed', 'Running')
    """
    return "Completed" if status in SUCCESS else status


def is_finished(record: Record) -> bool:
    """Say whether the session has ended by itself, well or not.

    Example:
        >>> is_finished({"status": "Failed"}), is_finished({"status": "Running"})
        (True, False)
    """
    return _among(record.get("status"), FINISHED)


def succeeded(record: Record) -> bool:
    """Say whether the session has ended well, whichever word the platform has for it.

    Example:
        >>> succeeded({"status": "Succeeded"}), succeeded({"status": "Completed"})
        (True, True)
    """
    return _among(record.get("status"), SUCCESS)


def start_time(record: Record) -> datetime | None:
    """Return when the session started, or `None` if it has not.

    Example:
        >>> start_time({"startTime": "<none>"}) is None
        True
    """
    return _moment(record.get("startTime"))


def expiry_time(record: Record) -> datetime | None:
    """Return when the platform will end the session, or `None` if that is not known.

    Example:
        >>> expiry_time({"expiryTime": "2026-07-06T15:20:41Z"}).isoformat()
        '2026-07-06T15:20:41+00:00'
    """
    return _moment(record.get("expiryTime"))


def time_left(record: Record, now: datetime | None = None) -> timedelta | None:
    """Return how long the session may still live, or `None` if that is not known.

    Args:
        record: A session.
        now: The moment to count from; by default the present one.

    Example:
        >>> from datetime import UTC, datetime
        >>> noon = datetime(2026, 7, 6, 12, tzinfo=UTC)
        >>> str(time_left({"expiryTime": "2026-07-06T15:20:41Z"}, noon))
        '3:20:41'
    """
    expiry = expiry_time(record)
    return None if expiry is None else expiry - (now or datetime.now(UTC))


def ram_bytes(record: Record) -> int | None:
    """Return the memory that was asked for, in bytes, or `None` if that is not known.

    Older platforms write `8G` and mean 2^30 bytes each; newer ones write `8.59` and mean 10^9.

    Example:
        >>> ram_bytes({"requestedRAM": "8G"}), ram_bytes({"requestedRAM": "8.59"})
        (8589934592, 8590000000)
    """
    found = _QUANTITY.fullmatch(str(known(record.get("requestedRAM"))))
    number = _number(found[1]) if found else None
    if found is None or number is None or number > _MOST_BYTES:
        return None
    return round(number * (1024 ** _POWERS[found[2]] if found[2] else 10**9))


def cores(record: Record) -> float | None:
    """Return the CPU cores that were asked for, or `None` if that is not known.

    Example:
        >>> cores({"requestedCPUCores": "0.250"}), cores({}) is None
        (0.25, True)
    """
    return _number(known(record.get("requestedCPUCores")))


class Event(NamedTuple):
    """Something that the platform did for a session.

    Attributes:
        type: `Normal` or `Warning`.
        reason: One word, such as `Scheduled`, `Pulling` or `Failed`.
        message: What happened, in the platform's words.
        first_time: When it happened first; `None` if the platform does not say.
        last_time: When it happened last; `None` if the platform does not say.

    Example:
        >>> Event("Normal", "Pulled", "It is here", None, None).reason
        'Pulled'
    """

    type: str
    reason: str
    message: str
    first_time: datetime | None
    last_time: datetime | None


def parse_events(table: str) -> list[Event]:
    """Return the events of a table, as `Session.events` returns it.

    Args:
        table: The text; whatever is no event in it is passed over.

    Example:
        >>> table = '''TYPE     REASON      MESSAGE              FIRST-TIME   LAST-TIME
        ... Normal   Scheduled   Assigned to node 7   <nil>        <nil>'''
        >>> parse_events(table)[0].message
        'Assigned to node 7'
        >>> parse_events("<none>")
        []
    """
    events: list[Event] = []
    begun = ""
    for line in table.splitlines():
        if not begun and (not line.strip() or line.split()[:2] == ["TYPE", "REASON"]):
            continue
        # A message may contain line breaks: an event goes on until its two times.
        begun = f"{begun}\n{line}" if begun else line.lstrip()
        if found := _EVENT.fullmatch(begun):
            kind, reason, message, first, last = found.groups()
            events.append(Event(kind, reason, message, _moment(first), _moment(last)))
            begun = ""
    return events


def matching(
    records: list[dict[str, Any]], kinds: Collection[str] | None, statuses: Collection[str] | None
) -> list[dict[str, Any]]:
    """Return the records of these kinds and statuses; `None` is any."""
    return [
        record
        for record in records
        if _among(record.get("type"), kinds) and _among(record.get("status"), statuses)
    ]


def sessions(records: Iterable[R]) -> list[R]:
    """Return the records that are sessions of their own: not apps, which bear a desktop's id."""
    return [record for record in records if record.get("type") != APP]


def _among(word: Any, words: Collection[str] | None) -> bool:
    return words is None or (isinstance(word, str) and word in words)


def _moment(text: Any) -> datetime | None:
    # Slow to import, and most programs never look at a time.
    from dateutil import parser

    if not isinstance(text, str) or known(text) is None:
        return None
    try:
        moment = parser.isoparse(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
