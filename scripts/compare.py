"""Tell what a platform's published description says otherwise than ours: `openapi/skaha.yaml`.

SOURCE is a file or a URL, Swagger 2.0 or OpenAPI 3.x, YAML or JSON; a platform publishes both as
`{server}/service.yaml` and `{server}/openapi.yaml`. What `openapi/deviations.yaml` records is
known, and not shown again.

Exit status: 0 nothing new, 1 something breaking, 2 no comparison (wrong usage, or SOURCE cannot be
read), 3 something additive and nothing breaking.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from differences import Deviation, Difference, compare, deviations
from regenerate import ROOT, SPEC
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from wire import Description, UnreadableError, read

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVIATIONS = ROOT / "openapi" / "deviations.yaml"

MOST_BYTES = 8 * 2**20
MOST_SECONDS = 60.0
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

NOTHING_NEW, BREAKING, NOT_COMPARED, ADDITIVE = range(4)


@dataclass
class Report:
    """What was found: new, known with its reason, no longer found, and how much is only words."""

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
        """Return it for programs."""
        return {
            "source": self.source,
            "format": self.format,
            "news": [asdict(one) for one in self.news],
            "known": [asdict(one) | {"why": recorded.why} for one, recorded in self.known],
            "stale": [recorded.asked | {"why": recorded.why} for recorded in self.stale],
            "cosmetic": self.cosmetic,
        }

    def as_text(self) -> str:
        """Return it for people."""
        weights = Counter(difference.weight for difference in self.news)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.cosmetic.items()))
        lines = [_line(difference) for difference in self.news]
        lines += [f"stale     {_asked(one)}: recorded, but no longer found" for one in self.stale]
        new = f"new: {weights['breaking']} breaking, {weights['additive']} additive"
        lines += [f"{new}; known: {len(self.known)}; cosmetic: {kinds or 'none'}"]
        return "\n".join(lines)


def report(source: str, theirs: Description, ours: Description, known: list[Deviation]) -> Report:
    """Compare, and set apart what is known already."""
    found = compare(theirs, ours)
    cosmetic = Counter[str](one.kind for one in found if one.weight == "cosmetic")
    weighty = [one for one in found if one.weight == "breaking"]
    weighty += [one for one in found if one.weight == "additive"]
    recorded = [one for one in known if one.format in {None, theirs.format}]
    reasons = [
        next((one for one in recorded if one.matches(difference)), None) for difference in weighty
    ]
    pairs = list(zip(weighty, reasons, strict=True))
    return Report(
        source,
        theirs.format,
        news=[difference for difference, reason in pairs if reason is None],
        known=[(difference, reason) for difference, reason in pairs if reason is not None],
        stale=[one for one in recorded if not any(map(one.matches, weighty))],
        cosmetic=dict(cosmetic),
    )


def _line(difference: Difference) -> str:
    ids = f" [{', '.join(difference.operation_ids)}]" if difference.operation_ids else ""
    return f"{difference.weight:9} {difference.operation}: {_sentence(difference)}{ids}"


def _sentence(one: Difference) -> str:
    of = f" of {one.name}" if one.name else ""
    if one.theirs is not None and one.ours is not None:
        return f"{one.kind}{of}: they have {one.theirs}, we have {one.ours}"
    having, lacking = ("we", "they") if one.theirs is None else ("they", "we")
    what = one.ours if one.theirs is None else one.theirs
    if one.kind == "operation":
        return f"{having} have this operation, {lacking} do not"
    if one.kind == "parameter":
        return f"{having} have parameter {one.name} ({what}), {lacking} do not"
    return f"{having} have {one.kind} {what}{of}, {lacking} do not"


def _asked(recorded: Deviation) -> str:
    return ", ".join(f"{name}: {value or 'null'}" for name, value in recorded.asked.items())


@contextmanager
def naming(source: object) -> Iterator[None]:
    """Let an error say which source it is about."""
    try:
        yield
    except UnreadableError as wrong:
        raise UnreadableError(f"{source}: {wrong}") from None


def load(text: str) -> Any:
    """Return what YAML, or JSON, says."""
    if _is_web_page(text):
        raise UnreadableError(
            "a web page, not a description; a platform publishes its own as "
            "{server}/service.yaml and {server}/openapi.yaml"
        )
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as wrong:
        raise UnreadableError(f"neither YAML nor JSON: {' '.join(str(wrong).split())}") from None


def _is_web_page(text: str) -> bool:
    return text.lstrip().lower().startswith(("<!doctype", "<html"))


def read_file(path: str | Path) -> str:
    """Return the text of a file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as wrong:
        raise UnreadableError(wrong.strerror or str(wrong)) from None
    except UnicodeDecodeError as wrong:
        raise UnreadableError(str(wrong)) from None


def read_token(path: Path) -> str:
    """Return the token in a file."""
    token = read_file(path).strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise UnreadableError("expected one line, a token without blanks")
    return token


def fetch(url: str, token: str | None) -> str:
    """Return the text at a URL; a token goes only to its host, and only where nobody listens."""
    parsed = httpx.URL(url)
    if token and parsed.scheme != "https" and parsed.host not in LOOPBACK:
        raise UnreadableError("a token is sent over https only")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = httpx.Client(timeout=MOST_SECONDS / 4, follow_redirects=True)
    try:
        with client, client.stream("GET", url, headers=headers) as answer:
            text = _body(answer)
    except httpx.HTTPError as wrong:
        raise UnreadableError(str(wrong) or type(wrong).__name__) from None
    if answer.is_success:
        return text
    said = "with a web page" if _is_web_page(text) else " ".join(text.split())[:200]
    raise UnreadableError(f"answered {answer.status_code} {said}".rstrip())


def _body(answer: httpx.Response) -> str:
    until = time.monotonic() + MOST_SECONDS
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > MOST_BYTES:
            raise UnreadableError(f"longer than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > until:
            raise UnreadableError(f"not read within {MOST_SECONDS:.0f} seconds")
    return body.decode(errors="replace")


def source(given: str) -> str:
    """Return a SOURCE that can be named in a report."""
    if is_url(given):
        try:
            secret = httpx.URL(given).userinfo
        except httpx.InvalidURL as wrong:
            raise argparse.ArgumentTypeError(str(wrong)) from None
        if secret:
            raise argparse.ArgumentTypeError("a secret belongs in a file (--token-file), not a URL")
    return given


def is_url(given: str) -> bool:
    """Return whether a SOURCE is to be fetched."""
    return given.lower().startswith(("http://", "https://"))


def find(given: argparse.Namespace) -> Report:
    """Read what was named on the command line, and compare."""
    with naming(given.token_file):
        token = read_token(given.token_file) if given.token_file else None
    with naming(given.source):
        is_file = not is_url(given.source)
        text = read_file(given.source) if is_file else fetch(given.source, token)
        theirs = read(load(text))
    with naming(SPEC):
        ours = read(load(read_file(SPEC)))
    with naming(given.deviations):
        known = deviations(load(read_file(given.deviations)))
    return report(given.source, theirs, ours, known)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE", type=source, help="a file or a URL")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--token-file", type=Path, help="a bearer token, where a URL asks for one")
    parser.add_argument("--deviations", default=DEVIATIONS, type=Path, help="what is known already")
    given = parser.parse_args(arguments)
    try:
        found = find(given)
    except UnreadableError as wrong:
        print(wrong, file=sys.stderr)
        return NOT_COMPARED
    print(json.dumps(found.as_json(), indent=2) if given.json else found.as_text())
    return found.status


if __name__ == "__main__":
    sys.exit(main())
