"""Words that YAML reads as no text: in values, and as the name of a variable.

The rules come from requests to a real server. They share no code with the client, so that an error
in the rules of the client shows in its tests.
"""

import re

from skaha.local._api._errors import InternalServerError

# The server writes these words without quotes, and Kubernetes reads them as booleans or numbers.
_BOOLEANS_OF_KUBERNETES = ("y", "Y", "n", "N")
_NUMBERS_OF_KUBERNETES = (
    re.compile(r"[+-]0[0-7_]*[89][0-9_]*"),  # -08: no octal number, so a decimal number
    re.compile(r"0o[0-7][0-7_]*"),
)

# The server itself reads these words in a name, which stands without quotes in its template.
_BOOLEANS = {"yes": "true", "on": "true", "true": "true"} | dict.fromkeys(
    ("no", "off", "false"), "false"
)
_NULLS = ("", "~", "null", "Null", "NULL")
_BASES = ((r"0x([0-9a-fA-F]+)", 16), (r"0b([01]+)", 2), (r"0([0-7]+)", 8))
_FLOAT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]+|[+-]?[0-9]+\.[0-9]*")
_INDICATORS = tuple("&*!|>%@`[]{},")
_LARGEST_DECIMAL, _SMALLEST_DECIMAL = 1e7, 1e-3


def arrives_as_text(word: str) -> bool:
    """Return whether Kubernetes reads a word of the job as a text."""
    return word not in _BOOLEANS_OF_KUBERNETES and not any(
        pattern.fullmatch(word) for pattern in _NUMBERS_OF_KUBERNETES
    )


def read_name(written: str) -> str:
    """Return the name that a variable gets; it is empty if YAML reads no name.

    Raises:
        InternalServerError: The name breaks the template.
    """
    name = re.split(r"(?:^|\s)#", written, maxsplit=1)[0].strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        return name[1:-1]
    if name.startswith((*_INDICATORS, "'", '"', "- ", "? ")) or ": " in name or name.endswith(":"):
        raise InternalServerError(
            "while parsing a block mapping\nmapping values are not allowed here"
        )
    return "" if name in _NULLS else _boolean(name) or _number(name) or name


def _boolean(name: str) -> str | None:
    # YAML knows these words in lower case, in upper case and with a capital.
    if name in (name.lower(), name.upper(), name.capitalize()):
        return _BOOLEANS.get(name.lower())
    return None


def _number(name: str) -> str | None:
    for pattern, base in _BASES:
        if match := re.fullmatch(pattern, name):
            return str(int(match[1], base))
    if not _FLOAT.fullmatch(name):
        return None
    number = float(name)
    if number and not _SMALLEST_DECIMAL <= abs(number) < _LARGEST_DECIMAL:
        # Java prints such a number in its own notation.
        digits, _, exponent = f"{number:.16e}".partition("e")
        return f"{digits.rstrip('0').ljust(3, '0')}E{int(exponent)}"
    return str(number)
