r"""The way of `cmd`, `args` and `env` into a job: substitution, the job template, and YAML.

The server does not quote these values. It builds a piece of YAML from them, and uses this piece as
the replacement text of a Java pattern: `$` starts a reference to a group, and a backslash is
removed. Then it reads the job as YAML, writes it again, and Kubernetes reads it.
"""

import base64
import re

from attrs import define, frozen

from skaha.local._api._errors import BadRequestError, InternalServerError
from skaha.local._api._yaml_words import read_name

# The text that `$0` means: the place of the piece in the template.
_PLACE = "${headless.image.bundle}"
# The place of the piece in the template of the observed site.
_FIRST_LINE, _FIRST_POSITION = 81, 2314

_REFERENCE = re.compile(r"\\(?P<escaped>.)|\$(?P<group>\{[A-Za-z0-9]*.?|.)", re.DOTALL)
_SCALAR = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_COMMA = re.compile(r"\s*,\s*")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# It begins before the first blank only: else the time would be quadratic in the number of blanks.
_FOLD = re.compile(r"(?<![ \t])[ \t]*(?:(?:\r\n|[\r\n\x85])[ \t]*)+")
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U(000[0-9A-Fa-f]{5})|(.))",
    re.DOTALL,
)
_ESCAPE_LETTERS = '0abtnvfre "/\\N_LP'
_ESCAPES = dict(
    zip(
        _ESCAPE_LETTERS,
        '\0\a\b\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029',
        strict=True,
    )
)
_SNIPPET = 36
_PAIR = 2


@frozen
class Command:
    """The command of a job as Kubernetes gets it."""

    cmd: str | None
    args: tuple[str, ...] | None
    env: tuple[tuple[str, str], ...]


def parse_command(cmd: str | None, args: str | None, env: list[str]) -> Command:
    """Return the command that arrives in the job.

    Raises:
        BadRequestError: A value contains a reference to a group.
        InternalServerError: The job is not valid YAML.
    """
    words = None if args is None else _split(args, " ")
    # The server drops an entry without a name, without a value, or with a `=` in its value.
    pairs = [parts for entry in env if len(parts := _split(entry, "=")) == _PAIR]
    lines = []
    if cmd is not None:
        lines.append(f'        command: ["{cmd}"]')
    if words is not None:
        items = ", ".join(f'"{word}"' for word in words)
        lines.append(f"        args: [{items}]")
    if pairs:
        lines.append("        env:")
    for name, value in pairs:
        lines += [f"        - name: {name}", f'          value: "{value}"']
    reader = _Reader(_substitute("\n".join([*lines, ""])))
    reader.check_characters()
    program, *first_words = [None] if cmd is None else reader.sequence("command") or [""]
    rest = None if words is None else reader.sequence("args")
    if pairs:
        reader.skip("        env:\n")
    return Command(
        cmd=program,
        args=None if rest is None and not first_words else (*first_words, *(rest or [])),
        env=tuple(reader.variable() for _ in pairs),
    )


def _split(value: str, separator: str) -> list[str]:
    parts = value.split(separator)
    # Java drops empty parts at the end, except the only part of an empty text.
    while value and parts and not parts[-1]:
        parts.pop()
    return parts


def _substitute(text: str) -> str:
    return _REFERENCE.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    if (escaped := match["escaped"]) is not None:
        return escaped
    group = match["group"]
    if group == "0":
        return _PLACE
    if group.isascii() and group.isdigit():
        raise InternalServerError(f"java.lang.IndexOutOfBoundsException: No group {group}")
    if not group.startswith("{"):
        raise BadRequestError("Illegal group reference")
    name, end = group[1:-1], group[-1]
    if not name:
        raise BadRequestError("named capturing group has 0 length name")
    if end != "}":
        raise BadRequestError("named capturing group is missing trailing '}'")
    if name[0].isdigit():
        raise BadRequestError(f"capturing group name {{{name}}} starts with digit character")
    raise BadRequestError(f"No group with name {{{name}}}")


@define
class _Reader:
    """Read the piece of YAML, as far as values of `cmd`, `args` and `env` can change its form."""

    text: str
    position: int = 0

    def check_characters(self) -> None:
        """Refuse control characters."""
        if match := _UNPRINTABLE.search(self.text):
            character, position = match[0], _FIRST_POSITION + match.start()
            raise InternalServerError(
                f"unacceptable code point '{character}' (0x{ord(character):x}) special characters"
                f" are not allowed\nin \"'reader'\", position {position}",
            )

    def sequence(self, key: str) -> list[str]:
        """Read a key with a list of texts."""
        self.skip(f"        {key}: ")
        start = self.position
        self.skip("[")
        items: list[str] = []
        while not self._skips("]"):
            separator = _COMMA.match(self.text, self.position) if items else None
            if separator is not None:
                self.position = separator.end()
            scalar = _SCALAR.match(self.text, self.position)
            if scalar is None or (items and separator is None):
                raise self._error("a flow sequence", start, "expected ',' or ']', but got <scalar>")
            self.position = scalar.end()
            items.append(_decode(scalar[1]))
        self.skip("\n")
        return items

    def variable(self) -> tuple[str, str]:
        """Read the name and the value of a variable."""
        self.skip("        - name: ")
        start = self.position
        name = self._line()
        self.skip("          value: ")
        scalar = _SCALAR.match(self.text, self.position)
        self.position = scalar.end() if scalar else self.position
        if scalar is None or not self._skips("\n"):
            raise self._error(
                "a block mapping",
                start - len("name: "),
                "expected <block end>, but found '<scalar>'",
            )
        return read_name(name), _decode(scalar[1])

    def skip(self, text: str) -> None:
        """Pass over a text that must come next."""
        if not self._skips(text):
            raise self._error(
                "a block mapping", self.position, f"could not find expected '{text.strip()}'"
            )

    def _skips(self, text: str) -> bool:
        found = self.text.startswith(text, self.position)
        self.position += len(text) * found
        return found

    def _line(self) -> str:
        start, end = self.position, self.text.find("\n", self.position)
        self.position = end + 1
        return self.text[start:end]

    def _error(self, context: str, start: int, problem: str) -> InternalServerError:
        return InternalServerError(
            f"while parsing {context}\n{self._mark(start)}{problem}\n{self._mark(self.position)}"
        )

    def _mark(self, position: int) -> str:
        """Return the place of a position in the template, like SnakeYAML."""
        lines = self.text[:position].split("\n")
        line, column = len(lines) - 1, len(lines[-1])
        whole = self.text.split("\n")[line]
        before, after = whole[:column], whole[column:]
        if len(before) > _SNIPPET:
            before = f" ... {before[5 - _SNIPPET :]}"
        if len(after) > _SNIPPET:
            after = f"{after[: _SNIPPET - 5]} ... "
        return (
            f" in 'reader', line {_FIRST_LINE + line}, column {column + 1}:\n"
            f"    {before}{after}\n    {' ' * len(before)}^\n"
        )


def _decode(scalar: str) -> str:
    """Return the text of a scalar between double quotes, as it arrives in the job."""
    text = _ESCAPE.sub(_unescape, _FOLD.sub(_fold, scalar))
    # A text with control characters becomes binary when the server writes the job.
    return base64.b64encode(text.encode()).decode() if _UNPRINTABLE.search(text) else text


def _fold(match: re.Match[str]) -> str:
    breaks = len(re.findall(r"\r\n|[\r\n\x85]", match[0]))
    return "\n" * (breaks - 1) or " "


def _unescape(match: re.Match[str]) -> str:
    *codes, character = match.groups()
    if code := next(filter(None, codes), None):
        return chr(int(code, 16))
    if character not in _ESCAPES:
        raise InternalServerError(
            "while scanning a double-quoted scalar\nfound unknown escape character"
            f" {character}({ord(character)})"
        )
    return _ESCAPES[character]
