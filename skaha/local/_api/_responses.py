"""Responses in the formats of the real server: plain text, JSON, XML and HTML pages."""

import json
from http import HTTPStatus

from starlette.responses import HTMLResponse, Response


def text_response(body: str | bytes, status: int = HTTPStatus.OK) -> Response:
    """Return plain text, without the charset that Starlette would add."""
    return Response(body, status, headers={"content-type": "text/plain"})


def pretty_json(value: object) -> Response:
    """Return indented JSON, in the format of the server's library."""
    body = json.dumps(value, indent=2, ensure_ascii=False)
    return Response(body, media_type="application/json")


def compact_json(value: object) -> Response:
    """Return JSON on one line."""
    body = json.dumps(value, separators=(",", ":"))
    return Response(body, media_type="application/json")


def xml_response(body: str) -> Response:
    """Return XML with a declaration of its encoding."""
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(declaration + body, headers={"content-type": "text/xml"})


def error_page(status: HTTPStatus) -> Response:
    """Return the page of the server's container, for requests that do not reach the service."""
    title = f"HTTP Status {status.value} \N{EN DASH} {status.phrase}"
    page = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head>'
        f"<body><h1>{title}</h1></body></html>"
    )
    return HTMLResponse(page, status)


def welcome_page() -> Response:
    """Return the page at the root of the service."""
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><title>Skaha</title></head><body><h1>Skaha</h1>'
        "<p>The embedded platform of this machine runs here.</p></body></html>"
    )
