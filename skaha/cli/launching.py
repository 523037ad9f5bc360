"""The command that launches sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha.cli._call import Call, command
from skaha.cli._codes import INTERRUPTED, PARTLY, code_of_all
from skaha.cli._completion import complete_image
from skaha.cli._notes import note, progress
from skaha.cli._orders import command_line, invented_name, rehearse, variables
from skaha.cli._sessions import KINDS, Found
from skaha.cli.ending import end
from skaha.cli.logs import follow_logs, read_logs, show_logs
from skaha.cli.waiting import ended_badly, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skaha.results import Launched
    from skaha.session import Session

_COLUMNS = ("id", "name", "status")
_PLAN = ("name", "kind", "image", "cores", "ram_gib", "gpus", "cmd", "args")
# More ids than these are no command that anybody wants to copy.
_COPIED = 20


@command(
    "create",
    epilog="For example: skaha create images.canfar.net/skaha/terminal:1.1.2 --logs --rm "
    "-- python3 -c \"print('a  b')\"",
)
@click.argument("image", shell_complete=complete_image)
@click.argument("words", nargs=-1, metavar="[-- COMMAND [ARGUMENT]...]")
@click.option("-n", "--name", help="Name; the replicas are NAME-1, NAME-2, ...")
@click.option("-k", "--kind", type=click.Choice(KINDS[:-1]), default="headless", show_default=True)
@click.option("-r", "--replicas", type=int, default=1, show_default=True, help="How many.")
@click.option("-c", "--cores", type=float, help="CPU cores of each.")
@click.option("-m", "--ram", type=float, help="Memory of each, in GiB.")
@click.option("-g", "--gpu", type=int, help="GPUs of each.")
@click.option("--flexible", is_flag=True, help="Let the platform choose cores and memory.")
@click.option("-e", "--env", multiple=True, metavar="K[=V]", help="Environment variable.")
@click.option("--script", metavar="FILE", help="Run this bash script, with the ARGUMENTs.")
@click.option("--at-most", type=int, metavar="N", help="Have never more of yours active at once.")
@click.option("--wait", is_flag=True, help="Wait for the end, or until interactive ones run.")
@click.option("--logs", is_flag=True, help="Show what they print, until all have ended.")
@click.option("--rm", is_flag=True, help="Delete them at the end, and when interrupted.")
@click.option("--timeout", type=float, help="Seconds to wait; logs are shown at the end then.")
@click.option("--dry-run", is_flag=True, help="Check everything and show what would be sent.")
@click.pass_obj
def create_command(call: Call, /, image: str, words: tuple[str, ...], **options: Any) -> int:
    """Launch a session of an IMAGE, or many replicas of one.

    COMMAND and its arguments reach the container exactly as given.
    """
    if options["logs"] and options["kind"] != "headless":
        raise click.UsageError(f"--logs is for headless sessions, not for {options['kind']}")
    order = _order(image, words, options)
    if options["dry_run"]:
        with call.session(retry=False) as session:
            return call.report(rehearse(session, **order), _PLAN, key="name")
    with call.session() as session:
        launched = _launch(call, session, order, rm=options["rm"])
        if isinstance(launched, int):
            return launched
        return _accompanied(call, session, launched, order, options)


def _order(image: str, words: tuple[str, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    order = {"image": image, "kind": options["kind"], "replicas": options["replicas"]}
    order["name"] = options["name"] or invented_name(image)
    if options["flexible"]:
        if options["cores"] is not None or options["ram"] is not None:
            raise click.UsageError("--flexible leaves --cores and --ram to the platform")
        order |= {"cores": None, "ram": None}
    for name in ("cores", "ram", "gpu", "at_most"):
        if options[name] is not None:
            order[name] = _whole(options[name])
    if options["env"]:
        order["env"] = variables(options["env"])
    return order | command_line(words, options["script"])


def _whole(amount: float) -> float:
    # The options of a platform are whole numbers, mostly: 2 is asked for, and not 2.0.
    return int(amount) if float(amount).is_integer() else amount


def _launch(call: Call, session: Session, order: Mapping[str, Any], *, rm: bool) -> Launched | int:
    """Launch; if that stops on the way, say what there is by now and return the exit code."""
    from skaha.errors import SkahaError

    count = order["replicas"]
    try:
        with progress("launching") as shown:
            return session.create(**order, progress=shown.count)
    except (KeyboardInterrupt, SkahaError) as stop:
        launched: Launched | None = getattr(stop, "partial", None)
        if launched is None or not (launched or isinstance(stop, KeyboardInterrupt)):
            raise
        note(f"{_reason(stop)}: {len(launched)} of {count} launched", "error")
        _report(call, launched, order, {})
        clean_up(session, launched.names, rm=rm)
        note(f"what else there may be: skaha ps {order['name'].lower()}-")
        return INTERRUPTED if isinstance(stop, KeyboardInterrupt) else PARTLY


def _reason(stop: BaseException) -> str:
    return "interrupted" if isinstance(stop, KeyboardInterrupt) else str(stop)


def clean_up(session: Session, names: Mapping[str, str], *, rm: bool) -> None:
    """Delete what was launched, or say how to."""
    ids = list(names.values())
    if rm:
        done = end(session, ids)
        ids = [one for one, gone in done.items() if not gone]
        note(f"deleted {len(done) - len(ids)} of {len(done)}")
    if not ids:
        return
    shown = " ".join(ids[:_COPIED])
    more = f" (and {len(ids) - _COPIED} more)" if len(ids) > _COPIED else ""
    note(f"to delete what is there: skaha delete {shown}{more}")


def _report(
    call: Call,
    launched: Launched,
    order: Mapping[str, Any],
    statuses: Mapping[str, str],
    failures: Mapping[str, Exception] | None = None,
    logs: Mapping[str, str] | None = None,
) -> int:
    items = {
        name: {
            "id": one,
            "name": name.lower(),
            "kind": order["kind"],
            "image": order["image"],
            "status": statuses.get(one),
        }
        | ({} if logs is None else {"log": logs.get(one)})
        for name, one in launched.names.items()
    }
    failures = launched.failures | dict(failures or {})
    about = {name: items.get(name, {"id": None, "name": name.lower()}) for name in failures}
    done = [one for name, one in items.items() if name not in failures]
    return call.report(done, _COLUMNS, failures=failures, about=about)


def _accompanied(
    call: Call,
    session: Session,
    launched: Launched,
    order: Mapping[str, Any],
    options: Mapping[str, Any],
) -> int:
    """Stay with what was launched as long as was asked for."""
    if not (options["wait"] or options["logs"] or options["rm"]):
        return _report(call, launched, order, {})
    try:
        return _watched(call, session, launched, order, options)
    except BaseException:
        clean_up(session, launched.names, rm=options["rm"])
        raise


def _watched(
    call: Call,
    session: Session,
    launched: Launched,
    order: Mapping[str, Any],
    options: Mapping[str, Any],
) -> int:
    note(_announcement(launched))
    found = Found.of(launched.names)
    live = options["logs"] and not call.output.is_data and options["timeout"] is None
    if live:
        follow_logs(call, session, found)
    statuses, bad = _ends(session, found, order, options["timeout"])
    failures = {found.name(one): error for one, error in bad.items()}
    logs = read_logs(session, launched) if options["logs"] and not live else None
    if options["rm"]:
        end(session, launched)
    if call.output.is_data or not options["logs"]:
        return _report(call, launched, order, statuses, failures, logs)
    show_logs(call, found, logs or {}, failures=launched.failures | failures)
    errors = [*launched.failures.values(), *bad.values()]
    return code_of_all(errors, any_done=len(bad) < len(launched))


def _ends(
    session: Session, found: Found, order: Mapping[str, Any], timeout: float | None
) -> tuple[dict[str, str], dict[str, Exception]]:
    until = "finished" if order["kind"] == "headless" else "running"
    statuses, late = wait_for(session, found, until, timeout)
    return statuses, late | ended_badly(statuses, late, until, found.name)


def _announcement(launched: Launched) -> str:
    named = [f"{name.lower()} ({one})" for name, one in launched.names.items()]
    more = f" and {len(named) - _COPIED} more" if len(named) > _COPIED else ""
    return f"launched {', '.join(named[:_COPIED])}{more}"
