"""VOSI documents: availability and capabilities of a service."""

from __future__ import annotations

from typing import NoReturn
from xml.etree import ElementTree as ET

from skaha._sansio.responses import invalid_value
from skaha.models import Capability, Interface

AVAILABILITY = "a VOSI availability document"
CAPABILITIES = "a VOSI capabilities document"


class _NoDoctype(ET.TreeBuilder):
    """Builder of an XML tree that refuses declarations of entities, which can expand endlessly."""

    def doctype(self, name: str, *_: object) -> NoReturn:
        """Refuse the declaration."""
        raise ValueError(f"document type {name}")


def parse_xml(document: bytes) -> ET.Element:
    """Parse an XML document without a document type.

    Raises:
        ValueError: If it is malformed, or has a document type.
    """
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314  (without a document type)
    try:
        return ET.fromstring(document, parser)  # noqa: S314
    except (ET.ParseError, LookupError) as error:
        raise ValueError(f"malformed XML: {error}") from error


def _parsed(document: bytes) -> ET.Element:
    try:
        return parse_xml(document)
    except ValueError:
        raise invalid_value() from None


def availability_of(document: bytes) -> bool:
    """Return whether a VOSI availability document says that the service is available.

    Raises:
        AnswerError: If the response is no such document.
    """
    word = _parsed(document).findtext("{*}available", "").strip()
    available = {"true": True, "1": True, "false": False, "0": False}.get(word)
    if available is None:
        raise invalid_value()
    return available


def capabilities_of(document: bytes) -> list[Capability]:
    """Return the capabilities in a VOSI capabilities document.

    Raises:
        AnswerError: If the response is no such document.
    """
    root = _parsed(document)
    if root.tag.rpartition("}")[2] != "capabilities":
        raise invalid_value()
    return [
        Capability(
            capability.get("standardID", ""),
            tuple(map(_interface, capability.iterfind("{*}interface"))),
        )
        for capability in root.iterfind("{*}capability")
    ]


def _interface(element: ET.Element) -> Interface:
    methods = (method.get("standardID") for method in element.iterfind("{*}securityMethod"))
    return Interface(
        element.findtext("{*}accessURL", "").strip(),
        tuple(method for method in methods if method),
        element.get("version"),
    )
