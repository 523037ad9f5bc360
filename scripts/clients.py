"""Send a request for every operation with the clients of other projects, to the embedded platform.

The arguments are the examples of the description, `openapi/skaha.yaml`. The check fails if the
platform refuses a request, or if a request differs from the recorded one in `tests/clients.json`.
The tests compare the recorded requests with those of our own client.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, field, frozen
from regenerate import ROOT, SPEC, difference
from spec import METHODS, Parts, has_fixed_value, read, resolved, split_views

from skaha import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = ROOT / "tests" / "clients.json"
CLIENTS = ("swagger-client", "openapi-fetch")
HEADERS = ("content-type", "x-skaha-registry-auth")
OK = 200
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"

Samples = dict[str, dict[str, Parts]]


@frozen
class Call:
    """The arguments of a call of one operation, with the view as a part of the query.

    Attributes:
        operation: The id of the operation.
        shared_operation: The id of the operation with all views, which other clients know.
        method: Its method in upper case.
        path: Its path with names of parameters.
        path_parameters: The ids in the path.
        query: The query.
        headers: The headers.
        media_type: The media type of the body; `None` if the operation has no body.
        body: The body, a form or JSON.
    """

    operation: str
    shared_operation: str
    method: str
    path: str
    path_parameters: dict[str, str] = field(factory=dict)
    query: dict[str, str] = field(factory=dict)
    headers: dict[str, str] = field(factory=dict)
    media_type: str | None = None
    body: Any = None


def calls(document: Parts) -> list[Call]:
    """Return a call of each operation with the examples of a description; deletions come last."""
    found = []
    for full_path, item in split_views(document)["paths"].items():
        path = full_path.partition("#")[0]
        for method in filter(METHODS.__contains__, item):
            operation = item[method]
            arguments: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
            for node in [*item.get("parameters", []), *operation.get("parameters", [])]:
                parameter = resolved(document, node)
                schema = parameter["schema"]
                value = schema["const"] if has_fixed_value(schema) else parameter["example"]
                arguments[parameter["in"]][parameter["name"]] = value
            found.append(
                Call(
                    operation["operationId"],
                    document["paths"][path][method]["operationId"],
                    method.upper(),
                    path,
                    arguments["path"],
                    arguments["query"],
                    arguments["header"],
                    *_body(document, operation),
                )
            )
    return sorted(found, key=lambda call: call.method == "DELETE")


def _body(document: Parts, operation: Parts) -> tuple[str | None, Any]:
    """Return the media type and the first example of the body of an operation."""
    described = resolved(document, operation.get("requestBody", {}))
    for media_type, content in described.get("content", {}).items():
        named = [resolved(document, example) for example in content.get("examples", {}).values()]
        return media_type, named[0]["value"] if named else content["example"]
    return None, None


@contextmanager
def platform() -> Iterator[tuple[str, str]]:
    """Start an embedded platform; yield its URL and its token."""
    with tempfile.TemporaryDirectory() as state:
        token = secrets.token_hex()
        token_file = Path(state) / "token"
        token_file.touch(0o600)
        token_file.write_text(token)
        command = [sys.executable, "-m", "skaha.local", "serve", "--port", "0", "--tether"]
        command += ["--state", state, "--token-file", str(token_file)]
        # The platform ends at the end of its standard input.
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            output: Any = process.stdout
            yield output.readline().strip(), token


def launched(server: str, token: str) -> dict[str, str]:
    """Launch a desktop with an app; return their ids by the names of the parameters."""
    with Session(server=server, token=token) as session:
        [desktop] = session.create("desk", IMAGE, kind="desktop")
        return {"sessionID": desktop, "appID": session.attach_app(desktop, IMAGE)}


def requests(document: Parts, folder: Path) -> Samples:
    """Return the request of each client for each operation, with the ids of the examples.

    Args:
        document: The description.
        folder: The folder with `send.mjs` and the installed clients.

    Raises:
        SystemExit: If the platform refused a request.
    """
    listed = calls(document)
    with platform() as (server, token):
        ids = launched(server, token)
        work = [
            asdict(evolve(call, path_parameters={name: ids[name] for name in call.path_parameters}))
            for call in listed
        ]
        order = {"server": server, "token": token, "document": document, "calls": work}
        finished = subprocess.run(
            ["node", "send.mjs"],
            cwd=folder,
            input=json.dumps(order),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    sent = json.loads(finished.stdout)
    if refused := [request for request in sent if request["status"] != OK]:
        lines = [
            "{client} {operation}: {method} {url} {body!r}: {status}".format_map(request)
            for request in refused
        ]
        raise SystemExit("\n".join(["the platform refused these requests:", *lines]))
    described = {name: value for call in listed for name, value in call.path_parameters.items()}
    samples: Samples = {client: {} for client in CLIENTS}
    for request in sent:
        url = request["url"].removeprefix(server)
        for name, value in ids.items():
            url = url.replace(value, described[name])
        headers = {name: request["headers"].get(name) for name in HEADERS}
        samples[request["client"]][request["operation"]] = {
            "method": request["method"],
            "url": url,
            "headers": {name: value for name, value in headers.items() if value},
            "body": request["body"],
        }
    return samples


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder with the clients")
    parser.add_argument("--record", action="store_true", help="record the requests")
    options = parser.parse_args()
    new = json.dumps(requests(read(SPEC), options.folder), indent=2) + "\n"
    if options.record:
        SAMPLES.write_text(new)
    old = SAMPLES.read_text()
    print(difference({SAMPLES.name: old}, {SAMPLES.name: new}), end="")
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main())
