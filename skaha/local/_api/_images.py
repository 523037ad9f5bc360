"""The endpoints `image` and `repository`, and the checks of an image at launch."""

import base64
import hashlib
import re

from starlette.responses import Response

from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._errors import BadRequestError
from skaha.local._api._platform import REGISTRY
from skaha.local._api._responses import compact_json, pretty_json
from skaha.local._session import KINDS

# The listed images. A launch accepts every image of the registry.
_IMAGES = {
    "skaha/astroml:latest": ["headless", "notebook"],
    "skaha/base-notebook:latest": ["headless", "notebook"],
    "skaha/carta:5.1.0": ["carta"],
    "skaha/desktop:1.1.2": ["desktop"],
    "skaha/firefly:2025.2": ["firefly"],
    "skaha/marimo:latest": ["contributed"],
    "skaha/terminal:1.1.1": ["desktop-app", "headless"],
    "skaha/terminal:1.1.2": ["desktop-app", "headless"],
}

_REFERENCE = re.compile(re.escape(REGISTRY) + r"/[^/\s]+/\S*[^/\s:](:[^/\s:]+|@sha256:[0-9a-f]+)")


async def get_images(request: ApiRequest) -> Response:
    """Return all images, or the images of a type."""
    kind = request.parameters.first("type")
    if kind is not None and kind not in KINDS:
        raise BadRequestError(f"unknown type: {kind}")
    return pretty_json(
        [
            {"id": f"{REGISTRY}/{name}", "types": types, "digest": _digest(name)}
            for name, types in _IMAGES.items()
            if kind is None or kind in types
        ]
    )


async def get_repositories(request: ApiRequest) -> Response:  # noqa: ARG001 - it is a handler
    """Return the registries that images may come from."""
    return compact_json([REGISTRY])


def check_registry(image: str | None) -> str:
    """Return the image; refuse a missing image and an image of another registry."""
    if image is None:
        raise BadRequestError("Missing parameter 'image'")
    if not image.strip():
        raise BadRequestError("image is required")
    if not image.startswith(REGISTRY):
        raise BadRequestError(f"session image '{image}' must come from one of [{REGISTRY}]")
    return image


def check_access(image: str, credential: str | None) -> None:
    """Refuse an image that is not public, unless the request has a credential for its registry."""
    if image.removeprefix(f"{REGISTRY}/") in _IMAGES:
        return
    if credential is None:
        # Here, every complete reference to an image of the registry counts as public.
        if _REFERENCE.fullmatch(image):
            return
        raise BadRequestError(
            "No authentication provided for unknown or private image.  Use x-skaha-registry-auth"
            " request header with base64Encode(username:secret)."
        )
    if len(credential) % 4:
        raise BadRequestError("Length of Base64 encoded input string is not a multiple of 4.")
    try:
        username_and_secret = base64.b64decode(credential, validate=True)
    except ValueError:
        raise BadRequestError("Illegal character in Base64 encoded data.") from None
    username, *secrets = username_and_secret.split(b":")
    if [bool(secret) for secret in secrets] != [True]:
        raise BadRequestError("Invalid input.  Must be in form of username:secret")
    if not username.strip():
        raise BadRequestError("username is required.")


def check_type(image: str, kind: str) -> None:
    """Refuse a listed image that is not for this kind of session."""
    types = _IMAGES.get(image.removeprefix(f"{REGISTRY}/"))
    if types is not None and kind not in types:
        raise BadRequestError(f"image/type mismatch: {image}/{kind}")


def _digest(name: str) -> str:
    # The field is never absent, but there is no image with a digest.
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
