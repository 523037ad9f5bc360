"""Names of sessions from any text.

The platform allows only letters, digits and `-` in a name, and stores it in lower case.
"""

from __future__ import annotations

from skaha._sansio.names import allowed_name
from skaha.errors import InvalidInputError

__all__ = ["from_text"]


def from_text(text: str) -> str:
    """Return an allowed name that is as near to a text as possible.

    The same text always gives the same name. Different texts can give the same name.

    Args:
        text: Any text, such as the name of an object or of a file.

    Returns:
        A name of at most 50 lower-case letters, digits and `-`, for `create` with any number of
        replicas and for the jobs of `create_many`.

    Raises:
        skaha.errors.InvalidInputError: If it is not a text.

    Example:
        >>> from skaha.helpers import names
        >>> names.from_text("NGC 1300 (r band)")
        'ngc-1300-r-band'
        >>> names.from_text("Ångström_42.fits")
        'angstrom-42-fits'
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"names.from_text takes a text, not {type(text).__name__}")
    return allowed_name(text)
