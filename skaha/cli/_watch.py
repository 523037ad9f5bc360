"""A table on a terminal that is redrawn in place until Ctrl-C."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from typing import TYPE_CHECKING, Any

import click

from skaha.cli._exit_codes import CREDENTIALS, INTERRUPTED, USAGE, exit_code
from skaha.cli._stderr import error_text
from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from skaha.cli._stdout import Output

# The second screen of the terminal keeps the lines of the shell. The cursor is hidden.
_OPEN, _CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def interval_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the option `--interval` to a command.

    Args:
        text: The help of the option.
    """
    return click.option(
        "--interval",
        type=click.FloatRange(min=0.1),
        default=2.0,
        show_default=True,
        metavar="SECONDS",
        help=text,
    )


def watch(output: Output, look: Callable[[], str], seconds: float) -> int:
    """Show a text again and again, in place; return the exit code.

    An outage of the platform does not end the watch: its error is shown below the last text.

    Args:
        output: The output, which must be a table on a terminal.
        look: Returns the new text.
        seconds: The pause between two looks.

    Raises:
        click.UsageError: If the output is no table on a terminal.
        skaha.errors.SkahaError: If the first look fails, or the credentials are refused.
    """
    if not output.is_for_reader:
        raise click.UsageError("a watch needs a terminal and the format table or wide")
    text = look()
    is_plain = os.environ.get("TERM") == "dumb"
    try:
        output.write("" if is_plain else _OPEN)
        problem = ""
        while True:
            output.write(f"{text}{problem}\n" if is_plain else _frame(text, problem))
            time.sleep(seconds)
            text, problem = _look_again(look, text)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if not is_plain:
            # The last text stays on the screen of the shell.
            output.write(_CLOSE + text)


def _look_again(look: Callable[[], str], text: str) -> tuple[str, str]:
    """Return the new text, or else the old one and the error."""
    from skaha.errors import SkahaError

    try:
        return look(), ""
    except SkahaError as error:
        if exit_code(error) in (CREDENTIALS, USAGE):
            raise
        moment = time.strftime("%H:%M:%S")
        return text, f"{moment} error: {printable(' '.join(error_text(error).split()))}\n"


def _frame(text: str, problem: str) -> str:
    """Return text that replaces the screen. Lines without room are left out, but no problem."""
    columns, height = shutil.get_terminal_size()
    lines, end = text.splitlines(), textwrap.wrap(problem, columns)
    room = height - 1 - len(end)
    if len(lines) > room:
        hidden = len(lines) - room + 1
        lines = [*lines[: room - 1], f"... and {hidden} more"]
    rows = "".join(f"{line}{_ERASE_LINE}\n" for line in [*lines, *end])
    return f"{_HOME}{rows}{_ERASE_BELOW}"
