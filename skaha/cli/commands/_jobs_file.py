"""The file of `skaha create --jobs`: one JSON object in each line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


class JobsFile:
    """The jobs in a file, and the line of each job.

    A job is a JSON object with the arguments of `Session.create`, except `replicas`.
    """

    def __init__(self, path: str) -> None:
        """Read the file; `-` is standard input.

        Raises:
            click.UsageError: If the file cannot be read, or a line is no JSON object.
        """
        self.path = path
        self.jobs: list[dict[str, Any]] = []
        self._lines: list[int] = []
        for number, line in enumerate(_text(path).splitlines(), 1):
            if line.strip():
                self.jobs.append(_job(line, f"{path}, line {number}"))
                self._lines.append(number)
        if not self.jobs:
            raise click.UsageError(f"--jobs: there is no job in {path}")

    def name_line(self, error: Exception) -> Exception:
        """Replace the number of the job by the number of its line in the subject of an error."""
        subject = getattr(error, "subject", None)
        for index, number in enumerate(self._lines):
            if subject == f"jobs[{index}]":
                vars(error)["subject"] = f"{self.path}, line {number}"
        return error

    def fields(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name of each job, and its kind and image."""
        for job in self.jobs:
            kind = job.get("kind", "headless")
            yield str(job.get("name")), {"kind": kind, "image": job.get("image")}


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.UsageError(f"--jobs: {path} cannot be read: {reason}") from None


def _job(line: str, place: str) -> dict[str, Any]:
    try:
        job = json.loads(line)
    except ValueError as error:
        raise click.UsageError(f"--jobs: {place}: {error}") from None
    if not isinstance(job, dict):
        raise click.UsageError(f"--jobs: {place}: a job must be a JSON object")
    return job
