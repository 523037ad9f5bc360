"""The file of `skaha create --jobs`: one JSON object in each line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from skaha.cli.commands._input_file import read_input_file

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
        self._source = "standard input" if path == "-" else path
        self.jobs: list[dict[str, Any]] = []
        self._lines: list[int] = []
        # Not `splitlines`: a text in JSON may contain other separators of lines.
        for number, line in enumerate(read_input_file("--jobs", path).split("\n"), 1):
            if line.strip():
                self.jobs.append(_job(line, self._place(number)))
                self._lines.append(number)
        if not self.jobs:
            raise click.UsageError(f"--jobs: there is no job in {self._source}")

    def _place(self, number: int) -> str:
        return f"line {number} of {self._source}"

    def name_line(self, error: Exception) -> Exception:
        """Replace the number of the job by the number of its line in the subject of an error."""
        subject = getattr(error, "subject", None)
        for index, number in enumerate(self._lines):
            if subject == f"jobs[{index}]":
                vars(error)["subject"] = self._place(number)
        return error

    def fields(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name of each job, and its kind and image."""
        for job in self.jobs:
            kind = job.get("kind", "headless")
            yield str(job.get("name")), {"kind": kind, "image": job.get("image")}


def _job(line: str, place: str) -> dict[str, Any]:
    try:
        job = json.loads(line)
    except RecursionError:
        raise click.UsageError(f"--jobs: {place} is nested too deeply") from None
    except ValueError as error:
        # JSON counts the lines of this text, which is a single line of the file.
        problem = str(error).replace("line 1 column", "column")
        raise click.UsageError(f"--jobs: {place} is not a JSON object: {problem}") from None
    if not isinstance(job, dict):
        raise click.UsageError(f"--jobs: {place} is not a JSON object: it has another type")
    return job
