"""Arguments that may contain secrets, in forms whose `repr` does not show them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any, Self

from skaha.errors import InvalidInputError
from skaha.models import ContainerRegistry, SecretText

# A token that was copied from a header has the name of the scheme before it.
_SCHEME = r"(?i)^bearer(\s+|$)"
# The keywords of a job that are shown; any other one may be a misspelled `env`.
_PUBLIC_KEYWORDS = ("name", "image", "cores", "ram", "kind", "gpu", "cmd", "args")
_PRINTABLE = r"[!-~]+"


class WrongType:
    """The name of the type of a value, in the place of a value that may contain a secret."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        self.name = name

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the name of the type of a value, which may have been replaced by it already."""
        if isinstance(value, cls):
            return value
        return cls("str" if isinstance(value, SecretText) else type(value).__name__)


def hidden(value: Any) -> Any:
    """Return an argument that may contain secrets in a form whose `repr` does not show them.

    Tracebacks may show local variables. So a public function replaces such an argument by this
    form before anything can fail.

    Args:
        value: A token, the credentials of a registry, or environment variables.

    Returns:
        A text or the values of a dictionary as `SecretText`. A value of another type cannot be a
        secret that is accepted: a `WrongType`, which the checks refuse.
    """
    if value is None or callable(value) or isinstance(value, ContainerRegistry | WrongType):
        return value
    if isinstance(value, str):
        return SecretText(value)
    if hasattr(value, "items"):
        return {name: _hidden_item(content) for name, content in value.items()}
    return WrongType.of(value)


def _hidden_item(value: Any) -> SecretText | WrongType | None:
    """Return a value of a dictionary, also a number or a date, as a `SecretText`."""
    # The text of a member of an enumeration is its name.
    value = value.value if isinstance(value, Enum) else value
    if value is None or isinstance(value, WrongType):
        return value
    if isinstance(value, str | int | float):
        return SecretText(value)
    # The text of such a value would be Python code, such as "b'word'" or "<object ...>".
    to_text: object = type(value).__str__
    if isinstance(value, Collection) or to_text is object.__str__:
        return WrongType.of(value)
    return SecretText(value)


def hidden_jobs(jobs: object) -> list[Any]:
    """Return jobs in a form whose `repr` does not show their environment variables.

    Raises:
        InvalidInputError: If `jobs` cannot contain jobs.
    """
    # A table of pandas is a series of the names of its columns.
    is_table = hasattr(jobs, "columns")
    if isinstance(jobs, Mapping | str | bytes) or not isinstance(jobs, Iterable) or is_table:
        name = WrongType.of(jobs).name
        advice = ': give table.to_dict("records")' if is_table else ""
        # Tracebacks may show local variables.
        del jobs
        raise InvalidInputError(
            f"jobs must be a list with a mapping for each job, not {name}{advice}"
        )
    return [
        {key: value if key in _PUBLIC_KEYWORDS else hidden(value) for key, value in job.items()}
        if isinstance(job, Mapping)
        else WrongType.of(job)
        for job in jobs
    ]


def check_texts(**arguments: object) -> None:
    """Raise unless each argument is a text or `None`. The message never shows its value.

    Raises:
        InvalidInputError: If an argument is something else.
    """
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            raise InvalidInputError(f"{name} must be a text, not {WrongType.of(value).name}")


def hidden_url(url: Any) -> Any:
    """Return a URL or a name; its `repr` does not show a password in it."""
    return SecretText(url) if isinstance(url, str) and "@" in url else url


def checked_token(token: object) -> SecretText:
    """Return a token that fits into a header, without the word `Bearer` in front of it.

    Raises:
        InvalidInputError: If it does not fit. The message never shows the token.
    """
    token = SecretText(token if isinstance(token, str) else "")
    token = SecretText(re.sub(_SCHEME, "", token.strip(), count=1))
    if not re.fullmatch(_PRINTABLE, token):
        raise InvalidInputError(
            "token must be a text of visible ASCII characters without blanks, not empty"
        )
    return token
