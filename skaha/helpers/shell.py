"""Commands and scripts as a `cmd` and `args` that reach the container unchanged.

The platform splits `args` at every blank, ignores quotes, and changes dollars, backslashes and
double quotes. So a command is sent in Base64, inside a small program for `bash`. This program
decodes the command and replaces itself with it (`exec`): the exit status, the standard input and
the signals are those of the command. The image needs only `bash` and `base64`, which is one of the
coreutils.
"""

from __future__ import annotations

import os
import re
import shlex
from base64 import b64encode
from typing import TypedDict

from skaha._sansio import carriable
from skaha.errors import InvalidInputError

__all__ = ["GARBLED", "CommandLine", "command", "script"]

GARBLED = re.compile(carriable.GARBLED)
"""Characters that the platform changes in a `cmd`, in `args` and in the values of `env`."""

# The program must not contain a blank, a quote or a dollar, so braces separate its words. An empty
# IFS, and no globbing (-f), leave the decoded text unchanged. -p leaves BASH_ENV to the command.
# bash reaches `exit` only if there is nothing to decode, which would otherwise count as success.
_OPTIONS = "-pfc"
_PROGRAM = "IFS=;{{eval,`{{echo,{}}}|{{base64,-d}}`}};{{exit,127}}"

# The longest argument on Linux: MAX_ARG_STRLEN without the byte at its end.
_LONGEST = 128 * 1024 - 1


class CommandLine(TypedDict):
    """Arguments for `session.create`: `create(name, image, **command_line)`.

    Example:
        >>> packed: CommandLine = script("true")
        >>> packed["cmd"]
        'bash'
    """

    cmd: str
    args: str


def script(text: str, *arguments: str) -> CommandLine:
    """Pack a bash script with any quotes, dollars and newlines.

    Args:
        text: The script, for `bash -c`; at most about 95 kB. Each single quote counts as five
            bytes.
        arguments: The values of `$1`, `$2` and so on in the script. They arrive exactly as given,
            so they need no quotes, unlike values that you insert into the text.

    Returns:
        The `cmd` and `args` of a headless session.

    Raises:
        skaha.errors.InvalidInputError: If the platform cannot carry it, because it is too long,
            or contains a NUL character or half a surrogate pair.

    Example:
        >>> from skaha import Session
        >>> from skaha.helpers import shell
        >>> greeting = shell.script('for name; do echo "Hello, $name"; done', "it's  me", "$HOME")
        >>> session = Session(server="local")
        >>> ids = session.create("hello", "images.canfar.net/skaha/terminal:1.1.2", **greeting)
        >>> session.destroy(ids) == {ids[0]: True}
        True
    """
    if isinstance(text, os.PathLike):
        raise InvalidInputError(f"a script is a text; not {text!r}: give its read_text()")
    return command("bash", "-c", "--", text, "bash", *arguments)


def command(program: str, *arguments: str, only_if_needed: bool = False) -> CommandLine:
    """Pack a program with its arguments, each of which arrives exactly as given.

    Args:
        program: The program. No shell changes it or its arguments.
        arguments: Its arguments.
        only_if_needed: Do not pack a command that the platform carries unchanged.

    Returns:
        The `cmd` and `args` of a headless session.

    Raises:
        skaha.errors.InvalidInputError: If the platform cannot carry it, because it is too long,
            or contains a NUL character or half a surrogate pair.

    Example:
        >>> from skaha.helpers import shell
        >>> shell.command("python3", "-c", "print('a  b')")["cmd"]
        'bash'
        >>> shell.command("python3", "fit.py", "--deep", only_if_needed=True)
        {'cmd': 'python3', 'args': 'fit.py --deep'}
    """
    words = [program, *arguments]
    for word in words:
        _check(word)
    if only_if_needed and all(_is_plain(word) for word in words):
        return {"cmd": program, "args": " ".join(arguments)}
    encoded = b64encode(f"exec -- {shlex.join(words)}".encode()).decode()
    whole = _PROGRAM.format(encoded)
    if len(whole) > _LONGEST:
        raise InvalidInputError(
            f"the command is too long: packed it has {len(whole):,} bytes, and a container takes "
            f"{_LONGEST:,}. Put it into a file that the session can read"
        )
    return {"cmd": "bash", "args": f"{_OPTIONS} {whole}"}


def _is_plain(word: str) -> bool:
    if GARBLED.search(word) or re.fullmatch(carriable.YAML_WORD, word):
        return False
    try:
        return shlex.split(word) == [word] and word.isprintable()
    except ValueError:  # a quote that is never closed
        return False


def _check(word: object) -> None:
    if not isinstance(word, str):
        is_list = isinstance(word, list | tuple)
        advice = "give each word as an argument of its own" if is_list else f"write {str(word)!r}"
        raise InvalidInputError(f"a command consists of texts; not {word!r}: {advice}")
    if "\0" in word:
        raise InvalidInputError("a command cannot contain a NUL character")
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"a command must be valid Unicode: {error.reason}") from None
