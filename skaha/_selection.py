"""Which names are meant."""

from __future__ import annotations

import fnmatch
import warnings
from typing import Self

from attrs import frozen

from skaha.errors import InvalidInputError


@frozen
class Selection:
    """Names that begin with a prefix, or look like a pattern; without both, all names."""

    prefix: str = ""
    pattern: str | None = None

    @classmethod
    def of(cls, prefix: object, pattern: object) -> Self:
        """Return a selection that cannot take everything by accident.

        Raises:
            InvalidInputError: If there is neither a prefix nor a pattern, or there are both.
        """
        for what, text in (("prefix", prefix), ("pattern", pattern or "")):
            if not isinstance(text, str) or text != text.strip():
                raise InvalidInputError(f"{what} must be a text without blanks around: {text!r}")
        if bool(prefix) == bool(pattern):
            raise InvalidInputError(
                "give a prefix that is not empty, or a pattern in its place; to end all of your "
                "sessions, call destroy_all"
            )
        text = str(prefix or pattern)
        if text != text.lower():
            warnings.warn(
                f"no name can match {text!r}: the platform stores names in lower case",
                UserWarning,
                stacklevel=3,
            )
        return cls(str(prefix), pattern if isinstance(pattern, str) else None)

    def takes(self, name: str) -> bool:
        """Say whether a name is meant."""
        if self.pattern is not None:
            return fnmatch.fnmatchcase(name, self.pattern)
        return name.startswith(self.prefix)
