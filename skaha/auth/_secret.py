"""Text that shows in no repr and in no traceback."""

from __future__ import annotations

__all__ = ["SecretText"]


class SecretText(str):
    """A text like any other, but its `repr` is three dots."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing."""
        return "..."
