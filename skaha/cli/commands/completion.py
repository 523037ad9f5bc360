"""The command `skaha completion`: print the completion script of a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from skaha.cli._context import CommandContext, command

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

_INSTALLATION = {
    "bash": "skaha completion bash > ~/.local/share/bash-completion/completions/skaha",
    "zsh": "skaha completion zsh > a file _skaha in a directory of $fpath",
    "fish": "skaha completion fish > ~/.config/fish/completions/skaha.fish",
}


@command("completion", epilog="For example: " + _INSTALLATION["bash"])
@click.argument("shell", metavar="SHELL", type=click.Choice(list(_INSTALLATION)))
@click.pass_context
def completion_command(click_context: click.Context, shell: str) -> int:
    """Print a script that makes SHELL complete commands, sessions and images.

    SHELL is bash, zsh or fish.
    """
    from click.shell_completion import get_completion_class

    from skaha.cli import _bash_completion

    _bash_completion.register()
    completion_class = cast("type[ShellComplete]", get_completion_class(shell))
    app = click_context.find_root().command
    source = completion_class(app, {}, "skaha", "_SKAHA_COMPLETE").source()
    context: CommandContext = click_context.obj
    context.output.write(source + "\n")
    return 0
