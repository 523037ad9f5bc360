"""Values in the records of the platform, as Python objects.

A record is a dictionary from `fetch` or `info`, as the platform sent it. These functions accept any
value in a record and never raise because of it.

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
    from collections.abc import Collection, Iterable, Iterator

__all__ = [
    "Event",
    "canonical_status",
    "cores",
    "cores_in_use",
    "describe_end",
    "expiry_time",
    "is_finished",
    "known",
    "may_restart",
    "parse_events",
    "printable",
    "ram_bytes",
    "ram_bytes_in_use",
    "start_time",
    "succeeded",
    "time_left",
]

Record: TypeAlias = Mapping[str, Any]
R = TypeVar("R", bound=Record)

# Some platforms list apps among the sessions. The id of an app is the id of its desktop.
APP = "desktop-app"
SUCCESS = frozenset({"Succeeded", "Completed"})
FINISHED = SUCCESS | {"Failed", "Error"}
# Our own status of a session that the platform does not have any more.
GONE = "Gone"
ENDED = FINISHED | {GONE}

_NOTHING = frozenset({"", "<none>", "<nil>", "<unknown>", "not-applicable", "null"})
_QUANTITY = r"([0-9.]+)\s*([KMGTP]?)i?B?"
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
# The server cannot convert more than 2.1 cores in use, and passes on the text of Kubernetes.
_PARTS_OF_A_CORE = {"n": 10**9, "u": 10**6, "m": 10**3}
# More than any machine has. A larger number is a mistake, and may be too large to convert.
_MOST_BYTES = 2.0**60
_TIME = r"<none>|<nil>|<unknown>|\d{4}-\d\d-\d\dT\S+"
# An event ends with two times.
_TIMES = 2


def known(value: Any) -> Any:
    """Return `value`, or `None` if the platform uses it for an unknown value.

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
    return "Completed" if _among(status, SUCCESS) else status


def status_of(record: Record) -> Any:
    """Return the status of a session without a reason.

    Servers of release 1.0 can add the reason of Kubernetes, whose word for success is `Complete`.

    Example:
        >>> status_of({"status": "Failed (DeadlineExceeded)"}), status_of({"status": "Running"})
        ('Failed', 'Running')
    """
    status = known(record.get("status"))
    if not isinstance(status, str) or not status.endswith(")"):
        return status
    word = status.partition(" (")[0]
    return "Completed" if word == "Complete" else word


def is_finished(record: Record) -> bool:
    """Return whether the session has ended by itself, with or without success.

    Example:
        >>> is_finished({"status": "Failed"}), is_finished({"status": "Running"})
        (True, False)
    """
    return _among(status_of(record), FINISHED)


def takes_room(record: Record) -> bool:
    """Return whether the session uses the platform, or may do so because its status is unknown.

    Example:
        >>> takes_room({"status": "Pending"}), takes_room({"status": "Terminating"})
        (True, False)
    """
    return not is_finished(record) and record.get("status") != "Terminating"


def may_restart(record: Record) -> bool:
    """Return whether the session has failed, but the platform may start it again.

    Kubernetes starts an interactive session again, after growing pauses. A failed headless session
    has ended.

    Example:
        >>> may_restart({"status": "Failed", "type": "notebook"})
        True
        >>> may_restart({"status": "Failed", "type": "headless"})
        False
    """
    has_failed = is_finished(record) and not succeeded(record)
    return has_failed and record.get("type") != "headless"


def succeeded(record: Record) -> bool:
    """Return whether the session has ended with success.

    Example:
        >>> succeeded({"status": "Succeeded"}), succeeded({"status": "Completed"})
        (True, True)
    """
    return _among(status_of(record), SUCCESS)


def start_time(record: Record) -> datetime | None:
    """Return the start time of the session, or `None` if it has not started.

    Example:
        >>> start_time({"startTime": "<none>"}) is None
        True
    """
    return _moment(record.get("startTime"))


def expiry_time(record: Record) -> datetime | None:
    """Return the time when the platform will end the session, or `None` if it is unknown.

    Example:
        >>> expiry_time({"expiryTime": "2026-07-06T15:20:41Z"}).isoformat()
        '2026-07-06T15:20:41+00:00'
    """
    return _moment(record.get("expiryTime"))


def time_left(record: Record, now: datetime | None = None) -> timedelta | None:
    """Return the remaining lifetime of the session, or `None` if it is unknown.

    Args:
        record: The record of a session.
        now: The time to count from, with a time zone; by default the current time.

    Raises:
        skaha.errors.InvalidInputError: If `now` has no time zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> noon = datetime(2026, 7, 6, 12, tzinfo=UTC)
        >>> str(time_left({"expiryTime": "2026-07-06T15:20:41Z"}, noon))
        '3:20:41'
    """
    if now is not None and now.tzinfo is None:
        # A late import for the start-up time: it imports httpx.
        from skaha.errors import InvalidInputError

        raise InvalidInputError(f"now must have a time zone, like datetime.now(UTC); not {now!r}")
    expiry = expiry_time(record)
    return None if expiry is None else expiry - (now or datetime.now(UTC))


def ram_bytes(record: Record) -> int | None:
    """Return the requested memory in bytes, or `None` if it is unknown.

    Older platforms write `8G`, in units of 2^30 bytes. Newer platforms write `8.59`, in units of
    10^9 bytes.

    Example:
        >>> ram_bytes({"requestedRAM": "8G"}), ram_bytes({"requestedRAM": "8.59"})
        (8589934592, 8590000000)
    """
    return _bytes(record.get("requestedRAM"))


def ram_bytes_in_use(record: Record) -> int | None:
    """Return the memory in use in bytes, or `None` if the platform does not report it.

    Example:
        >>> ram_bytes_in_use({"ramInUse": "0.23"}), ram_bytes_in_use({"ramInUse": "<none>"}) is None
        (230000000, True)
    """
    return _bytes(record.get("ramInUse"))


def cores(record: Record) -> float | None:
    """Return the requested CPU cores, or `None` if they are unknown.

    Example:
        >>> cores({"requestedCPUCores": "0.250"}), cores({}) is None
        (0.25, True)
    """
    return _number(known(record.get("requestedCPUCores")))


def cores_in_use(record: Record) -> float | None:
    """Return the CPU cores in use, or `None` if the platform does not report them.

    Newer platforms write more than 2.1 cores in units of 10^-9 cores, such as `2500000000n`.

    Example:
        >>> cores_in_use({"cpuCoresInUse": "0.998"}), cores_in_use({}) is None
        (0.998, True)
        >>> cores_in_use({"cpuCoresInUse": "2500000000n"})
        2.5
    """
    value = known(record.get("cpuCoresInUse"))
    parts = _PARTS_OF_A_CORE.get(value[-1:]) if isinstance(value, str) else None
    number = _number(value[:-1] if parts else value)
    return number / parts if parts and number is not None else number


class Event(NamedTuple):
    """One step of the platform for a session.

    Attributes:
        type: `Normal` or `Warning`.
        reason: One word, such as `Scheduled`, `Pulling` or `Failed`.
        message: The text of the platform.
        first_time: Time of the first occurrence; `None` if the platform does not state it.
        last_time: Time of the last occurrence; `None` if the platform does not state it.

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
    """Return the events in a table of `Session.events`.

    Args:
        table: The text. Lines that are no event are ignored.

    Example:
        >>> table = '''TYPE     REASON      MESSAGE              FIRST-TIME   LAST-TIME
        ... Normal   Scheduled   Assigned to node 7   <nil>        <nil>'''
        >>> parse_events(table)[0].message
        'Assigned to node 7'
        >>> parse_events("<none>")
        []
    """
    events: list[Event] = []
    begun: list[str] = []
    for line in table.splitlines():
        words = line.split()
        if not begun and (not words or words[:2] == ["TYPE", "REASON"]):
            continue
        # A message may contain line breaks, so an event continues until its two times.
        if sum(re.fullmatch(_TIME, word) is not None for word in words[-_TIMES:]) < _TIMES:
            begun.append(line)
            continue
        *rest, first, last = line.rsplit(None, _TIMES)
        kind, reason, message = ("\n".join([*begun, *rest]).split(None, 2) + [""] * 3)[:3]
        if reason:
            events.append(Event(kind, reason, message, _moment(first), _moment(last)))
        begun = []
    return events


def describe_end(status: str, log: str | None = None) -> str:
    """Return how a session ended, for a message.

    Args:
        status: The status, or `"Gone"`.
        log: The whole log, if it is known.

    Example:
        >>> describe_end("Failed")
        'ended as Failed'
    """
    if status == GONE:
        return "is gone: the platform does not have it any more"
    has_failed = status in FINISHED and status not in SUCCESS
    if has_failed and log == "":
        return (
            f"ended as {status} with an empty log: either its program printed nothing, or the "
            "platform lost its container, because of a lost node or of a time limit"
        )
    return f"ended as {status}"


def matching(
    records: list[dict[str, Any]], kinds: Collection[str] | None, statuses: Collection[str] | None
) -> list[dict[str, Any]]:
    """Return the records with one of these kinds and statuses; `None` means any."""
    return [
        record
        for record in records
        if _among(record.get("type"), kinds) and _among(status_of(record), statuses)
    ]


def record_id(record: Record) -> str:
    """Return the id of a session; an empty text if the platform does not state it."""
    value = known(record.get("id"))
    return value if isinstance(value, str) else ""


def session_name(record: Record) -> str:
    """Return the name of a session; an empty text if the platform does not state it."""
    name = known(record.get("name"))
    return name if isinstance(name, str) else ""


def sessions(records: Iterable[R]) -> list[R]:
    """Return the records without the desktop apps, which have the id of their desktop."""
    return [record for record in records if record.get("type") != APP]


def flattened(pairs: Iterable[tuple[str, Any]], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each pair; a value in a nested mapping has its path as its name, such as `a.b`."""
    for key, value in pairs:
        if isinstance(value, Mapping):
            yield from flattened(value.items(), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _among(word: Any, words: Collection[str] | None) -> bool:
    return words is None or (isinstance(word, str) and word in words)


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str) or known(text) is None:
        return None
    try:
        moment = _parsed(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        year = moment.astimezone(UTC).year
    except (ValueError, OverflowError):
        return None
    # The year 1 is the zero time of Go, which Kubernetes sends for an unknown time.
    return None if year == 1 else moment


def _bytes(value: Any) -> int | None:
    # A list may be nested so deeply that it has no text.
    text = str(known(value)) if isinstance(value, str | int | float) else ""
    match = re.fullmatch(_QUANTITY, text)
    number = _number(match[1]) if match else None
    if match is None or number is None or number > _MOST_BYTES:
        return None
    return round(number * (1024 ** _POWERS[match[2]] if match[2] else 10**9))


def _parsed(text: str) -> datetime:
    # The standard library is much faster, but does not read every form of ISO 8601.
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # A late import: it is slow, and almost no program needs it.
        from dateutil import parser

        return parser.isoparse(text)


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
