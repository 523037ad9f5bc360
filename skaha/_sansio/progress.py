"""How many items of a call are done, told to whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha.errors import SkahaError

if TYPE_CHECKING:
    from skaha.models import Progress


class Tally:
    """Counts what is done; it tells of more, and never of less."""

    def __init__(
        self, progress: Progress | None = None, total: int = 0, *, retried: bool = False
    ) -> None:
        """Tell that nothing is done yet.

        Args:
            progress: Whom to tell, if anybody asked.
            total: How many there are; nobody is told of none.
            retried: Whether what fails may be tried again, so that it is not done yet.
        """
        self._progress = progress if total else None
        self._total = total
        self._retried = retried
        self._done = -1
        self.reach(0)

    @property
    def is_asked_for(self) -> bool:
        """Whether there is anybody to tell."""
        return self._progress is not None

    def add(self, outcome: object) -> None:
        """Count one more, if this is what becomes of it."""
        if not (self._retried and isinstance(outcome, SkahaError)):
            self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        """Tell that so many are done, if they are more than before."""
        if self._progress is not None and done > self._done:
            self._done = done
            self._progress(done, self._total)
