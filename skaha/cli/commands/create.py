"""The command `skaha create`: launch sessions."""

from __future__ import annotations

import functools
import shlex
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen
from click.core import ParameterSource

from skaha import records
from skaha.cli._completion import complete_image
from skaha.cli._context import AliasedOption, CommandContext, SkahaCommand, timeout_option
from skaha.cli._exit_codes import DONE, INTERRUPTED, PARTLY, common_exit_code
from skaha.cli._selection import SelectedSessions
from skaha.cli._sessions import KINDS, choice
from skaha.cli._stderr import error_text, note, progress
from skaha.cli.commands._create_options import create_arguments
from skaha.cli.commands._jobs_file import JobsFile
from skaha.cli.commands.delete import delete_sessions
from skaha.cli.commands.logs import follow_logs, read_logs, show_logs
from skaha.cli.commands.wait import wait_for_sessions
from skaha.models import DEFAULT_CORES, DEFAULT_RAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from skaha.cli._stdout import Item
    from skaha.errors import SkahaError
    from skaha.results import Launched, ResultDict
    from skaha.session import Session

# A desktop launches its apps itself.
_LAUNCH_KINDS = [kind for kind in KINDS if kind != "desktop-app"]
_COLUMNS = ("id", "name", "status")
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
# A list to read has no more sessions than these.
_MAX_LISTED = 20
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
        request = _Request(
            launch=functools.partial(session.create, **arguments),
            fields={f"{name}-{number}": fields for number in range(1, count + 1)},
            hint=f"skaha ps {name.lower()}-",
        )
        return _Launch(context, session, request, options).run()


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
    raise click.UsageError(f"{image!r} is a kind, and no image: write `{form}`")


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
            request = _Request(
                launch=functools.partial(
                    session.create_many, file.jobs, at_most=options["at_most"]
                ),
                fields=fields,
                hint="skaha ps",
            )
            return _Launch(context, session, request, options).run()
        except InvalidInputError as error:
            raise file.name_line(error) from None


def _refuse_options_without_end(kinds: set[str], options: Mapping[str, Any]) -> None:
    """Refuse the options that need the end of the sessions, if a kind runs until it is deleted."""
    if interactive := ", ".join(sorted(kinds - {"headless"})):
        if options["logs"]:
            raise click.UsageError(f"--logs needs the kind headless, not {interactive}")
        if options["rm"]:
            raise click.UsageError(
                f"--rm deletes sessions that have ended, and the kind {interactive} does not end "
                "by itself: leave --rm out, and run `skaha delete NAME` after your work"
            )
        if options["wait"] and "headless" in kinds:
            raise click.UsageError(
                f"--wait needs jobs of one sort: headless ones end, and {interactive} keeps running"
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


@frozen
class _Request:
    """A launch: the call that launches, and the kind and image of each replica by its name."""

    launch: Callable[..., Launched]
    fields: Mapping[str, Item]
    # The command that lists all sessions of the launch.
    hint: str

    @property
    def until(self) -> str:
        """The status to wait for."""
        kinds = {field["kind"] for field in self.fields.values()}
        return "finished" if kinds == {"headless"} else "Running"


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


class _Launch:
    """One launch: from the request to the report."""

    def __init__(
        self,
        context: CommandContext,
        session: Session,
        request: _Request,
        options: Mapping[str, Any],
    ) -> None:
        """Keep the launch and the options of the command."""
        self._context = context
        self._session = session
        self._request = request
        self._options = options

    def run(self) -> int:
        """Launch, wait, show logs and delete, as the options say; return the exit code."""
        from skaha.errors import SkahaError

        try:
            with progress("launching") as bar:
                launched = self._request.launch(progress=bar)
        except (KeyboardInterrupt, SkahaError) as error:
            partial: Launched | None = getattr(error, "partial", None)
            if partial is None or not (partial or isinstance(error, KeyboardInterrupt)):
                raise
            return self._report_partial(partial, error)
        try:
            code, ids = self._accompany(launched)
        except BaseException:
            self._stop(launched)
            raise
        left = self._clean_up(launched, ids)
        return code or (PARTLY if left else DONE)

    def _report_partial(self, launched: Launched, error: KeyboardInterrupt | SkahaError) -> int:
        """Report the sessions of a launch that stopped too early; return the exit code."""
        is_interrupted = isinstance(error, KeyboardInterrupt)
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else error_text(error)
        note(f"{reason}: {len(launched)} of {len(self._request.fields)} launched", "error")
        try:
            self._report(launched)
        finally:
            self._stop(launched)
            note(f"to list all sessions of this launch: {self._request.hint}")
        return INTERRUPTED if is_interrupted else PARTLY

    def _accompany(self, launched: Launched) -> tuple[int, list[str]]:
        """Wait for the sessions and show their logs, as the options say; report the sessions.

        Returns:
            The exit code, and the ids of the sessions to delete.
        """
        context, session, options = self._context, self._session, self._options
        if not (options["wait"] or options["logs"] or options["rm"]):
            return self._report(launched), []
        note(_announcement(launched))
        selected = SelectedSessions(
            {
                session_id: {"id": session_id, "name": name}
                for name, session_id in launched.names.items()
            }
        )
        is_live = options["logs"] and not context.output.is_data and context.timeout is None
        if is_live:
            follow_logs(context, session, selected)
        until = self._request.until
        statuses, bad = wait_for_sessions(session, selected, until, context.timeout)
        logs = self._read_logs(launched) if options["logs"] and not is_live else None
        unread = {} if logs is None else logs.failures
        failures = {
            selected.name(session_id): error for session_id, error in (unread | bad).items()
        }
        if options["rm"]:
            # A session that is missing may still run, and the log of a session ends with it.
            kept = {session_id for session_id in launched if statuses[session_id] == records.GONE}
            ids = [session_id for session_id in launched if session_id not in kept | unread.keys()]
        else:
            ids = [key for key, error in bad.items() if isinstance(error, TimeoutError)]
        if context.output.is_data or not options["logs"]:
            return self._report(launched, statuses, failures, logs), ids
        failures = launched.failures | failures
        show_logs(context, selected, logs or {}, failures=failures)
        any_done = len(unread | bad) < len(launched)
        return common_exit_code(failures.values(), any_done=any_done), ids

    def _read_logs(self, launched: Launched) -> ResultDict[str]:
        """Read the logs; keep those that were read if the rest cannot be read."""
        from skaha.errors import SkahaError

        try:
            return read_logs(self._session, launched)
        except SkahaError as error:
            if not error.partial:
                raise
            logs: ResultDict[str] = error.partial
            return logs

    def _stop(self, launched: Launched) -> None:
        """Clean up after an interruption or an error."""
        left = self._clean_up(launched, launched)
        if self._options["rm"]:
            note(f"deleted {len(launched) - len(left)} of {len(launched)}")

    def _clean_up(self, launched: Launched, ids: Iterable[str]) -> list[str]:
        """Delete sessions if the options say so; show the command that deletes the others.

        Returns:
            The ids of the sessions that are left.
        """
        from skaha.errors import SkahaError

        # A name does not prove that a session belongs to this launch.
        doubtful = [key for key in ids if key in launched.found_by_name.values()]
        own = [key for key in ids if key not in doubtful]
        results: ResultDict[bool] | None = None
        try:
            if self._options["rm"]:
                results = delete_sessions(self._session, own)
        except (KeyboardInterrupt, SkahaError) as error:
            results = getattr(error, "partial", None)
            if isinstance(error, KeyboardInterrupt):
                raise
            note(error_text(error), "error")
        finally:
            left = [key for key in own if results is None or _may_exist(key, results)]
            # The whole commands, so that they can be pasted.
            if left:
                note(f"to delete the launched sessions: skaha delete {' '.join(left)}")
            if doubtful:
                note(
                    "sessions that were found by name only are not deleted, because another "
                    "program may have launched them; to delete them if they are yours: "
                    f"skaha delete {' '.join(doubtful)}",
                    "warning",
                )
        return left + doubtful

    def _report(
        self,
        launched: Launched,
        statuses: Mapping[str, str] | None = None,
        failures: Mapping[str, Exception] | None = None,
        logs: Mapping[str, str] | None = None,
    ) -> int:
        """Report the replicas; return the exit code.

        Args:
            launched: The result of the launch.
            statuses: The last status of each session, by id.
            failures: The errors of sessions that did not end well, by replica name.
            logs: The log of each session, by id; `None` if the items have no logs.
        """
        items: dict[str, Item] = {}
        for name, session_id in launched.names.items():
            items[name] = {
                "id": session_id,
                "name": name.lower(),
                **self._request.fields[name],
                "status": (statuses or {}).get(session_id),
            }
            if name in launched.found_by_name:
                items[name]["found_by_name"] = True
            if name in launched.surplus:
                items[name]["surplus"] = launched.surplus[name]
            if logs is not None:
                items[name]["log"] = logs.get(session_id)
        all_failures = launched.failures | dict(failures or {})
        done = [item for name, item in items.items() if name not in all_failures]
        failed_items = {
            name: items.get(name)
            or {"id": None, "name": name.lower(), **self._request.fields[name], "status": None}
            for name in all_failures
        }
        for name in launched.uncertain:
            failed_items[name]["uncertain"] = True
        return self._context.report(
            done, _COLUMNS, failures=all_failures, failed_items=failed_items
        )


def _announcement(launched: Launched) -> str:
    sessions = [f"{name.lower()} ({session_id})" for name, session_id in launched.names.items()]
    more = f" and {len(sessions) - _MAX_LISTED} more" if len(sessions) > _MAX_LISTED else ""
    return f"launched {', '.join(sessions[:_MAX_LISTED])}{more}"


def _may_exist(session_id: str, deleted: ResultDict[bool]) -> bool:
    """Return whether a session may exist after its deletion was tried."""
    from skaha.errors import NotFoundError

    is_missing = isinstance(deleted.failures.get(session_id), NotFoundError)
    return not deleted.get(session_id) and not is_missing
