"""The command `skaha create`: launch sessions."""

from __future__ import annotations

import functools
import shlex
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from skaha.cli._completion import complete_image
from skaha.cli._context import AliasedOption, CommandContext, SkahaCommand, timeout_option
from skaha.cli._sessions import KINDS, choice
from skaha.cli._stderr import note
from skaha.cli.commands._create_options import create_arguments
from skaha.cli.commands._jobs_file import JobsFile
from skaha.cli.commands._launch import CommandLaunch, LaunchRequest
from skaha.models import DEFAULT_CORES, DEFAULT_RAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skaha.cli._stdout import Item
    from skaha.session import Session

# A desktop launches its apps itself.
_LAUNCH_KINDS = [kind for kind in KINDS if kind != "desktop-app"]
_PREVIEW_COLUMNS = ("name", "kind", "image", "cores", "ram_gib", "gpus", "cmd", "args")
# Options that belong to the jobs in a file.
_OPTIONS_OF_ONE_JOB = frozenset(
    {"image", "words", "name", "kind", "replicas", "cores", "ram", "gpu", "flexible", "env"}
    | {"script"}
)
_NOT_CHECKED = (
    "nothing was sent. Only the platform can check your credentials, the image, the amounts that "
    "it allows, and the number of sessions that you may have"
)
_WORDS_AFTER_DASHES = "skaha.cli.words_after_dashes"


class _CreateCommand(SkahaCommand):
    """A command that notes the number of words after `--`, which click removes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        number = len(args) - args.index("--") - 1 if "--" in args else 0
        ctx.meta[_WORDS_AFTER_DASHES] = number
        return super().parse_args(ctx, args)


@click.command(
    "create",
    cls=_CreateCommand,
    epilog="For example: skaha create images.canfar.net/skaha/terminal:1.1.2 --logs --rm "
    "-- python3 -c \"print('a  b')\"",
)
@click.argument("image", required=False, shell_complete=complete_image)
@click.argument("words", nargs=-1, metavar="[-- COMMAND [ARGUMENT]...]")
@click.option("-n", "--name", help="Name; the replicas are NAME-1, NAME-2, ...")
@click.option("-k", "--kind", type=choice(_LAUNCH_KINDS), default="headless", show_default=True)
@click.option(
    "-r", "--replicas", type=int, default=1, show_default=True, help="Number of replicas."
)
@click.option(
    "-c",
    "--cores",
    cls=AliasedOption,
    aliases=["--cpu"],
    type=float,
    metavar="N",
    help=f"CPU cores of each replica. Default: {DEFAULT_CORES}.",
)
@click.option(
    "-m",
    "--ram",
    cls=AliasedOption,
    aliases=["--memory"],
    type=float,
    metavar="GIB",
    help=f"Memory of each replica in GiB. Default: {DEFAULT_RAM}.",
)
@click.option("-g", "--gpu", type=int, help="GPUs of each replica.")
@click.option("--flexible", is_flag=True, help="Let the platform choose cores and memory.")
@click.option(
    "-e",
    "--env",
    multiple=True,
    metavar="K[=V]",
    help="Environment variable; may be repeated. K alone takes the value from your environment.",
)
@click.option(
    "--script",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Run this bash script with the ARGUMENTs.",
)
@click.option(
    "--jobs",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Launch the jobs in this file instead: one JSON object in each line, with the arguments "
    "of Session.create.",
)
@click.option(
    "--at-most",
    type=click.IntRange(min=1),
    metavar="N",
    help="Launch in waves: at most N of your sessions active at once.",
)
@click.option(
    "--wait", is_flag=True, help="Wait until the sessions end, or until interactive sessions run."
)
@click.option("--logs", is_flag=True, help="Show the logs until all sessions have ended.")
@click.option(
    "--rm",
    is_flag=True,
    help="Delete the sessions at their end, and after an interruption. Only for headless sessions.",
)
@timeout_option(
    "Seconds to wait for the sessions at most. With it, --logs shows the logs only at the end."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check the launch and show it, but do not send it. The platform checks more.",
)
@click.pass_obj
def create_command(
    context: CommandContext, /, image: str | None, words: tuple[str, ...], **options: Any
) -> int:
    """Launch a session of IMAGE, or several replicas.

    COMMAND and its arguments reach the container exactly as given.
    """
    if options["jobs"] is not None:
        return _create_many(context, options)
    number_after_dashes = click.get_current_context().meta[_WORDS_AFTER_DASHES]
    if image is None or len(words) < number_after_dashes:
        raise click.UsageError("give an IMAGE before the COMMAND, or --jobs FILE")
    _refuse_kind(image, words, number_after_dashes)
    _refuse_options_without_end({options["kind"]}, options)
    arguments = create_arguments(image, words, options)
    with context.session() as session:
        _check_timeout(context, session)
        if options["dry_run"]:
            # The limit of active sessions is not part of a request.
            arguments.pop("at_most", None)
            return _report_preview(context, session.preview(**arguments))
        name, count = arguments["name"], arguments["replicas"]
        fields = {"kind": arguments["kind"], "image": image}
        request = LaunchRequest(
            launch=functools.partial(session.create, **arguments),
            fields={f"{name}-{number}": fields for number in range(1, count + 1)},
            hint=f"skaha ps {name.lower()}-",
        )
        return CommandLaunch(context, session, request, options).run()


def _refuse_kind(image: str, words: tuple[str, ...], number_after_dashes: int) -> None:
    """Refuse a kind before the image, as in the command line of other clients."""
    kind = image.lower()
    if kind not in _LAUNCH_KINDS:
        return
    number = len(words) - number_after_dashes
    reference, *others = [*words[:number], *([] if number else ["IMAGE"])]
    form = f"skaha create {reference} --kind {kind}"
    if command := [*others, *words[number:]]:
        form += f" -- {shlex.join(command)}"
    raise click.UsageError(f"{image!r} is a kind, not an image: write `{form}`")


def _create_many(context: CommandContext, options: Mapping[str, Any]) -> int:
    """Launch the jobs in a file."""
    _check_only_options_for_jobs()
    file = JobsFile(options["jobs"])
    fields = dict(file.fields())
    _refuse_options_without_end({str(field["kind"]) for field in fields.values()}, options)
    from skaha.errors import InvalidInputError

    with context.session() as session:
        _check_timeout(context, session)
        try:
            if options["dry_run"]:
                return _report_preview(context, session.preview_many(file.jobs))
            request = LaunchRequest(
                launch=functools.partial(
                    session.create_many, file.jobs, at_most=options["at_most"]
                ),
                fields=fields,
                hint="skaha ps",
            )
            return CommandLaunch(context, session, request, options).run()
        except InvalidInputError as error:
            raise file.name_line(error) from None


def _refuse_options_without_end(kinds: set[str], options: Mapping[str, Any]) -> None:
    """Refuse the options that need the end of the sessions, if a kind runs until it is deleted."""
    # The library refuses unknown kinds.
    if interactive := ", ".join(sorted(kinds & {*_LAUNCH_KINDS} - {"headless"})):
        if options["logs"]:
            raise click.UsageError(f"--logs needs the kind headless, not {interactive}")
        if options["rm"]:
            raise click.UsageError(
                "--rm deletes sessions at their end, and sessions of these kinds do not end by "
                f"themselves: {interactive}; leave --rm out, and run `skaha delete NAME` after "
                "your work"
            )
        if options["wait"] and "headless" in kinds:
            raise click.UsageError(
                "--wait waits for the end of headless sessions, and for the start of others "
                f"({interactive}): use one file for each of these two groups"
            )


def _check_only_options_for_jobs() -> None:
    """Refuse the arguments and options that the jobs in the file have themselves."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        is_given = source not in (None, ParameterSource.DEFAULT)
        if is_given and parameter.name in _OPTIONS_OF_ONE_JOB:
            name = parameter.opts[-1] if isinstance(parameter, click.Option) else "IMAGE"
            raise click.UsageError(f"--jobs has its own jobs: leave {name} out")


def _check_timeout(context: CommandContext, session: Session) -> None:
    """Check the time-out before the launch: a wait for no session sends nothing."""
    session.wait([], timeout=context.timeout)


def _report_preview(context: CommandContext, forms: Iterable[Mapping[str, Any]]) -> int:
    """Show the fields that a launch would send; return the exit code."""
    items: list[Item] = [
        {
            "name": form["name"],
            "image": form["image"],
            "kind": form["type"],
            "cores": form.get("cores"),
            "ram_gib": form.get("ram"),
            "gpus": form.get("gpus"),
            "cmd": form.get("cmd"),
            "args": form.get("args"),
            "env": [variable.partition("=")[0] for variable in form.get("env", [])],
        }
        for form in forms
    ]
    note(_NOT_CHECKED)
    return context.report(items, _PREVIEW_COLUMNS, key="name")
