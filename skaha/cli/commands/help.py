"""The command `skaha help`: show the help of a command."""

from __future__ import annotations

import click

from skaha.cli._context import CommandContext, command


def _complete_command(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the commands, or the commands of a group, that begin with a text."""
    try:
        shown = _context_of(context.find_root(), context.params.get(str(parameter.name)) or ())
    except click.UsageError:
        return []
    if not isinstance(shown.command, click.Group):
        return []
    return [name for name in shown.command.list_commands(shown) if name.startswith(incomplete)]


@command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...", shell_complete=_complete_command)
@click.pass_context
def help_command(click_context: click.Context, words: tuple[str, ...]) -> int:
    """Show the help of COMMAND, such as `create` or `config set`; without it, all commands."""
    context: CommandContext = click_context.obj
    context.output.write(_context_of(click_context.find_root(), words).get_help() + "\n")
    return 0


def _context_of(context: click.Context, words: tuple[str, ...]) -> click.Context:
    """Return the context of a command below another one.

    Raises:
        click.UsageError: If there is no such command.
    """
    rest = [*words]
    while rest:
        group, word = context.command, rest[0]
        if not isinstance(group, click.Group):
            context.fail(f"{context.info_name} has no command {word!r}")
        # An alias may consist of two words.
        name, command, rest = group.resolve_command(context, rest)
        if command is None:
            context.fail(f"no such command {word!r}")
        context = click.Context(command, parent=context, info_name=name)
    return context
