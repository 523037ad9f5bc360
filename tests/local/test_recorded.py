"""The embedded platform writes the recorded responses of a real server."""

import re
import tomllib
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import recorded

DOCS = Path(__file__).parents[2] / "docs"


def respond(platform, exchange, values):
    """Send the request of an exchange as it is; return the status, the headers and the body."""
    connection = HTTPConnection(platform.url.split("/")[2], timeout=10)
    connection.putrequest(
        exchange.method, f"/skaha{values.insert(exchange.target)}", skip_accept_encoding=True
    )
    body = (exchange.data or "").encode()
    for name, value in exchange.send.items():
        if value is not False:
            connection.putheader(name, values.insert(value))
    connection.putheader("Content-Length", len(body))
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response, text


def difference(platform, exchange, values):
    """Send the request of an exchange; return the first difference from its response, if any."""
    response, text = respond(platform, exchange, values)
    if response.status != exchange.status:
        return f"status {response.status}, not {exchange.status}: {text}"
    is_closing = response.getheader("connection") == "close"
    if is_closing is not (exchange.status in recorded.CLOSING):
        return f"connection: {response.getheader('connection')}"
    for name, value in exchange.headers.items():
        if not values.matches(value, response.getheader(name)):
            return f"{name}: {response.getheader(name)!r}, not {value!r}"
    if not values.matches(exchange.body, text):
        return f"{text!r}, not {exchange.body!r}"
    return None


@pytest.mark.parametrize("name", recorded.FILES)
def test_the_platform_writes_the_responses(platform, token, eventually, subtests, name):
    """The exchanges of a file are sent in their order."""
    values = recorded.Comparison({"TOKEN": token, "LONG": "x" * 9000})
    for exchange in recorded.load(name):
        expected = exchange.local or exchange
        if exchange.row and expected is exchange:
            continue
        platform.faults(**exchange.faults)
        with subtests.test(exchange.name):
            if exchange.repeat:
                with suppress(AssertionError):
                    eventually(lambda e=expected: difference(platform, e, values) is None)
            assert difference(platform, expected, values) is None


def test_each_difference_is_a_row_of_the_page():
    """The page gives the reason of each difference that stays."""
    page = (DOCS / "reference" / "local.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    exchanges = [
        exchange for exchange in recorded.all_exchanges() if exchange.row or exchange.local
    ]
    assert exchanges
    for exchange in exchanges:
        assert exchange.row, f"{exchange.name}: a difference needs its row"
        assert [row for row in rows if row.startswith(f"| {exchange.row}")], exchange.row


def test_the_page_explains_the_files():
    """Its example is in a file, and its table has all keys."""
    page = (DOCS / "contributing" / "conformance.md").read_text()
    example, _ = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    files = [path.read_text() for path in recorded.FOLDER.glob("*.toml")]
    assert [content for content in files if example in content]
    entries = [entry for text in files for entry in tomllib.loads(text).get("exchange", [])]
    keys = {key for entry in entries for key in [*entry, *entry.get("local", {})]}
    assert [key for key in keys if f"`{key}`" not in page] == []
