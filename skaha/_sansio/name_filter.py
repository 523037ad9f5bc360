"""Which names are meant."""

from __future__ import annotations

import fnmatch
import re
import warnings
from typing import NamedTuple, Self

from skaha.errors import InvalidInputError


class Selection(NamedTuple):
    """Names that begin with a text, or look like it; without one, all names."""

    text: str = ""
    is_pattern: bool = False

    @classmethod
    def of(cls, text: object, *, pattern: bool) -> Self:
        """Return a selection that cannot take everything by accident.

        Raises:
            InvalidInputError: If there is no text, or blanks are around it.
        """
        if not isinstance(text, str) or not text or text != text.strip():
            raise InvalidInputError(
                "prefix must be a text, not empty, without blanks around it; to end all of your "
                f"sessions, call destroy_all; not {text!r}"
            )
        # A set of characters may be one of what a name does not hold.
        literal = re.sub(r"\[.+?\]", "", text) if pattern else text
        if literal != literal.lower():
            warnings.warn(
                f"no name can match {text!r}: the platform stores names in lower case",
                UserWarning,
                stacklevel=3,
            )
        return cls(text, pattern)

    def takes(self, name: str) -> bool:
        """Say whether a name is meant."""
        if self.is_pattern:
            return fnmatch.fnmatchcase(name, self.text)
        return name.startswith(self.text)
