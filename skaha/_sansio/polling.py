"""Growing pauses between looks at something that changes by itself."""

from __future__ import annotations


class PollingInterval:
    """Pause until the next look: it grows by half each time, up to a longest pause."""

    _GROWTH = 1.5

    def __init__(self, first: float, longest: float) -> None:
        """Start with the first pause.

        Args:
            first: Seconds until the second look.
            longest: Seconds between two looks at most.
        """
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        """Return the seconds to wait now, and make the next pause longer."""
        pause, self._next = self._next, min(self._next * self._GROWTH, self._longest)
        return pause

    def reset(self) -> None:
        """Return to the first pause, because something changed."""
        self._next = self._first
