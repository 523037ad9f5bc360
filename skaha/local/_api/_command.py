"""The server's treatment of `cmd`, `args` and `env`: substitution, a YAML template, no quotes."""

import json
import re

from skaha.local._api._errors import BadRequestError, InternalServerError

_SPECIAL = re.compile(r"\\(.?)|\$(.?)", re.DOTALL)


def substitute(value: str) -> str:
    """Return a value after its way through the server's template.

    The server uses the value as the replacement text of a Java pattern: `$` starts a reference to a
    group, and a backslash is removed. Then the value stands between double quotes in YAML. The
    escapes of JSON are the useful part of those of YAML.
    """
    replaced = _SPECIAL.sub(_replacement, value)
    try:
        return str(json.loads(f'"{replaced}"', strict=False))
    except ValueError:
        raise InternalServerError(
            "java.io.IOException: the job template is not valid YAML"
        ) from None


def split_arguments(value: str) -> tuple[str, ...]:
    """Split at single blanks like the server: no quotes, and blanks at the end are dropped."""
    return tuple(substitute(word) for word in _split(value, " "))


def parse_environment(entries: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that the server keeps.

    The server drops an entry without a name, without a value, or with a `=` in its value.
    """
    variables = []
    for entry in entries:
        match _split(entry, "="):
            case [name, value]:
                variables.append((name, substitute(value)))
    return tuple(variables)


def _split(value: str, separator: str) -> list[str]:
    parts = value.split(separator)
    # Java drops empty parts at the end, except the only part of an empty text.
    while value and parts and not parts[-1]:
        parts.pop()
    return parts


def _replacement(match: re.Match[str]) -> str:
    escaped, reference = match.groups()
    if reference is None:
        if not escaped:
            raise BadRequestError("character to be escaped is missing")
        return str(escaped)
    if not reference:
        raise BadRequestError("Illegal group reference: group index is missing")
    if reference.isdigit():
        raise InternalServerError(f"java.lang.IndexOutOfBoundsException: No group {reference}")
    if reference == "{":
        rest = match.string[match.end() :]
        name = rest.partition("}")[0]
        raise BadRequestError(f"No group with name {{{name}}}")
    raise BadRequestError("Illegal group reference")
