"""Names of sessions and images for the completion of a shell."""

from __future__ import annotations

import re
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING, Any

from skaha import records
from skaha.cli._context import CommandContext

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

# A user at a prompt does not wait longer for a suggestion.
_TIMEOUT_SECONDS = 3
# A shell puts a suggestion into the command line as it is. With any other character, a name from a
# platform could become a command.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]*")


def complete_session(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the names and ids of sessions that begin with a text."""
    words = context.params.get(str(parameter.name)) or ()
    sessions = _list_records(context, "Session")
    keys = _safe_texts(record.get(key) for key in ("name", "id") for record in sessions)
    return [key for key in keys if key.startswith(incomplete) and key not in words]


def complete_image(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the images that begin with a text, or else the images that contain it."""
    images = sorted(_safe_texts(record.get("id") for record in _list_records(context, "Images")))
    matches = [image for image in images if image.startswith(incomplete)]
    return matches or [image for image in images if incomplete in image]


def _safe_texts(values: Iterable[Any]) -> list[str]:
    """Return the texts that are no more than words in every shell."""
    return [value for value in values if isinstance(value, str) and _SAFE.fullmatch(value)]


def _list_records(context: click.Context, client_name: str) -> list[dict[str, Any]]:
    """List sessions or images; return no records if the platform does not respond soon."""
    import skaha

    command_context = context.find_object(CommandContext) or CommandContext()
    command_context.arguments.setdefault("timeout", _TIMEOUT_SECONDS)
    try:
        # A message would appear in the middle of the line that the user types.
        with redirect_stderr(StringIO()):
            if client_name == "Images":
                with command_context.client(skaha.Images, retry=False) as images:
                    return [dict(record) for record in images.details()]
            with command_context.session(retry=False) as session:
                return [dict(record) for record in records.sessions(session.fetch())]
    except Exception:  # noqa: BLE001  (after any error there are no suggestions)
        return []
