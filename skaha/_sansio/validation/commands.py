"""Validation of `cmd`, `args` and `env`: the platform would change or lose some texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote_plus

from skaha._sansio.carriable import GARBLED, MAX_FORM_BYTES, YAML_VARIABLE, YAML_WORD
from skaha._sansio.validation.secrets import WrongType
from skaha.errors import InvalidInputError
from skaha.models import SecretText, plain_text

_VARIABLE = r"[A-Za-z_.-][A-Za-z0-9_.-]*"
# The names of the fields, and the fields for the name, the image and the resources, are shorter.
_BYTES_OF_A_FIELD_NAME, _BYTES_OF_OTHER_FIELDS = 8, 8 * 2**10
# The library sets these variables of each replica.
_REPLICA_VARIABLES = frozenset({"REPLICA_ID", "REPLICA_COUNT"})
_SHELL_HELPER = "skaha.helpers.shell packs any command into a cmd and args that arrive unchanged"


def check_command(
    kind: str, cmd: object, args: object, env: Mapping[str, Any] | None
) -> tuple[str | None, str | None, dict[str, str]]:
    """Return `cmd`, `args` and `env` as the platform will pass them to the container.

    Raises:
        InvalidInputError: If the platform would drop, split or change a part of them.
    """
    if kind != "headless" and (cmd or args or env):
        raise InvalidInputError(f"cmd, args and env are for headless sessions only, not for {kind}")
    command = _check_cmd(cmd), _check_args(args)
    variables = _check_env({} if env is None else env)
    size = sum(
        len(quote_plus(f"{name}={value}")) + _BYTES_OF_A_FIELD_NAME
        for name, value in [*enumerate(filter(None, command)), *variables.items()]
    )
    if size > MAX_FORM_BYTES - _BYTES_OF_OTHER_FIELDS:
        raise InvalidInputError(
            f"cmd, args and env have {size:,} bytes together, and the platform takes 2 MB: put the "
            "data into a file that the session can read"
        )
    return *command, variables


def _check_cmd(value: object) -> str | None:
    text = _check_carriable("cmd", value)
    if text != text.strip():
        raise InvalidInputError(f"cmd must have no blanks around it; not {text!r}")
    if " " in text:
        raise InvalidInputError(
            f"cmd is one program, and never split: give {text.split()[0]!r} as cmd and the rest "
            "as args"
        )
    _check_yaml_word("cmd", text)
    return text or None


def _check_args(value: object) -> str | None:
    text = _check_carriable("args", value)
    if not text:
        return None
    words_of_shell = _words_of_shell(text)
    words_of_platform = _words_of_platform(text)
    # Quotes inside of a word arrive unchanged, and may belong to the word.
    if len(words_of_shell) != len(words_of_platform):
        raise InvalidInputError(
            "the platform splits args at each blank and does not interpret quotes: the container "
            f"would get {words_of_platform}, not {words_of_shell}. {_SHELL_HELPER}"
        )
    for word in words_of_platform:
        _check_yaml_word("args", word)
    return text


def _words_of_platform(text: str) -> list[str]:
    return text.rstrip(" ").split(" ")


def _words_of_shell(text: str) -> list[str]:
    """Split a text as a shell does. A quote without a closing quote counts to the end of the text.

    Only single quotes occur: the platform cannot carry double quotes and backslashes.
    """
    # A late import for the start-up time.
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return shlex.split(f"{text}'")


def _form_of(keyword: str, value: Sequence[object]) -> str:
    """Return the right form of a command that was passed as a list of words."""
    words = [str(word) for word in value]
    text = " ".join(words)
    try:
        is_plain = _check_args(text) == text and _words_of_platform(text) == words
    except InvalidInputError:
        is_plain = False
    if not is_plain:
        return f"write **shell.command(program, argument, ...). {_SHELL_HELPER}"
    if keyword == "args":
        return f"write args={text!r}"
    program, *arguments = words
    return f"write cmd={program!r}" + (f", args={' '.join(arguments)!r}" if arguments else "")


def _advice(keyword: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return f": {_form_of(keyword, value)}"
    if isinstance(value, Mapping):
        return ": if it comes from skaha.helpers.shell, pass it with two asterisks, as **command"
    return f": write {keyword}={str(value)!r}" if isinstance(value, int | float | PurePath) else ""


def _check_yaml_word(what: str, word: str) -> None:
    if re.fullmatch(YAML_WORD, word):
        raise InvalidInputError(
            f"{what}: the platform cannot carry the word {word!r}, because YAML does not read it "
            f"as a text. {_SHELL_HELPER}"
        )


def _check_env(variables: object) -> dict[str, str]:
    if not isinstance(variables, Mapping):
        raise InvalidInputError(f"env must be a dictionary, not {WrongType.of(variables).name}")
    return {_check_variable(key): _check_value(key, value) for key, value in variables.items()}


def _check_variable(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(_VARIABLE, name):
        raise InvalidInputError(f"env: {name!r} cannot be the name of an environment variable")
    if re.fullmatch(YAML_VARIABLE, name):
        raise InvalidInputError(
            f"env: the platform cannot carry a variable with the name {name!r}, because YAML does "
            "not read it as a text: use another name, or set the variable in a script "
            "(skaha.helpers.shell.script packs a script)"
        )
    if name in _REPLICA_VARIABLES:
        raise InvalidInputError(f"env: create sets {name} of each replica itself: leave it out")
    return plain_text(name)


def _check_value(name: str, value: object) -> SecretText:
    # The value may be a secret, so a message shows the name of the variable only.
    if isinstance(value, WrongType):
        raise InvalidInputError(f"env: {name} must be a text or a number, not {value.name}")
    text = SecretText("" if value is None else value)
    if not text:
        raise InvalidInputError(
            f"env: the platform drops {name}, as its value is empty: leave it out"
        )
    if "=" in text or re.search(GARBLED, text):
        raise InvalidInputError(
            f"env: the platform would lose or change the value of {name}: it may not contain "
            '"=", "$", a double quote, a backslash or a control character. '
            "Encode the value in Base64 without '='"
        )
    if re.fullmatch(YAML_WORD, text):
        raise InvalidInputError(
            f"env: the platform cannot carry the value of {name}, because YAML does not read it as "
            f"a text: use another value, or set the variable in a script, with `export {name}=…` "
            "(skaha.helpers.shell.script packs a script)"
        )
    return text


def _check_carriable(what: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputError(
            f"{what} must be a text, not {type(value).__name__}{_advice(what, value)}"
        )
    if match := re.search(GARBLED, value):
        raise InvalidInputError(
            f"{what} may not contain {match[0]!r}: the platform cannot carry double quotes, "
            f"dollars, backslashes or control characters. {_SHELL_HELPER}"
        )
    return plain_text(value)
