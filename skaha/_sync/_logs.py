# Made from skaha/_async/_logs.py by scripts/regenerate.py: edit that one.
"""What sessions print: read, saved, or followed live."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from skaha import _requests
from skaha._sansio import responses, validation
from skaha._sansio.log_tail import LogTail
from skaha._sansio.progress import Tally
from skaha._sansio.status_tracker import Watch
from skaha._sync._reading import Reading
from skaha._sync._spelling import also_as_id
from skaha._transport._sync.concurrency import pause
from skaha.records import known, sessions
from skaha.results import ResultDict, settled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from skaha.models import Progress

# What a name may add to the name of a file, which has its own limit.
_LONGEST_NAME = 100


class Logs(Reading):
    """The part of a session class that reads logs."""

    @overload
    def logs(
        self,
        ids: str | Sequence[str],
        verbose: Literal[False] = False,
        *,
        tail: int | None = None,
        progress: Progress | None = None,
    ) -> ResultDict[str]: ...

    @overload
    def logs(
        self,
        ids: str | Sequence[str],
        verbose: Literal[True],
        *,
        tail: int | None = None,
        progress: Progress | None = None,
    ) -> None: ...

    @also_as_id
    def logs(
        self,
        ids: str | Sequence[str],
        verbose: bool = False,
        *,
        tail: int | None = None,
        progress: Progress | None = None,
    ) -> ResultDict[str] | None:
        """Read what sessions have printed.

        Args:
            ids: One id or several.
            verbose: Print the logs instead of returning them.
            tail: Only so many lines from the end of each; `None` for all.
            progress: Called with how many are done, and how many there are.

        Returns:
            The log of each session by its id, in the order of `ids`; empty before the container
            starts and for a session that is not there. `None` when `verbose`.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> session.logs("hjko98yg")
            {'hjko98yg': ''}
        """
        validation.check_tail(tail)

        def read(session_id: str) -> str:
            request = _requests.get_session_logs(session_id)
            text = self._send(f"logs of {session_id}", request, responses.plain_text)
            return text if tail is None else _last_lines(text, tail)

        wanted = validation.check_ids(ids)
        found = self._send_many(read, wanted, Tally(progress, len(wanted)))
        logs = settled(ResultDict(found.values, found), found)
        if not verbose:
            return logs
        for session_id, text in logs.items():
            print(f"{session_id}:", text, sep="\n")  # noqa: T201  (what verbose asks for)
        return None

    @also_as_id
    def save_logs(
        self,
        ids: str | Sequence[str],
        directory: str | PathLike[str],
        *,
        progress: Progress | None = None,
    ) -> ResultDict[Path]:
        """Save what sessions have printed, one file a session.

        Logs go straight to the disk, so they may be larger than the memory.

        Args:
            ids: One id or several.
            directory: Where to save them; it is made if it is not there. A file of the same name
                is replaced when the new one is complete.
            progress: Called with how many are done, and how many there are.

        Returns:
            The file of each session by its id, in the order of `ids`: `<name>-<id>.log`.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.
            OSError: If the directory cannot be made, or nothing can be written there.

        Example:
            >>> from skaha import Session
            >>> import tempfile
            >>> session = Session(server="local")
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     saved = session.save_logs("hjko98yg", directory)
            ...     print(saved["hjko98yg"].name)
            hjko98yg.log
        """
        wanted = validation.check_ids(ids)
        folder = Path(directory).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        records = self.fetch() if wanted else []
        names = {str(one.get("id")): str(one.get("name", "")) for one in sessions(records)}

        def save(session_id: str) -> Path:
            # A platform's word becomes a file's name: nothing but what names are made of.
            name = re.sub(r"[^A-Za-z0-9-]", "", known(names.get(session_id)) or "")[:_LONGEST_NAME]
            path = folder / (f"{name}-{session_id}.log" if name else f"{session_id}.log")
            request = _requests.get_session_logs(session_id)
            self._send(f"logs of {session_id}", request, responses.saved, save_to=path)
            return path

        found = self._send_many(save, wanted, Tally(progress, len(wanted)))
        return settled(ResultDict(found.values, found), found)

    def follow(
        self,
        ids: str | Sequence[str],
        *,
        tail: int | None = None,
        poll: float = 0.5,
        longest_poll: float = 10,
    ) -> Iterator[tuple[str, str]]:
        """Follow what sessions print, line by line, until all of them have ended.

        Args:
            ids: One id or several.
            tail: Only so many lines from the end of what each has printed before; `None` for all.
            poll: Seconds from one look to the next while lines come; it grows by half each time
                that none came.
            longest_poll: Seconds from one look to the next at most.

        Yields:
            The id of a session and one line that it has printed, without its end. Every line comes
            once, those printed before the first look included.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> ids = session.create(
            ...     "echo", "images.canfar.net/skaha/terminal:1.1.2", cmd="echo", args="a line"
            ... )
            >>> for session_id, line in session.follow(ids):
            ...     print(line)
            a line
            >>> all((session.destroy(ids)).values())
            True
        """
        watch = Watch(validation.check_ids(ids))
        validation.check_tail(tail)
        validation.check_polls(poll, longest_poll)
        tails = {session_id: LogTail(tail) for session_id in watch.ids}
        seconds = poll
        while tails:
            # A session that has ended before its log is read has said all that it will.
            watch.look(self.fetch())
            ended = tails.keys() - set(watch.waiting)
            silent = True
            for session_id, log in (self._raw_logs(list(tails))).items():
                for line in tails[session_id].feed(log, ended=session_id in ended):
                    silent = False
                    yield session_id, line
                if session_id in ended:
                    del tails[session_id]
            seconds = min(seconds * 1.5, longest_poll) if silent else poll
            if tails:
                pause(seconds)

    def _raw_logs(self, ids: Sequence[str]) -> ResultDict[bytes]:
        def read(session_id: str) -> bytes:
            request = _requests.get_session_logs(session_id)
            return self._send(f"logs of {session_id}", request, responses.plain_bytes)

        found = self._send_many(read, ids)
        # What could not be read now is read the next time, unless no log could be.
        for error in found.failures.values():
            if not found.values or not error.concerns_platform:
                raise error
        return ResultDict(found.values, found)


def _last_lines(text: str, count: int) -> str:
    lines = text.split("\n")
    # What follows the last line feed is a line only if there is something.
    return "\n".join(lines[-count - (not lines[-1]) :])
