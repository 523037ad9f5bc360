"""Names that the platform allows."""

from __future__ import annotations

import re
import unicodedata

from skaha._sansio.carriable import YAML_WORD

MAX_NAME_LENGTH = 63
"""Characters of a name. It becomes a label and a host name in the cluster of the platform."""

# There is room for the number of a replica.
_LENGTH = 50
_OTHERS = r"[^a-z0-9]+"


def allowed_name(text: str) -> str:
    """Return the nearest name that the platform allows, for one session or for replicas."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    name = re.sub(_OTHERS, "-", plain).strip("-")[:_LENGTH].strip("-")
    if not name or re.fullmatch(YAML_WORD, name):
        name = f"session-{name}".strip("-")
    return name
