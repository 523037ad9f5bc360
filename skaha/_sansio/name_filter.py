"""Filter of session names: a prefix or a pattern."""

from __future__ import annotations

import fnmatch
import re
from typing import Self

from attrs import frozen

from skaha._sansio.validation import NAME
from skaha.errors import InvalidInputError

_WILDCARD = re.compile(r"\*|\?|\[.+?\]")


@frozen
class NameFilter:
    """Names that start with a text or match a pattern. An empty text matches all names.

    Attributes:
        text: The text in lower case.
        is_pattern: Whether the text is a pattern.
    """

    text: str = ""
    is_pattern: bool = False

    @classmethod
    def checked(cls, text: object, *, pattern: bool) -> Self:
        """Return a filter that cannot match all names by accident.

        Raises:
            InvalidInputError: If the text is empty, or no name can match it because of its
                characters, as if it were a regular expression.
        """
        if not isinstance(text, str) or not text or text != text.strip():
            raise InvalidInputError(
                "prefix must be a text, not empty, without blanks around it; to end all of your "
                f"sessions, call destroy_all; not {text!r}"
            )
        literal = _WILDCARD.sub("", text) if pattern else text
        if literal and not re.fullmatch(NAME, literal):
            raise InvalidInputError(_message(text, pattern=pattern))
        # The platform stores names in lower case.
        return cls(text.lower(), pattern)

    def matches(self, name: str) -> bool:
        """Return whether the filter matches a name."""
        if self.is_pattern:
            return fnmatch.fnmatchcase(name, self.text)
        return name.startswith(self.text)


def _message(text: str, *, pattern: bool) -> str:
    if pattern:
        return (
            "prefix with pattern=True must consist of letters, digits, '-', and of '*', '?' and "
            f"'[...]', which stand for other characters; not {text!r}"
        )
    return (
        "prefix must consist of letters, digits and '-', as every name does. It is neither a "
        "pattern nor a regular expression (in Python, destroy_with takes patterns with "
        f"pattern=True); not {text!r}"
    )
