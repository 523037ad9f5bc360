"""The command that prints the completion of a shell."""

from __future__ import annotations

import click

from skaha.cli._call import Call, command

_HOW = {
    "bash": "skaha completion bash > ~/.local/share/bash-completion/completions/skaha",
    "zsh": "skaha completion zsh > a file _skaha in a directory of $fpath",
    "fish": "skaha completion fish > ~/.config/fish/completions/skaha.fish",
}


@command("completion", epilog="For example: " + _HOW["bash"])
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> int:
    """Print what lets a SHELL complete commands, sessions and images."""
    from click.shell_completion import get_completion_class

    from skaha.cli import _bash

    _bash.register()
    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"there is no completion for {shell}")
    source = maker(context.find_root().command, {}, "skaha", "_SKAHA_COMPLETE").source()
    call: Call = context.obj
    call.output.write(source + "\n")
    return 0
