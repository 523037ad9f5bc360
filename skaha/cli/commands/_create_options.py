"""The arguments of `Session.create` from the options of `skaha create`."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from typing import TYPE_CHECKING, Any

import click

from skaha.cli.commands._input_file import read_input_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def create_arguments(
    image: str, words: Sequence[str], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of `Session.create`.

    Args:
        image: The reference of the image.
        words: The command and its arguments, after `--` on the command line.
        options: The options of `skaha create`.

    Raises:
        click.UsageError: If options contradict each other or cannot be used.
    """
    arguments = {"image": image, "kind": options["kind"], "replicas": options["replicas"]}
    name = options["name"]
    arguments["name"] = _generated_name(image) if name is None else name
    if options["flexible"]:
        if options["cores"] is not None or options["ram"] is not None:
            raise click.UsageError(
                "--flexible lets the platform choose: leave --cores and --ram out"
            )
        arguments |= {"cores": None, "ram": None}
    for name in ("cores", "ram", "gpu", "at_most"):
        if options[name] is not None:
            arguments[name] = options[name]
    if options["env"]:
        arguments["env"] = _environment(options["env"])
    return arguments | _command_and_arguments(words, options["script"])


def _command_and_arguments(words: Sequence[str], script: str | None) -> dict[str, str]:
    """Return the `cmd` and `args` that give these words to the container unchanged.

    A command that the platform would break is encoded.
    """
    from skaha.helpers import shell

    if script is not None:
        return dict(shell.script(read_input_file("--script", script), *words))  # type: ignore[arg-type]
    if not words:
        return {}
    if len(words) == 1 and " " in words[0].strip():
        raise click.UsageError(
            f"COMMAND is one program, and never split: write -- {words[0]} without the quotes, or "
            f"-- bash -c {shlex.quote(words[0])}"
        )
    return dict(shell.command(*words, only_if_needed=True))  # type: ignore[arg-type]


def _environment(pairs: Iterable[str]) -> dict[str, str]:
    """Return the variables of `K=V` pairs. `K` alone takes its value from this environment."""
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            if name not in os.environ:
                raise click.UsageError(f"--env: {name} has no value, and it is not set here")
            value = os.environ[name]
        variables[name] = value
    return variables


def _generated_name(image: str) -> str:
    """Return a name for a launch without the option `--name`."""
    from skaha.helpers import names

    base = names.from_text(re.split("[:@]", image.rpartition("/")[2])[0])
    return f"{base}-{secrets.token_hex(3)}"
