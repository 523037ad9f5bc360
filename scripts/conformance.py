"""Hold a live platform's answers against the description, `openapi/skaha.yaml`.

It only reads, unless `--launch` has it run one headless session of its own, which it deletes. What
it reports shows no credentials, no ids, and none of the values that the platform answered but for
words of open sets, like a status.

Exit status: 0 the platform conforms; 1 it differs, or a session may be left behind; 2 it could not
be tried: wrong usage, no credentials that it takes, no image, or nobody there; 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from check import DONE, FIRST_REFUSAL, Answer, Check, UntriableError
from schemas import printable

from skaha import SkahaClient, config
from skaha.errors import SkahaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENDED = frozenset({"Succeeded", "Completed", "Failed", "Error"})
SETTLING = 10  # seconds until a launch or a deletion shows in the list

ID = re.compile(r"[A-Za-z0-9-]+")  # what can be put into a path as it is


def looks(seconds: float) -> Iterator[None]:
    """Give a turn now, and further ones after growing pauses, for so many seconds."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        yield
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


class Launch:
    """One headless session of our own, from its launch until it is gone."""

    def __init__(self, check: Check, patience: float) -> None:
        """Launch nothing yet; follow the session for so many seconds at most."""
        self._check = check
        self._patience = patience
        self._ids: set[str] = set()
        self._refused = False
        self.name = f"conformance-{secrets.token_hex(4)}"
        self.statuses: list[str] = []
        self.left = ""

    def run(self, image: str | None) -> None:
        """Launch it, follow it, and delete it whatever happens.

        Args:
            image: Its image, if not the first one that the platform lists for headless sessions.

        Raises:
            UntriableError: If there is no image.
        """
        image = image or self._check.image
        if image is None:
            raise UntriableError("no image for headless sessions is listed: give --image")
        form = {"name": self.name, "image": image, "type": "headless"}
        self.left = f"a session named {self.name} may be left behind: look for it, and delete it"
        try:
            answer = self._check.ask(
                "create_session", form=form | {"cmd": "echo", "args": "conformance"}
            )
            if answer is not None:
                self._refused = answer.status in range(FIRST_REFUSAL, 500)
                self._follow(answer)
        finally:
            if self._deleted():
                self.left = ""

    def _follow(self, created: Answer) -> None:
        if created.status not in DONE:
            return
        session_id = created.text.strip()
        if not ID.fullmatch(session_id):
            self._differs("create_session", "the body is not an id")
            return
        self._ids.add(session_id)
        if session_id not in (self._listed() or ()):
            self._differs("list_sessions", "the session that was just launched is not listed")
        for _ in looks(self._patience):
            answer = self._check.ask("get_session", ids={"sessionID": session_id})
            if answer is None or answer.status not in DONE:
                return
            self._look(session_id, answer)
            if ENDED.intersection(self.statuses):
                return

    def _look(self, session_id: str, answer: Answer) -> None:
        """Ask for all that can be asked of a session, when its status is a new one."""
        for record in answer.records():
            status = printable(str(record.get("status")), 40)
            if self.statuses[-1:] != [status]:
                self.statuses.append(status)
                ids = {"sessionID": session_id}
                self._check.ask("get_session_logs", ids=ids)
                self._check.ask("get_session_events", ids=ids)
                self._check.ask("renew_session", form={"action": "renew"}, ids=ids)

    def _deleted(self) -> bool:
        """Delete it and wait until it is gone; say whether it is."""
        done: set[str] = set()
        for _ in looks(min(self._patience, SETTLING)):
            listed = self._listed()
            for session_id in (self._ids | (listed or {}).keys()) - done:
                answer = self._check.ask("delete_session", ids={"sessionID": session_id})
                if answer is not None and answer.status in DONE:
                    done.add(session_id)
            # A launch whose answer was lost may take a while to show.
            known = self._refused or self._ids or done
            if known and listed is not None and set(listed.values()) <= {"Terminating"}:
                return True
        return False

    def _listed(self) -> dict[str, str] | None:
        """Return the status of each session with the name, by id; None if nobody tells."""
        answer = self._check.ask("list_sessions")
        if answer is None or answer.status not in DONE:
            return None
        return {
            str(record["id"]): str(record.get("status"))
            for record in answer.records()
            if record.get("name") == self.name and ID.fullmatch(str(record.get("id")))
        }

    def _differs(self, name: str, what: str) -> None:
        self._check.findings[name].differs(f"after the launch of {self.name}", what)


def parsed_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", required=True, help="base URL without the version, or `local`")
    parser.add_argument("--version", help="version of the API (default: v1)")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--token-file", type=Path, help="file with a token (else: as configured)")
    who.add_argument("--token", help="a token; others on this machine can see it here")
    who.add_argument("--certificate", type=Path, help="proxy certificate with its key, in PEM")
    parser.add_argument("--launch", action="store_true", help="run one headless session, too")
    parser.add_argument("--image", help="its image (default: the first one that is listed)")
    parser.add_argument(
        "--patience", type=float, default=120, help="seconds to follow it at most (default: 120)"
    )
    parser.add_argument(
        "--timeout", type=float, default=30, help="seconds to wait for an answer (default: 30)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def connected(options: argparse.Namespace) -> SkahaClient:
    """Return the client of the platform that was asked for."""
    if options.token is not None:
        print("--token shows in lists of processes: prefer --token-file", file=sys.stderr)
    names = ("server", "version", "token", "token_file", "certificate", "timeout")
    client = SkahaClient(**config.settings(**{name: getattr(options, name) for name in names}))
    client._require_credentials()  # noqa: SLF001  (or all that can be said is what it refuses)
    return client


def show(check: Check, launch: Launch | None) -> None:
    """Print what was found out, for people."""
    for name, findings in check.findings.items():
        requests = f"requests: {findings.requests}" if findings.requests else ""
        facts = "; ".join(filter(None, (requests, findings.note)))
        print(f"{findings.verdict:9}  {name:24}  {facts}")
        for finding in findings.differences:
            print(f"    {finding}")
        for finding in findings.news:
            print(f"    news: {finding}")
    verdicts = [one.verdict for one in check.findings.values()]
    counts = [f"{verdicts.count(one)} {one}" for one in ("ok", "differs", "not tried")]
    print(f"\n{len(verdicts)} operations: {', '.join(counts)}.")
    if launch is not None:
        print(f"Launched {launch.name}: {', '.join(launch.statuses) or 'it was never seen'}.")


def show_json(check: Check, launch: Launch | None) -> None:
    """Print what was found out, for programs."""
    operations = {
        name: {"verdict": findings.verdict} | dataclasses.asdict(findings)
        for name, findings in check.findings.items()
    }
    launched = None
    if launch is not None:
        launched = {"name": launch.name, "statuses": launch.statuses, "left": bool(launch.left)}
    print(json.dumps({"operations": operations, "launched": launched}, indent=2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = parsed_arguments(arguments)
    try:
        client = connected(options)
    except (SkahaError, OSError, UnicodeError) as error:
        print(error, file=sys.stderr)
        return 2
    check, launch, status = Check(client), None, 0
    try:
        check.read()
        if options.launch:
            launch = Launch(check, options.patience)
            launch.run(options.image)
    except UntriableError as error:
        print(error, file=sys.stderr)
        status = 2
        if not check.accepted:
            return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    finally:
        client.api.close()
    (show_json if options.json else show)(check, launch)
    left = launch.left if launch is not None else ""
    if left:
        print(left, file=sys.stderr)
    differs = any(findings.differences for findings in check.findings.values())
    return status or int(differs or bool(left))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is launched is deleted
    sys.exit(main())
