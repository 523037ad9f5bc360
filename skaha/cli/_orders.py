"""What is to be launched, from the words of a command line."""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import httpx

    from skaha.cli._output import Item
    from skaha.session import Session


def command_line(words: Sequence[str], script: str | None) -> dict[str, str]:
    """Return the `cmd` and `args` that hand these words to the container as a shell would.

    They are sent plainly where the platform carries them unharmed, and are packed where not.
    """
    from skaha.helpers import shell

    if script is not None:
        return dict(shell.script(_read(script), *words))  # type: ignore[arg-type]
    if not words:
        return {}
    return dict(shell.command(*words, only_if_needed=True))  # type: ignore[arg-type]


def _read(script: str) -> str:
    try:
        return sys.stdin.read() if script == "-" else Path(script).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.UsageError(f"--script: {script} cannot be read: {reason}") from None


def variables(pairs: Iterable[str]) -> dict[str, str]:
    """Return the environment of `K=V` pairs; `K` alone has its value here."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            if name not in os.environ:
                raise click.UsageError(f"--env: {name} is not set here, and no value is given")
            value = os.environ[name]
        found[name] = value
    return found


def invented_name(image: str) -> str:
    """Return a name for a launch that was given none."""
    base = re.sub(r"[^a-z0-9]+", "-", image.rpartition("/")[2].partition(":")[0].lower())
    return f"{base.strip('-')[:30] or 'session'}-{secrets.token_hex(3)}"


def rehearse(session: Session, **order: Any) -> list[Item]:
    """Return what a launch would send, checked as it is checked before every launch.

    Raises:
        skaha.errors.SkahaError: As `create`, if it would not get as far as sending.
    """
    from skaha.errors import SkahaError

    forms: dict[str, Item] = {}

    def stop(request: httpx.Request) -> NoReturn:
        form = parse_qs(request.content.decode())
        forms[form["name"][0]] = _told(form)
        raise SkahaError("this is as far as a rehearsal goes")

    session.api.get_httpx_client().event_hooks = {"request": [stop]}
    try:
        session.create(**order)
    except SkahaError:
        if not forms:
            raise
    # Launches overtake each other.
    return [forms[name] for name in sorted(forms, key=_number)]


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _told(form: dict[str, list[str]]) -> Item:
    first = {key: values[0] for key, values in form.items()}
    return {
        "name": first["name"],
        "image": first["image"],
        "kind": first["type"],
        "cores": _amount(first.get("cores")),
        "ram_gib": _amount(first.get("ram")),
        "gpus": _amount(first.get("gpus")),
        "cmd": first.get("cmd"),
        "args": first.get("args"),
        # The values may be secrets.
        "env": [pair.partition("=")[0] for pair in form.get("env", [])],
    }


def _amount(text: str | None) -> float | None:
    if text is None:
        return None
    number = float(text)
    return int(number) if number.is_integer() else number
