"""The images of the platform's registry, and who may use them."""

import base64
import binascii
import re

from skaha.local._wire._platform import REGISTRY
from skaha.local._wire._refusal import InvalidError

# Any image of the registry is taken; these are the ones worth showing.
IMAGES = {
    "skaha/astroml:latest": ["headless", "notebook"],
    "skaha/base-notebook:latest": ["headless", "notebook"],
    "skaha/carta:5.1.0": ["carta"],
    "skaha/desktop:1.1.2": ["desktop"],
    "skaha/firefly:2025.2": ["firefly"],
    "skaha/marimo:latest": ["contributed"],
    "skaha/terminal:1.1.1": ["desktop-app", "headless"],
    "skaha/terminal:1.1.2": ["desktop-app", "headless"],
}

_REFERENCE = re.compile(re.escape(REGISTRY) + r"/[^/\s]+/\S*[^/\s:]+(:[^/\s:]+|@sha256:[0-9a-f]+)")


def check_name(image: str | None) -> str:
    """Return an image that is given and comes from the registry."""
    if image is None:
        raise InvalidError("Missing parameter 'image'")
    if not image.strip():
        raise InvalidError("image is required")
    if not image.startswith(REGISTRY):
        raise InvalidError(f"session image '{image}' must come from one of [{REGISTRY}]")
    return image


def check_access(image: str, credential: str | None) -> None:
    """Refuse an image that is not public unless there is a credential for its registry."""
    # Every image of the registry is public here; what is no reference to one is not.
    if _REFERENCE.fullmatch(image):
        return
    if credential is None:
        raise InvalidError(
            "No authentication provided for unknown or private image.  Use x-skaha-registry-auth"
            " request header with base64Encode(username:secret)."
        )
    try:
        pair = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidError("null") from None
    if [bool(part) for part in pair.split(":")] != [True, True]:
        raise InvalidError("Invalid input.  Must be in form of username:secret")


def check_label(image: str, kind: str) -> None:
    """Refuse a listed image for a kind of session that it is not labelled for."""
    labels = IMAGES.get(image.removeprefix(f"{REGISTRY}/"))
    if labels is not None and kind not in labels:
        raise InvalidError(f"image/type mismatch: {image}/{kind}")
