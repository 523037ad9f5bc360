"""Check that the responses of a live platform conform to the description, `openapi/skaha.yaml`.

The check changes nothing on the platform, unless `--launch` is given: then it launches one headless
session and deletes it. The report contains no credentials, no ids, and no values of the platform,
except unknown words of open sets, for example a new status.

Exit status: 0 the platform conforms; 1 it differs, or a session may be left behind; 2 the check was
impossible: wrong usage, a wrong version, rejected credentials, no image, or no response at all; 130
interrupted.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict
from check import FIRST_REFUSAL, SUCCESS, Check, Response, UntriableError
from schemas import printable

from skaha import SkahaClient, config
from skaha.errors import SkahaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENDED = frozenset({"Succeeded", "Completed", "Failed", "Error"})
SETTLING = 10  # seconds until a launch or a deletion appears in the list

ID = re.compile(r"[A-Za-z0-9-]+")  # an id that needs no quoting in a path


def attempts(seconds: float) -> Iterator[None]:
    """Yield immediately, then after growing pauses, for this time."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        yield
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


class Launch:
    """One headless session of the check, from its launch to its deletion."""

    def __init__(self, check: Check, patience: float) -> None:
        """Prepare the launch.

        Args:
            check: The check that sends the requests.
            patience: Longest time in seconds to follow the session.
        """
        self._check = check
        self._patience = patience
        self._ids: set[str] = set()
        self._is_refused = False
        self.name = f"conformance-{secrets.token_hex(4)}"
        self.statuses: list[str] = []
        self.left = ""

    def run(self, image: str | None) -> None:
        """Launch the session, follow it, and delete it in any case.

        Args:
            image: The image of the session; by default the first listed image for headless
                sessions.

        Raises:
            UntriableError: If there is no image.
        """
        image = image or self._check.image
        if image is None:
            raise UntriableError("no image for headless sessions is listed: give --image")
        form = {"name": self.name, "image": image, "type": "headless"}
        self.left = f"a session named {self.name} may be left behind: look for it, and delete it"
        try:
            response = self._check.request(
                "create_session", form=form | {"cmd": "echo", "args": "conformance"}
            )
            if response is not None:
                self._is_refused = response.status in range(FIRST_REFUSAL, 500)
                self._follow(response)
        finally:
            if self._delete():
                self.left = ""

    def _follow(self, created: Response) -> None:
        if created.status not in SUCCESS:
            return
        session_id = created.text.strip()
        if not ID.fullmatch(session_id):
            self._add_difference("create_session", "the body is not an id")
            return
        self._ids.add(session_id)
        if session_id not in (self._list() or ()):
            self._add_difference("list_sessions", "the list does not contain the new session")
        for _ in attempts(self._patience):
            response = self._check.request("get_session", ids={"sessionID": session_id})
            if response is None or response.status not in SUCCESS:
                return
            self._inspect(session_id, response)
            if ENDED.intersection(self.statuses):
                return

    def _inspect(self, session_id: str, response: Response) -> None:
        """Send all requests about a session when it has a new status."""
        for record in response.records():
            status = printable(str(record.get("status")), 40)
            if self.statuses[-1:] != [status]:
                self.statuses.append(status)
                ids = {"sessionID": session_id}
                self._check.request("get_session_logs", ids=ids)
                self._check.request("get_session_events", ids=ids)
                self._check.request("renew_session", form={"action": "renew"}, ids=ids)

    def _delete(self) -> bool:
        """Delete the session and wait until it is gone; return whether it is gone."""
        deleted: set[str] = set()
        for _ in attempts(min(self._patience, SETTLING)):
            listed = self._list()
            for session_id in (self._ids | (listed or {}).keys()) - deleted:
                response = self._check.request("delete_session", ids={"sessionID": session_id})
                if response is not None and response.status in SUCCESS:
                    deleted.add(session_id)
            # If the response to the launch was lost, the session can appear in the list later.
            is_known = self._is_refused or self._ids or deleted
            if is_known and listed is not None and set(listed.values()) <= {"Terminating"}:
                return True
        return False

    def _list(self) -> dict[str, str] | None:
        """Return the status of each session with the name by id; `None` without a list."""
        response = self._check.request("list_sessions")
        if response is None or response.status not in SUCCESS:
            return None
        return {
            str(record["id"]): str(record.get("status"))
            for record in response.records()
            if record.get("name") == self.name and ID.fullmatch(str(record.get("id")))
        }

    def _add_difference(self, name: str, what: str) -> None:
        self._check.findings[name].add_difference(f"after the launch of {self.name}", what)


def parsed_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", required=True, help="base URL without the version, or `local`")
    parser.add_argument("--version", help="version of the API (default: v1)")
    credentials = parser.add_mutually_exclusive_group()
    credentials.add_argument(
        "--token-file", type=Path, help="file with a token (default: the configured credentials)"
    )
    credentials.add_argument("--token", help="a token; other users of this machine can see it")
    credentials.add_argument(
        "--certificate", type=Path, help="proxy certificate with its key, in PEM"
    )
    parser.add_argument("--launch", action="store_true", help="also run one headless session")
    parser.add_argument("--image", help="image of the session (default: the first listed image)")
    parser.add_argument(
        "--patience", type=float, default=120, help="seconds to follow the session (default: 120)"
    )
    parser.add_argument(
        "--timeout", type=float, default=30, help="seconds to wait for a response (default: 30)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def connect(options: argparse.Namespace) -> SkahaClient:
    """Return the client of the platform."""
    if options.token is not None:
        print("--token is visible in lists of processes: prefer --token-file", file=sys.stderr)
    names = ("server", "version", "token", "token_file", "certificate", "timeout")
    client = SkahaClient(**config.settings(**{name: getattr(options, name) for name in names}))
    # Without credentials, the platform would refuse every request.
    client._require_credentials()  # noqa: SLF001
    return client


def show(check: Check, launch: Launch | None) -> None:
    """Print the result for people."""
    for name, findings in check.findings.items():
        requests = f"requests: {findings.requests}" if findings.requests else ""
        facts = "; ".join(filter(None, (requests, findings.note)))
        print(f"{findings.verdict:9}  {name:24}  {facts}")
        for finding in findings.differences:
            print(f"    {finding}")
        for finding in findings.news:
            print(f"    news: {finding}")
    for name, members in check.unseen.items():
        print(f"no {name} contained {', '.join(members)}")
    verdicts = [findings.verdict for findings in check.findings.values()]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in ("ok", "differs", "not tried")]
    print(f"\n{len(verdicts)} operations: {', '.join(counts)}.")
    if launch is not None:
        statuses = ", ".join(launch.statuses) or "it never appeared"
        print(f"Launched {launch.name}: {statuses}.")


def show_json(check: Check, launch: Launch | None) -> None:
    """Print the result for programs."""
    operations = {
        name: {"verdict": findings.verdict} | asdict(findings)
        for name, findings in check.findings.items()
    }
    launched = None
    if launch is not None:
        launched = {"name": launch.name, "statuses": launch.statuses, "left": bool(launch.left)}
    report = {"operations": operations, "unseen": check.unseen, "launched": launched}
    print(json.dumps(report, indent=2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = parsed_arguments(arguments)
    try:
        client = connect(options)
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
        if not check.has_access:
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
    has_differences = any(findings.differences for findings in check.findings.values())
    return status or int(has_differences or bool(left))


if __name__ == "__main__":
    # SIGTERM must interrupt the check, which then deletes its session.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
