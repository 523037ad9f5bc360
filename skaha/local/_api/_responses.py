"""Responses in the formats of the real server: plain text, JSON, XML and HTML pages."""

import html
import json
from http import HTTPStatus

from starlette.responses import HTMLResponse, Response

_DESCRIPTIONS = {
    HTTPStatus.BAD_REQUEST: (
        "The server cannot or will not process the request due to something that is perceived to"
        " be a client error (e.g., malformed request syntax, invalid request message framing, or"
        " deceptive request routing)."
    ),
    HTTPStatus.NOT_FOUND: (
        "The origin server did not find a current representation for the target resource or is"
        " not willing to disclose that one exists."
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "The method received in the request-line is known by the origin server but not supported"
        " by the target resource."
    ),
    HTTPStatus.NOT_IMPLEMENTED: (
        "The server does not support the functionality required to fulfill the request."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The server is currently unable to handle the request due to a temporary overload or"
        " scheduled maintenance, which will likely be alleviated after some delay."
    ),
}


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
    """Return XML with a declaration of its encoding, and with the line ends of the server."""
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Response(document.replace("\n", "\r\n"), headers={"content-type": "text/xml"})


def error_page(
    status: HTTPStatus, message: str | None = None, kind: str = "Status Report"
) -> Response:
    """Return the page of the server's container, for requests that do not reach the service."""
    title = f"HTTP Status {status.value} \N{EN DASH} {status.phrase}"
    escaped = html.escape(message or "").replace("/", "&#47;")
    rows = {"Type": kind, "Message": escaped, "Description": _DESCRIPTIONS[status]}
    paragraphs = "".join(f"<p><b>{name}</b> {text}</p>" for name, text in rows.items() if text)
    page = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
        f'<hr class="line" />{paragraphs}<hr class="line" /><h3>Apache Tomcat/9.0.124</h3>'
        "</body></html>"
    )
    return Response(page, status, headers={"content-type": "text/html;charset=utf-8"})


def welcome_page() -> Response:
    """Return the page at the root of the service."""
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><title>Skaha</title></head><body><h1>Skaha</h1>'
        "<p>The embedded platform of this machine runs here.</p></body></html>"
    )
