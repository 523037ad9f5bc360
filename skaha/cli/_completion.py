"""What a shell offers for a word that is not yet whole."""

from __future__ import annotations

import logging
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING, Any

from skaha.cli._call import Call

if TYPE_CHECKING:
    import click

# Nobody waits longer for a suggestion.
_SECONDS = 3


def complete_session(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the names that begin so, and the ids that do."""
    given = context.params.get(str(parameter.name)) or ()
    records = _asked(context, "Session")
    words = [str(one.get(key)) for key in ("name", "id") for one in records if one.get(key)]
    return [word for word in words if word.startswith(incomplete) and word not in given]


def complete_image(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the images whose references begin so, or hold this anywhere."""
    images = sorted(str(one.get("id")) for one in _asked(context, "Images"))
    whole = [image for image in images if image.startswith(incomplete)]
    return whole or [image for image in images if incomplete in image]


def _asked(context: click.Context, kind: str) -> list[dict[str, Any]]:
    """Return what the platform lists; nothing if it does not answer soon."""
    import skaha

    call = context.find_object(Call) or Call()
    logging.getLogger("skaha").addHandler(logging.NullHandler())
    call.given.setdefault("timeout", _SECONDS)
    try:
        # A message here would land in the middle of the line that is being typed.
        with redirect_stderr(StringIO()):
            if kind == "Images":
                with call.client(skaha.Images, retry=False) as images:
                    return [dict(one) for one in images.details()]
            with call.session(retry=False) as session:
                return [dict(one) for one in session.fetch()]
    except Exception:  # noqa: BLE001  (whatever it is: there is nothing to offer)
        return []
