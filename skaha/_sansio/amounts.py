"""What a platform allows, said where it refused something."""

from __future__ import annotations

import re
from typing import Any

from skaha.errors import BadRequestError, SkahaError

_REFUSED = re.compile(r"Invalid value for '(cores|ram|gpus)'")
# What the context calls the amounts that a launch asks for.
_MEMBERS = {"cores": "cores", "ram": "memoryGB", "gpus": "gpus"}


def refused_amount(error: SkahaError) -> str | None:
    """Return which amount the platform refused, if that is what it did."""
    found = _REFUSED.search(error.text) if isinstance(error, BadRequestError) else None
    return found[1] if found else None


def explain_amount(error: SkahaError, context: dict[str, Any]) -> None:
    """Add the allowed values to the message of a refusal."""
    what = refused_amount(error)
    limits = context.get(_MEMBERS[what]) if what else None
    options = limits.get("options") if isinstance(limits, dict) else None
    if isinstance(options, list):
        allowed = ", ".join(map(str, options)) or "none at all"
        error.args = (f"{error.args[0]}; {what} of this platform: {allowed}",)
