"""Find and check the blocks of code on the pages of the documentation.

The tests do what a reader of a page does: they run its blocks from top to bottom, all in one
directory. The language of a block says how it is checked:

- `python` runs, and may use `await`. `pycon` runs, and must print the output that it shows. Both
  share their variables.
- `sh` runs with bash and must succeed. `console` shows commands after `$ ` (a continued line
  starts with `> `); they run on a terminal of 100 columns and must print the output that the
  block shows, where `...` stands for any text.
- `toml`, `json` and `yaml` are parsed; a configuration file must also be valid. `text` is not
  checked.

In a table with a column `Python` or `command line`, the code of each cell is a block: `python` or
`sh`. A reader follows such a table column by column.

A comment directly before a block, or in a cell, changes this: `<!-- saved as: work.py -->` saves
the block to a file, for the blocks below it, and `<!-- not run: REASON -->` skips the block.

The blocks of a page share one terminal: a directory that a block enters and a variable that it
exports also apply to all later blocks, `python` included.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import json
import os
import re
import subprocess
import tempfile
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import yaml
from markdown_it import MarkdownIt

from skaha import SkahaClient, config

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# The reasons for which a block may be skipped.
REASONS = (
    "installs packages",
    "checks the whole project",
    "needs an account on a platform",
    "needs a network",
    "needs a browser",
    "needs a container engine",
    "asks at the terminal",
    "publishes a release",
    "runs until it is stopped",
    "takes minutes",
    "changes the project",
)
# The build of the site checks these blocks: it treats warnings as errors.
DIRECTIVES = ("{toctree}", "{eval-rst}", "{index}", "{literalinclude}")

# The languages of the code in the cells of a table, by the heading of the column.
_COLUMNS = {"Python": "python", "command line": "sh"}

_COMMENT = re.compile(r"<!-- (saved as|not run): (.+?) -->\s*")
# Every shell sets these variables itself.
_SHELL_VARIABLES = {"_", "OLDPWD", "PWD", "SHLVL"}
_DOCTEST_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_TIMEOUT = 180  # seconds
# This line separates the output of one command from the output of the next.
_MARK = "----end-of-command----"


@dataclass(frozen=True)
class Block:
    """One block of code of a page, and the comment before it.

    Attributes:
        instruction: "saved as", "not run", or empty.
        argument: The file name or the reason in the comment.
    """

    page: Path
    line: int
    language: str
    text: str
    instruction: str = ""
    argument: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, text: str | None = None) -> Iterator[Block]:
    """Find the blocks of code of a page."""
    previous = None
    rows: list[list[Token]] = []
    for token in MarkdownIt().enable("table").parse(text or page.read_text(encoding="utf-8")):
        if token.type in {"fence", "code_block"}:
            is_after_html = previous and previous.type == "html_block"
            comment = is_after_html and _COMMENT.fullmatch(previous.content)
            instruction, argument = comment.groups() if comment else ("", "")
            language = token.info.split(" ")[0]
            assert token.map is not None
            yield Block(page, token.map[0] + 1, language, token.content, instruction, argument)
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and previous and previous.type in {"th_open", "td_open"}:
            rows[-1].append(token)
        elif token.type == "table_close":
            yield from _cells(page, rows)
        previous = token


def _cells(page: Path, rows: list[list[Token]]) -> Iterator[Block]:
    for heading, *cells in zip(*rows, strict=True):
        if language := _COLUMNS.get(heading.content):
            for cell in cells:
                assert cell.map is not None
                nodes = cell.children or []
                code = "\n".join(node.content for node in nodes if node.type == "code_inline")
                comment = _COMMENT.search(cell.content)
                instruction, argument = comment.groups() if comment else ("", "")
                yield Block(page, cell.map[0] + 1, language, code, instruction, argument)


def problem(block: Block) -> str | None:
    """Return a message if a block is not written in an allowed form."""
    if not block.text.strip() and block.language not in DIRECTIVES:
        return "it has no code"
    if block.language not in DIRECTIVES and not hasattr(Reader, f"_on_{block.language}"):
        return f"no language, or an unknown one: {block.language!r}"
    if block.instruction == "not run" and block.argument not in REASONS:
        return f"{block.argument!r} is not one of the allowed reasons"
    if block.language == "console" and not block.text.startswith("$ "):
        return "it does not begin with a command after '$ '"
    return None


def run(example: doctest.Example, names: dict[str, object], runner: asyncio.Runner) -> str:
    """Run one example, which may use `await`; return its output, or the error that it expects."""
    code = compile(example.source, "<example>", "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            result = eval(code, names)
            if inspect.iscoroutine(result):
                runner.run(result)
        except Exception as error:
            if example.exc_msg is None:
                raise
            return traceback.format_exception_only(error)[0]
    return printed.getvalue()


def check(example: doctest.Example, printed: str, flags: int = 0) -> None:
    """Raise if the output of an example differs from the output that it shows."""
    shown = example.exc_msg or example.want
    flags |= sum(flag for flag, wanted in example.options.items() if wanted)
    assert doctest.OutputChecker().check_output(shown, printed, flags), (
        f"{example.source}printed {printed!r}, not {shown!r}"
    )


def clients(names: dict[str, object]) -> list[SkahaClient]:
    """Return the clients among the variables; short examples do not close them."""
    return [value for value in names.values() if isinstance(value, SkahaClient)]


def close(opened: list[SkahaClient], runner: asyncio.Runner) -> None:
    """Close clients of both variants."""
    for client in opened:
        client.api.close()
        runner.run(client.api.aclose())


class Reader:
    """Runs the blocks of one page in the working directory."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.names: dict[str, object] = {"__name__": "__main__"}
        self.opened: list[SkahaClient] = []
        self._runner = runner

    def follow(self, block: Block) -> None:
        """Check a block in the way that its language and its comment require."""
        if block.instruction == "saved as":
            Path(block.argument).write_text(block.text, encoding="utf-8")
        elif block.argument == "needs an account on a platform":
            assert os.environ.get("SKAHA_SERVER") != "local", f"{block.place} runs on the laptop"
        elif block.instruction != "not run" and block.language not in DIRECTIVES:
            try:
                getattr(self, f"_on_{block.language}")(block)
            except BaseException as error:
                error.add_note(f"in the block at {block.place}")
                raise
            finally:
                self.opened += clients(self.names)

    def _on_python(self, block: Block) -> None:
        # The empty lines give a traceback the line numbers of the page.
        text = "\n" * block.line + block.text
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(text, str(block.page), "exec", flags, dont_inherit=True)
        result = eval(code, self.names)
        if inspect.iscoroutine(result):
            self._runner.run(result)

    def _on_pycon(self, block: Block) -> None:
        for example in doctest.DocTestParser().get_examples(block.text):
            check(example, run(example, self.names, self._runner), _DOCTEST_FLAGS)

    def _on_sh(self, block: Block) -> None:
        with _exported() as save:
            command = ["bash", "-euo", "pipefail", "-c", block.text + save]
            subprocess.run(command, check=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL)

    def _on_console(self, block: Block) -> None:
        examples = list(_commands(block.text))
        script = "".join(f"{example.source}\necho {_MARK}\n" for example in examples)
        with (
            _exported() as save,
            pexpect.spawn(
                "bash",
                ["-c", script + save],
                timeout=_TIMEOUT,
                dimensions=(24, 100),
                encoding="utf-8",
            ) as terminal,
        ):
            terminal.expect(pexpect.EOF)
        *outputs, _ = terminal.before.replace("\r\n", "\n").split(f"{_MARK}\n")
        for example, output in zip(examples, outputs, strict=True):
            check(example, output, _DOCTEST_FLAGS)

    def _on_toml(self, block: Block) -> None:
        if "profiles" not in tomllib.loads(block.text):
            return
        path = Path(os.environ["SKAHA_CONFIG"])
        path.write_text(block.text, encoding="utf-8")
        path.chmod(0o600)
        config.settings()
        path.unlink()

    def _on_json(self, block: Block) -> None:
        json.loads(block.text)

    def _on_yaml(self, block: Block) -> None:
        yaml.safe_load(block.text)

    def _on_text(self, block: Block) -> None:
        """Check nothing."""


@contextlib.contextmanager
def _exported() -> Iterator[str]:
    """Yield a shell command that saves a shell's variables and directory; apply them at the end."""
    with tempfile.NamedTemporaryFile() as file:
        yield f"\nenv -0 > {file.name}\n"
        pairs = [pair.partition("=") for pair in file.read().decode().split("\0") if pair]
    os.chdir(next(value for name, _, value in pairs if name == "PWD"))
    variables = {name: value for name, _, value in pairs if name not in _SHELL_VARIABLES}
    for name in os.environ.keys() - variables.keys() - _SHELL_VARIABLES:
        del os.environ[name]
    os.environ.update(variables)


def _commands(text: str) -> Iterator[doctest.Example]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        first, *lines = part.splitlines()
        command = [first]
        while lines and lines[0].startswith("> "):
            command.append(lines.pop(0)[2:])
        yield doctest.Example("\n".join(command) + "\n", "".join(f"{line}\n" for line in lines))
