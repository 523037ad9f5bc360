"""Commands for the embedded platform: local start, status, stop, reset, serve."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NoReturn

import click

from skaha.cli._call import Call, SkahaGroup
from skaha.cli._codes import DONE, FAILED, NOT_FOUND

_COLUMNS = ("running", "url", "pid")
_RUNNING = re.compile(r"(\S+) \(process (\d+)\)")
_NOT_RUNNING = 3


@click.group("local", cls=SkahaGroup)
def local_command() -> None:
    """The embedded platform on this machine, for server 'local'."""


@local_command.command("start")
@click.pass_obj
def _start(call: Call) -> int:
    """Start it in the background, unless it runs."""
    return _report_after(call, "start")


@local_command.command("status")
@click.pass_obj
def _status(call: Call) -> int:
    """Show where it listens; the exit code is 5 if it does not run."""
    return _reported(call, _status_line(), absent=NOT_FOUND)


@local_command.command("stop")
@click.pass_obj
def _stop(call: Call) -> int:
    """End it, and what runs on it."""
    return _report_after(call, "stop")


@local_command.command("reset")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def _reset(call: Call, *, yes: bool) -> int:
    """End it and forget every session."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked: give --yes")
    if not yes and not click.confirm("End and forget every local session?", err=True):
        return FAILED
    return _report_after(call, "reset")


@local_command.command(
    "serve",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def _serve(options: tuple[str, ...]) -> NoReturn:
    """Run it in the foreground; --help shows its options."""
    import os

    # It becomes the platform: signals and the exit code are its own.
    os.execv(sys.executable, [sys.executable, "-m", "skaha.local", "serve", *options])  # noqa: S606


def _report_after(call: Call, action: str) -> int:
    if _run(action) is None:
        return FAILED
    return _reported(call, _status_line(), absent=DONE)


def _status_line() -> str | None:
    return _run("status")


def _reported(call: Call, line: str | None, *, absent: int) -> int:
    if line is None:
        return FAILED
    found = _RUNNING.search(line)
    url, pid = (found[1], int(found[2])) if found else (None, None)
    call.report([{"running": bool(found), "url": url, "pid": pid}], _COLUMNS, key="url")
    return DONE if found else absent


def _run(action: str) -> str | None:
    """Let the platform's own command line do it; return what it said, or `None` if it failed."""
    from skaha.cli._notes import note

    done = subprocess.run(  # noqa: S603  (this package)
        [sys.executable, "-m", "skaha.local", action], capture_output=True, text=True, check=False
    )
    if done.returncode in (DONE, _NOT_RUNNING):
        return done.stdout
    words = done.stderr.strip().splitlines() or [f"{action} failed"]
    note(words[-1].removeprefix("skaha.local: "), "error")
    return None
