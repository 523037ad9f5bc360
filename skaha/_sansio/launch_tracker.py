"""Which replicas of a launch are there, refused, or in doubt.

A launch is not idempotent: when its answer is lost, only a look at the list of sessions tells
whether it took. A session of an older launch may bear the same name, so the ids that existed before
are needed to tell the new from the old.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from httpx import codes

from skaha._sansio.retrying import INTERNAL_ERRORS_TAKEN, NEVER_SENT, TRANSIENT
from skaha.errors import (
    AnswerError,
    ConnectionFailedError,
    SkahaError,
    StatusError,
    TooManyRequestsError,
)
from skaha.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds that a new session may be missing from the list.
_LAG = 60.0

log = logging.getLogger("skaha")


class Ledger:
    """The account of one launch, name by name."""

    def __init__(self, names: list[str], before: set[str] | None) -> None:
        """Take the names to launch, and the ids that exist before if they could be had."""
        self.names = names
        self.before = before
        self.ids: dict[str, str] = {}
        # What may have been launched although it failed, and what was not but may be yet.
        self.doubts: dict[str, SkahaError] = {}
        self.undone: dict[str, SkahaError] = {}
        self._refused: dict[str, SkahaError] = {}
        self._under_way: set[str] = set()
        self._sent: Counter[str] = Counter()
        self._doubtful: Counter[str] = Counter()
        self._internal_errors: Counter[str] = Counter()
        self._retries = 0
        self._launched_at: dict[str, float] = {}

    @property
    def unsent(self) -> list[str]:
        """The names that were not sent yet."""
        return [name for name in self.names if name not in self._sent and name not in self.ids]

    @property
    def open(self) -> dict[str, SkahaError]:
        """The names that have to be sent again, unless they are found to be there."""
        return self.doubts | self.undone

    @property
    def settled(self) -> int:
        """How many will not be sent again."""
        return len(self.ids) + len(self._refused)

    def begin(self, name: str) -> None:
        """Enter that a launch is about to be sent."""
        self._under_way.add(name)

    def stop(self) -> None:
        """Enter that nobody waits any more for the answers that have not come."""
        for name in sorted(self._under_way):
            lost = ConnectionFailedError(
                "stopped before the answer came: it may have been launched"
            )
            lost.subject = f"launch of {name}"
            self._sent[name] += 1
            self._enter(name, lost)

    def note(self, sent: Outcome[str]) -> None:
        """Enter the answers to launches."""
        self._sent.update(sent.values.keys())
        self._sent.update(sent.failures.keys())
        self._retries += sent.retries
        self.ids |= sent.values
        self._launched_at |= dict.fromkeys(sent.values.values(), time.monotonic())
        for name in (*sent.values, *sent.failures):
            self._under_way.discard(name)
            self.doubts.pop(name, None)
            self.undone.pop(name, None)
        for name, error in sent.failures.items():
            self._enter(name, error)

    def not_listed_yet(self, records: Iterable[dict[str, Any]]) -> int:
        """Return how many new sessions the platform's list lacks only as it lags behind."""
        listed = {record["id"] for record in records}
        long_ago = time.monotonic() - _LAG
        for session_id, moment in list(self._launched_at.items()):
            if session_id in listed or moment < long_ago:
                del self._launched_at[session_id]
        return len(self._launched_at)

    def doubt(self, failures: dict[str, SkahaError]) -> None:
        """Enter the failures of an earlier launch: what it left in doubt may have taken since."""
        for name, error in failures.items():
            if is_doubtful(error):
                self.doubts[name] = error
                self._doubtful[name] += 1

    def _enter(self, name: str, error: SkahaError) -> None:
        if isinstance(error, StatusError):
            self._internal_errors[name] += error.status == codes.INTERNAL_SERVER_ERROR
        if self._internal_errors[name] >= INTERNAL_ERRORS_TAKEN:
            self._refused[name] = error
        elif is_undone(error):
            self.undone[name] = error
        elif is_doubtful(error):
            self.doubts[name] = error
        else:
            self._refused[name] = error
        self._doubtful[name] += is_doubtful(error)
        if name not in self._refused:
            log.debug("%s; it is looked up, and launched again if it is not there", error)

    def find(self, records: Iterable[dict[str, Any]]) -> None:
        """Settle the doubts about launches that took, from a list of all sessions."""
        new = self._new_ids(records)
        for name in [one for one in self.names if one not in self.ids and self._doubtful[one]]:
            if found := new[name.lower()]:
                self.ids[name] = found[0]
                for account in (self.doubts, self.undone, self._refused):
                    account.pop(name, None)

    def not_found(self, error: SkahaError) -> None:
        """Say at every doubt that it cannot be settled now."""
        for doubt in self.doubts.values():
            if not hasattr(doubt, "__notes__"):
                doubt.add_note(f"it may have been launched: looking for it failed, too: {error}")

    @property
    def was_repeated(self) -> bool:
        """Whether a launch was sent again after one that may have taken."""
        return any(self._sent[name] > 1 for name, times in self._doubtful.items() if times)

    def surplus(self, records: Iterable[dict[str, Any]]) -> list[str]:
        """Return the ids of sessions that doubtful launches made beside the one that counts.

        There can be no more of them than there were doubtful launches. If there are, some are
        somebody else's, nobody knows which, and all of that name are left alone.
        """
        new, counted = self._new_ids(records), set(self.ids.values())
        surplus = []
        for name, times in self._doubtful.items():
            extra = [found for found in new[name.lower()] if found not in counted]
            if len(extra) <= min(times, self._sent[name] - 1):
                surplus += extra
        return surplus

    def _new_ids(self, records: Iterable[dict[str, Any]]) -> defaultdict[str, list[str]]:
        new = defaultdict[str, list[str]](list)
        for record in records:
            if record["id"] not in (self.before or ()):
                new[record["name"].lower()].append(record["id"])
        return new

    def outcome(self) -> Outcome[str]:
        """Return what was launched and what was not, in replica order."""
        repeats = sum(self._sent.values()) - len(self._sent)
        found = self.ids | self._refused | self.open
        return Outcome.of(self.names, found, self._retries + repeats)


def is_undone(error: SkahaError) -> bool:
    """Say whether a launch that failed so was not carried out for sure, but may be next time."""
    return isinstance(error, TooManyRequestsError) or isinstance(error.__cause__, NEVER_SENT)


def is_doubtful(error: SkahaError) -> bool:
    """Say whether a launch that failed so may have been carried out."""
    if isinstance(error, StatusError):
        return error.status in TRANSIENT and not is_undone(error)
    return isinstance(error, ConnectionFailedError | AnswerError) and not is_undone(error)
