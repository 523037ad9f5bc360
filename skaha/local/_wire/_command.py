"""How `cmd`, `args` and `env` reach a container: through a pattern, a template and no quoting."""

import json
import re

from skaha.local._wire._refusal import BrokenError, InvalidError

_SPECIAL = re.compile(r"\\(.?)|\$(.?)", re.DOTALL)


def substituted(value: str) -> str:
    """Return a value as it arrives when pasted into the server's template.

    It is taken as the replacement of a pattern (`$` refers to a group, a backslash is eaten) and
    then stands between double quotes in YAML, of which JSON's escapes are the sensible part.
    """
    pasted = _SPECIAL.sub(_replacement, value)
    try:
        return str(json.loads(f'"{pasted}"', strict=False))
    except ValueError:
        raise BrokenError("java.io.IOException: the job template is not valid YAML") from None


def arguments(value: str) -> tuple[str, ...]:
    """Split on single blanks as the server does: no quoting, blanks at the end vanish."""
    return tuple(substituted(word) for word in _split(value, " "))


def environment(entries: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that survive: a name and a value, neither missing nor with a `=`."""
    kept = [parts for parts in (_split(entry, "=") for entry in entries) if len(parts) == 2]  # noqa: PLR2004
    return tuple((name, substituted(value)) for name, value in kept)


def _split(value: str, separator: str) -> list[str]:
    parts = value.split(separator)
    # Parts at the end that are empty vanish, but for the one of an empty text.
    while value and parts and not parts[-1]:
        parts.pop()
    return parts


def _replacement(match: re.Match[str]) -> str:
    escaped, reference = match.groups()
    if reference is None:
        if not escaped:
            raise InvalidError("character to be escaped is missing")
        return str(escaped)
    if not reference:
        raise InvalidError("Illegal group reference: group index is missing")
    if reference.isdigit():
        raise BrokenError(f"java.lang.IndexOutOfBoundsException: No group {reference}")
    if reference == "{":
        rest = match.string[match.end() :]
        name = rest.partition("}")[0]
        raise InvalidError(f"No group with name {{{name}}}")
    raise InvalidError("Illegal group reference")
