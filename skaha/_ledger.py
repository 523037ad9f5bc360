"""Which replicas of a launch are there, refused, or in doubt.

A launch is not idempotent: when its answer is lost, only a look at the list of sessions tells
whether it took. A session of an older launch may bear the same name, so the ids that existed before
are needed to tell the new from the old.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from skaha.errors import AnswerError, ConnectionFailedError, SkahaError, StatusError
from skaha.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

_DOUBTFUL = frozenset({408, 429, 502, 503, 504})
_INTERNAL_ERROR = 500
# The platform answers 500 when it meets something unexpected, which may last.
_INTERNAL_ERRORS_TAKEN = 3


class Ledger:
    """The account of one launch, name by name."""

    def __init__(self, names: list[str], before: set[str] | None) -> None:
        """Take the names to launch, and the ids that exist before if they could be had."""
        self.names = names
        self.before = before
        self.ids: dict[str, str] = {}
        self.doubts: dict[str, SkahaError] = {}
        self._refused: dict[str, SkahaError] = {}
        self._sent: Counter[str] = Counter()
        self._internal_errors: Counter[str] = Counter()
        self._retries = 0

    @property
    def unsent(self) -> list[str]:
        """The names that were not sent yet."""
        return [name for name in self.names if name not in self._sent]

    def note(self, sent: Outcome[str]) -> None:
        """Enter the answers to launches."""
        self._sent.update(sent.values.keys())
        self._sent.update(sent.failures.keys())
        self._retries += sent.retries
        self.ids |= sent.values
        for name in (*sent.values, *sent.failures):
            self.doubts.pop(name, None)
        for name, error in sent.failures.items():
            (self.doubts if self._is_doubtful(name, error) else self._refused)[name] = error

    def _is_doubtful(self, name: str, error: SkahaError) -> bool:
        if isinstance(error, StatusError):
            self._internal_errors[name] += error.status == _INTERNAL_ERROR
            lasting = self._internal_errors[name] >= _INTERNAL_ERRORS_TAKEN
            return error.status in _DOUBTFUL or (error.status == _INTERNAL_ERROR and not lasting)
        return isinstance(error, ConnectionFailedError | AnswerError)

    def find(self, records: Iterable[dict[str, Any]]) -> None:
        """Settle the doubts about launches that took, from a list of all sessions."""
        new = self._new_ids(records)
        for name in list(self.doubts):
            if found := new[name.lower()]:
                self.ids[name] = found[0]
                del self.doubts[name]

    @property
    def was_repeated(self) -> bool:
        """Whether a launch was sent twice, so that a session may be there twice."""
        return any(times > 1 for times in self._sent.values())

    def surplus(self, records: Iterable[dict[str, Any]]) -> list[str]:
        """Return the ids of sessions that launches sent twice made beside the one that counts."""
        new, counted = self._new_ids(records), set(self.ids.values())
        repeated = [name.lower() for name, times in self._sent.items() if times > 1]
        return [found for name in repeated for found in new[name] if found not in counted]

    def _new_ids(self, records: Iterable[dict[str, Any]]) -> defaultdict[str, list[str]]:
        new = defaultdict[str, list[str]](list)
        for record in records:
            if record["id"] not in (self.before or ()):
                new[record.get("name", "")].append(record["id"])
        return new

    def outcome(self) -> Outcome[str]:
        """Return what was launched and what was not, in replica order."""
        repeats = sum(self._sent.values()) - len(self._sent)
        found = self.ids | self._refused | self.doubts
        return Outcome.of(self.names, found, self._retries + repeats)
