"""Compare a platform's published description with ours, `openapi/skaha.yaml`.

SOURCE is a file or a URL, in Swagger 2.0 or OpenAPI 3.x, as YAML or JSON. A platform publishes
`{server}/service.yaml` and `{server}/openapi.yaml`. The differences that are recorded in
`openapi/deviations.yaml` are known and not shown again.

Exit status: 0 nothing new; 1 a breaking difference; 2 no comparison, because of a wrong usage or an
unreadable SOURCE; 3 an additive difference and no breaking difference.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from attrs import asdict, frozen
from description import Description, read
from differences import Deviation, Difference, compare, deviations
from regenerate import ROOT, SPEC
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from spec import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVIATIONS = ROOT / "openapi" / "deviations.yaml"

LARGEST_SOURCE = 8 * 2**20  # bytes
LONGEST_DOWNLOAD = 60.0  # seconds
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

NOTHING_NEW, BREAKING, NOT_COMPARED, ADDITIVE = range(4)


@frozen
class Report:
    """The result of a comparison.

    Attributes:
        source: The file or the URL of their description.
        format: The format of their description, `swagger` or `openapi`.
        news: The differences that are not recorded.
        known: The recorded differences.
        stale: The records without a difference.
        cosmetic: The number of cosmetic differences of each kind.
    """

    source: str
    format: str
    news: list[Difference]
    known: list[tuple[Difference, Deviation]]
    stale: list[Deviation]
    cosmetic: dict[str, int]

    @property
    def status(self) -> int:
        """The exit status."""
        weights = {difference.weight for difference in self.news}
        if "breaking" in weights:
            return BREAKING
        return ADDITIVE if weights else NOTHING_NEW

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "source": self.source,
            "format": self.format,
            "news": [asdict(difference) for difference in self.news],
            "known": [
                asdict(difference) | {"why": record.why} for difference, record in self.known
            ],
            "stale": [record.conditions | {"why": record.why} for record in self.stale],
            "cosmetic": self.cosmetic,
        }

    def as_text(self) -> str:
        """Return the report for people."""
        weights = Counter(difference.weight for difference in self.news)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.cosmetic.items()))
        lines = [_line(difference) for difference in self.news]
        lines += [f"stale     {_conditions(record)}: recorded, not found" for record in self.stale]
        new = f"new: {weights['breaking']} breaking, {weights['additive']} additive"
        lines += [f"{new}; known: {len(self.known)}; cosmetic: {kinds or 'none'}"]
        return "\n".join(lines)


def report(source: str, theirs: Description, ours: Description, known: list[Deviation]) -> Report:
    """Compare two descriptions, and separate new differences from known differences."""
    differences = compare(theirs, ours)
    weighty = [difference for difference in differences if difference.weight == "breaking"]
    weighty += [difference for difference in differences if difference.weight == "additive"]
    cosmetic = Counter[str](
        difference.kind for difference in differences if difference.weight == "cosmetic"
    )
    records = [record for record in known if record.format in {None, theirs.format}]
    pairs = [
        (difference, next((record for record in records if record.matches(difference)), None))
        for difference in weighty
    ]
    return Report(
        source,
        theirs.format,
        news=[difference for difference, record in pairs if record is None],
        known=[(difference, record) for difference, record in pairs if record is not None],
        stale=[record for record in records if not any(map(record.matches, weighty))],
        cosmetic=dict(cosmetic),
    )


def _line(difference: Difference) -> str:
    ids = f" [{', '.join(difference.operation_ids)}]" if difference.operation_ids else ""
    return f"{difference.weight:9} {difference.operation}: {_sentence(difference)}{ids}"


def _sentence(difference: Difference) -> str:
    kind, name = difference.kind, difference.name
    theirs, ours = difference.theirs, difference.ours
    of = f" of {name}" if name else ""
    if theirs is not None and ours is not None:
        return f"{kind}{of}: they have {theirs}, we have {ours}"
    having, lacking, content = ("we", "they", ours) if theirs is None else ("they", "we", theirs)
    if kind == "operation":
        return f"{having} have this operation, {lacking} do not"
    if kind == "parameter":
        return f"{having} have parameter {name} ({content}), {lacking} do not"
    return f"{having} have {kind} {content}{of}, {lacking} do not"


def _conditions(record: Deviation) -> str:
    return ", ".join(f"{name}: {value or 'null'}" for name, value in record.conditions.items())


@contextmanager
def naming(source: object) -> Iterator[None]:
    """Begin the message of an error in this block with the name of a source."""
    try:
        yield
    except UnreadableError as error:
        raise UnreadableError(f"{source}: {error}") from None


def load(text: str) -> Any:
    """Return the content of a text in YAML or JSON."""
    if _is_web_page(text):
        raise UnreadableError(
            "a web page, not a description; a platform publishes its own as "
            "{server}/service.yaml and {server}/openapi.yaml"
        )
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UnreadableError(f"neither YAML nor JSON: {' '.join(str(error).split())}") from None


def _is_web_page(text: str) -> bool:
    return text.lstrip().lower().startswith(("<!doctype", "<html"))


def read_file(path: str | Path) -> str:
    """Return the text of a file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise UnreadableError(str(error)) from None


def read_token(path: Path) -> str:
    """Return the token in a file."""
    token = read_file(path).strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise UnreadableError("expected one line, a token without blanks")
    return token


def fetch(url: str, token: str | None) -> str:
    """Return the text at a URL. A token is only sent to the host of the URL, and only encrypted."""
    parsed = httpx.URL(url)
    if token and parsed.scheme != "https" and parsed.host not in LOOPBACK:
        raise UnreadableError("a token is sent over https only")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = httpx.Client(timeout=LONGEST_DOWNLOAD / 4, follow_redirects=True)
    try:
        with client, client.stream("GET", url, headers=headers) as response:
            text = _body(response)
    except httpx.HTTPError as error:
        raise UnreadableError(str(error) or type(error).__name__) from None
    if response.is_success:
        return text
    reason = "with a web page" if _is_web_page(text) else " ".join(text.split())[:200]
    raise UnreadableError(f"status {response.status_code} {reason}".rstrip())


def _body(response: httpx.Response) -> str:
    deadline = time.monotonic() + LONGEST_DOWNLOAD
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST_SOURCE:
            raise UnreadableError(f"longer than {LARGEST_SOURCE >> 20} MiB")
        if time.monotonic() > deadline:
            raise UnreadableError(f"not complete after {LONGEST_DOWNLOAD:.0f} seconds")
    return body.decode(errors="replace")


def source(argument: str) -> str:
    """Return the argument SOURCE if a report can contain it."""
    if is_url(argument):
        try:
            secret = httpx.URL(argument).userinfo
        except httpx.InvalidURL as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        if secret:
            raise argparse.ArgumentTypeError("a secret belongs in a file (--token-file), not a URL")
    return argument


def is_url(argument: str) -> bool:
    """Return whether the argument SOURCE is a URL."""
    return argument.lower().startswith(("http://", "https://"))


def run(options: argparse.Namespace) -> Report:
    """Read the sources of the command line, and compare them."""
    with naming(options.token_file):
        token = read_token(options.token_file) if options.token_file else None
    with naming(options.source):
        is_file = not is_url(options.source)
        text = read_file(options.source) if is_file else fetch(options.source, token)
        theirs = read(load(text))
    with naming(SPEC):
        ours = read(load(read_file(SPEC)))
    with naming(options.deviations):
        known = deviations(load(read_file(options.deviations)))
    return report(options.source, theirs, ours, known)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE", type=source, help="a file or a URL")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--token-file", type=Path, help="file with a bearer token for the URL")
    parser.add_argument(
        "--deviations", default=DEVIATIONS, type=Path, help="file with the known differences"
    )
    options = parser.parse_args(arguments)
    try:
        result = run(options)
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return NOT_COMPARED
    print(json.dumps(result.as_json(), indent=2) if options.json else result.as_text())
    return result.status


if __name__ == "__main__":
    sys.exit(main())
