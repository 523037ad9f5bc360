"""How many requests may be in flight: halved by an overloaded platform, raised by successes."""

from __future__ import annotations


class Width:
    """Counts the lanes that are open, of those there are."""

    def __init__(self, full: int) -> None:
        """Begin with all lanes open."""
        self.full = full
        self._closed = 0
        self._closing = 0
        self._successes = 0
        self._unheard = 0

    @property
    def now(self) -> int:
        """How many lanes are open, or will be when those that close have closed."""
        return self.full - self._closed - self._closing

    def narrow(self) -> None:
        """Halve the width, once for all the requests that are in flight together."""
        if self._unheard:
            return
        self._unheard = self.now
        self._successes = 0
        self._closing += self.now // 2

    def hear(self) -> None:
        """Count an answer."""
        self._unheard = max(0, self._unheard - 1)

    def closes_one(self) -> bool:
        """Say whether a lane that is not in use is to be closed, and count it as such."""
        if not self._closing:
            return False
        self._closing -= 1
        self._closed += 1
        return True

    def widen(self) -> bool:
        """Count a success; say whether a closed lane is to be opened."""
        if self.now == self.full:
            return False
        self._successes += 1
        if self._successes < self.now:
            return False
        self._successes = 0
        if self._closing:
            self._closing -= 1
            return False
        self._closed -= 1
        return True
