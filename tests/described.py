"""The description of the platform's API, `openapi/skaha.yaml`, parsed once for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent.parent / "openapi" / "skaha.yaml"
TEXT = FILE.read_text()
# The parser in C is ten times faster. Every process of the tests parses the file.
DOCUMENT = yaml.load(TEXT, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def complaints(schema: Any, value: Any) -> list[str]:
    """Return the errors of a value in a schema of the description."""
    from openapi_schema_validator import OAS31Validator  # its import takes more than a second

    whole = schema | {"components": DOCUMENT["components"]}
    return [error.message for error in OAS31Validator(whole).iter_errors(value)]
