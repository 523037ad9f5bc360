"""Output to standard error: notes, errors, messages of the library, progress."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from skaha.cli._stdout import discard
from skaha.records import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skaha.helpers.progress import Bar

_written: set[str] = set()
_PROGRAM = "skaha"
_command = _PROGRAM
# The operations of the library in the subjects of errors. The command line has its own words.
_OF_ONE_ITEM = re.compile(r"(?:destroy|events|info|launch|logs|renewal) of (.+)")
_OF_ALL = frozenset({"apps", "availability", "fetch", "images", "repositories", "resources"}) | {
    "stats",
    "wait",
    "whoami",
}


def begin_errors_with(command: str) -> None:
    """Begin all errors with the command that the user typed.

    Args:
        command: The program and the command, like `skaha rm`.
    """
    global _command  # noqa: PLW0603  (a process runs one command)
    _command = command


def error_text(error: Exception) -> str:
    """Return the message of an error, without the operation of the library."""
    return _without_operation(getattr(error, "subject", None) or "", str(error))


def _without_operation(subject: str, text: str) -> str:
    message = text.removeprefix(f"{subject}: ")
    if subject in _OF_ALL:
        return message
    item = _OF_ONE_ITEM.fullmatch(subject)
    return f"{item[1]}: {message}" if item else text


def note(text: str, kind: str = "") -> None:
    """Write a note.

    Args:
        text: The text of the note.
        kind: `error`, `warning`, ...: such a note is written only once.
    """
    if kind and text in _written:
        return
    _written.add(text)
    begin = _command if kind == "error" else _PROGRAM
    write_line(f"{begin}: {kind}: {text}" if kind else f"{begin}: {text}")


def note_help() -> None:
    """Name the command that shows the help."""
    note(f"see `{_command} --help`")


def write_line(text: str) -> None:
    """Write a line to standard error."""
    line = printable(text, keep="\n\t")
    # The command succeeds even if its notes cannot be written.
    try:
        if "tqdm" in sys.modules:
            # There may be a progress line: tqdm erases it first and draws it again.
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def progress(text: str, until: Any = "finished") -> Bar:
    """Show the progress of long work on a terminal, for a `with` block.

    Args:
        text: The activity, like `launching`.
        until: The statuses to wait for, as in `Session.wait`.
    """
    # A late import for the start-up time: few commands show a progress.
    from skaha.helpers.progress import transient_bar

    return transient_bar(text, until=until)


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        # The command also reports the item, but maybe much later. A note is written only once.
        if (subject := getattr(record, "failure", None)) is not None:
            note(_without_operation(subject, text), "error")
        else:
            note(text, record.levelname.lower())


def show_library_messages(*, verbose: bool) -> None:
    """Show the log messages and warnings of the library as notes."""
    logger = logging.getLogger("skaha")
    logger.addHandler(_Handler())
    logger.propagate = False
    if verbose:
        logger.setLevel(logging.DEBUG)
    warnings.showwarning = _show_warning


@contextmanager
def muted_log() -> Iterator[None]:
    """Show no log messages of the library during the `with` block."""
    logger = logging.getLogger("skaha")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    note(str(message), "warning")
