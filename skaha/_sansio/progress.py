"""Progress reports of a call with many items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._sansio.validation import check_function
from skaha.errors import SkahaError

if TYPE_CHECKING:
    from skaha.models import Progress


class ProgressReporter:
    """Counts the finished items and reports the number when it grows."""

    def __init__(
        self, progress: Progress | None = None, total: int = 0, *, retried: bool = False
    ) -> None:
        """Report that no item is finished.

        Args:
            progress: The function that receives the reports; `None` for no reports.
            total: Number of items; without items there are no reports.
            retried: Whether a failed item may be tried again, so that it is not finished yet.

        Raises:
            InvalidInputError: If `progress` is not a function.
        """
        check_function("progress", progress)
        self._progress = progress if total else None
        self._total = total
        self._retried = retried
        self._done = -1
        self.reach(0)

    @property
    def is_active(self) -> bool:
        """Whether a function receives the reports."""
        return self._progress is not None

    def add(self, outcome: object) -> None:
        """Count an item unless it failed and may be retried."""
        if not (self._retried and isinstance(outcome, SkahaError)):
            self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        """Report this number of finished items if it is larger than the last one."""
        if self._progress is not None and done > self._done:
            self._done = done
            self._progress(done, self._total)
