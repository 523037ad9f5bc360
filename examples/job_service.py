"""An async service: every script that you move into a folder runs as a session.

    python examples/job_service.py FOLDER                   on this machine
    python examples/job_service.py FOLDER --server URL ...  on a platform

The service launches each script `NAME.sh`, watches its session, and moves the script with its log
to `FOLDER/done` or `FOLDER/failed`. Move a script into the folder when its text is complete. Ctrl-C
and SIGTERM delete the running sessions and return their scripts to the folder. After a kill, the
next start deletes the remaining sessions and launches their scripts again. The service finds its
sessions by their names, so two services need two folders and two names.

The scripts are sent with the launch: the platform needs no files.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

from skaha import AsyncSession
from skaha.errors import SkahaError
from skaha.helpers import shell
from skaha.records import SUCCESS

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
POLL_SECONDS = 0.5

log = logging.getLogger("jobs")


class Service:
    """Launches the scripts of a folder, and watches their sessions to the end."""

    def __init__(self, session: AsyncSession, options: argparse.Namespace) -> None:
        """Keep the session class and the options of the command line."""
        self.session = session
        self.image: str = options.image
        self.folder: Path = options.folder
        self.prefix = f"{options.name}-"
        self.at_most: int = options.at_most
        self.drain: bool = options.drain
        self.jobs: set[asyncio.Task[None]] = set()
        self.counts = {"done": 0, "failed": 0}

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, or with `--drain` until no script is left."""
        for name in ("running", *self.counts):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        await self.clean_up()
        try:
            while not stop.is_set():
                self.take_scripts()
                if self.drain and not self.jobs:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), POLL_SECONDS)
        finally:
            for job in self.jobs:
                job.cancel()
            await asyncio.gather(*self.jobs, return_exceptions=True)
            await self.clean_up()

    def take_scripts(self) -> None:
        """Start jobs until `at_most` of them are active."""
        for job in [job for job in self.jobs if job.done()]:
            self.jobs.remove(job)
            job.result()
        for script in sorted(self.folder.glob("*.sh"))[: self.at_most - len(self.jobs)]:
            running = script.rename(self.folder / "running" / script.name)
            self.jobs.add(asyncio.create_task(self.run(running)))

    async def run(self, script: Path) -> None:
        """Run a script to its end, and store it with its log."""
        try:
            text, result = await self.outcome(script)
        except (SkahaError, OSError, UnicodeError) as error:
            text, result = f"{error}\n", "failed"
        (self.folder / result / f"{script.stem}.log").write_text(text, encoding="utf-8")
        script.rename(self.folder / result / script.name)
        self.counts[result] += 1
        log.info("%s: %s", script.name, result)

    async def outcome(self, script: Path) -> tuple[str, str]:
        """Launch a script, watch its session and clean up; return its log and its result."""
        name = self.prefix + re.sub("[^A-Za-z0-9]+", "-", script.stem).strip("-")
        command = shell.script(script.read_text(encoding="utf-8"))
        ids = await self.session.create(name, self.image, 1, 1, **command)

        def show(statuses: dict[str, str]) -> None:
            log.info("%s: session %s is %s", script.name, ids[0], statuses[ids[0]])

        try:
            statuses = await self.session.wait(ids, progress=show)
            logs = await self.session.logs(ids)
        finally:
            await self.session.destroy(ids)
        return logs.get(ids[0], ""), "done" if statuses[ids[0]] in SUCCESS else "failed"

    async def clean_up(self) -> None:
        """Delete the remaining sessions, and return their scripts to the folder."""
        await self.session.destroy_with(self.prefix, status=None)
        for script in sorted((self.folder / "running").glob("*.sh")):
            script.rename(self.folder / script.name)
            log.info("%s: put back into the folder", script.name)


async def serve(options: argparse.Namespace) -> int:
    """Serve until the end or a signal; return the number of scripts that failed."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncSession(server=options.server) as session:
        service = Service(session, options)
        log.info("at %s, from %s", options.server, options.folder)
        await service.serve(stop)
    log.info("%s: %s", "stopped" if stop.is_set() else "finished", service.counts)
    return service.counts["failed"]


def main() -> None:
    """Run the service; the exit code is 1 if a script failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder of the scripts")
    parser.add_argument("--server", default="local", help="URL of a platform (default: local)")
    parser.add_argument("--image", default=IMAGE, help=f"image of the sessions (default: {IMAGE})")
    parser.add_argument("--name", default="script-service", help="prefix of the session names")
    parser.add_argument("--at-most", type=int, default=4, help="most active sessions (default: 4)")
    parser.add_argument("--drain", action="store_true", help="end when no script is left")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    sys.exit(asyncio.run(serve(options)) > 0)


if __name__ == "__main__":
    main()
