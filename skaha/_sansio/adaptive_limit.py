"""Adaptive limit of requests in flight: overload halves it, successes raise it again."""

from __future__ import annotations


class AdaptiveLimit:
    """Counts the connections that may be used at once."""

    def __init__(self, full: int) -> None:
        """Start at the full limit."""
        self.full = full
        self._removed = 0
        self._to_remove = 0
        self._successes = 0
        self._responses_to_ignore = 0

    @property
    def current(self) -> int:
        """Connections allowed after pending reductions."""
        return self.full - self._removed - self._to_remove

    def on_overload(self) -> None:
        """Halve the limit, once for all requests that are in flight together."""
        if self._responses_to_ignore:
            return
        self._responses_to_ignore = self.current
        self._successes = 0
        self._to_remove += self.current // 2

    def on_response(self) -> None:
        """Count a response."""
        self._responses_to_ignore = max(0, self._responses_to_ignore - 1)

    def remove_one(self) -> bool:
        """Return whether the connection that just became free must not be used again."""
        if not self._to_remove:
            return False
        self._to_remove -= 1
        self._removed += 1
        return True

    def on_success(self) -> bool:
        """Count a success; return whether one more connection may be used."""
        if self.current == self.full:
            return False
        self._successes += 1
        if self._successes < self.current:
            return False
        self._successes = 0
        if self._to_remove:
            self._to_remove -= 1
            return False
        self._removed -= 1
        return True
