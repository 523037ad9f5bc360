"""What the platform offers, and how it describes itself."""

import hashlib

from starlette.responses import Response

from skaha.local._session import KINDS
from skaha.local._wire import _shapes
from skaha.local._wire._images import IMAGES
from skaha.local._wire._objects import compact, pretty
from skaha.local._wire._platform import REGISTRY
from skaha.local._wire._refusal import InvalidError
from skaha.local._wire._servlet import Call

_STANDARDS = {
    "ivo://ivoa.net/std/VOSI#capabilities": "/capabilities",
    "ivo://ivoa.net/std/VOSI#availability": "/availability",
    "vos://cadc.nrc.ca~vospace/CADC/std/Logging#control-1.0": "/logControl",
}
# The newer profile still advertises it, though it is gone.
_OLD_STANDARDS = {"vos://cadc.nrc.ca~vospace/CADC/std/Proc#sessions-1.0": "/v0"}
_NEW_STANDARDS = {
    "http://www.opencadc.org/std/platform#session-1": "/v1/session",
    "http://www.opencadc.org/std/platform#context-1": "/v1/context",
    "http://www.opencadc.org/std/platform#image-1": "/v1/image",
    "http://www.opencadc.org/std/platform#repository-1": "/v1/repository",
}
_BEARER_METHOD = '<securityMethod standardID="ivo://ivoa.net/sso#token"/>'


async def context(call: Call) -> Response:
    """Answer what one session may ask for."""
    return _shapes.context(call.platform)


async def images(call: Call) -> Response:
    """Answer the images, all or those of one type."""
    kind = call.parameters.first("type")
    if kind is not None and kind not in KINDS:
        raise InvalidError(f"unknown type: {kind}")
    return pretty(
        [
            {"id": f"{REGISTRY}/{name}", "types": types, "digest": _digest(name)}
            for name, types in IMAGES.items()
            if kind is None or kind in types
        ]
    )


async def repositories(call: Call) -> Response:  # noqa: ARG001 - it is a handler
    """Answer the registries that images may come from."""
    return compact([REGISTRY])


async def capabilities(call: Call) -> Response:
    """Answer what the service can do and where."""
    entries = [_capability(name, call.base + path, [""]) for name, path in _STANDARDS.items()]
    # One interface a method; only of the token is the method named, the only one taken here.
    protected = _OLD_STANDARDS | ({} if call.platform.profile.old else _NEW_STANDARDS)
    entries += [
        _capability(name, call.base + path, ["", "", _BEARER_METHOD])
        for name, path in protected.items()
    ]
    return _xml(
        '<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"'
        ' xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"{''.join(entries)}</vosi:capabilities>\n"
    )


async def availability(call: Call) -> Response:
    """Answer that the service is up."""
    if call.parameters.first("detail") == "min":
        return Response()
    return _xml(
        '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">\n'
        "  <vosi:available>true</vosi:available>\n"
        "  <vosi:note>skaha service is available.</vosi:note>\n"
        "</vosi:availability>\n<!-- 127.0.0.1 -->\n"
    )


async def forbidden(call: Call) -> Response:  # noqa: ARG001 - it is a handler
    """Answer what only operators may ask: nobody is one here."""
    return Response(status_code=403)


def _digest(name: str) -> str:
    # No image is here to have a digest; the field is never absent.
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _capability(standard: str, url: str, methods: list[str]) -> str:
    interfaces = "".join(
        '    <interface xsi:type="vs:ParamHTTP" role="std">\n'
        f'      <accessURL use="full">{url}</accessURL>{method}\n'
        "    </interface>\n"
        for method in methods
    )
    return f'  <capability standardID="{standard}">\n{interfaces}  </capability>\n'


def _xml(body: str) -> Response:
    prologue = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(prologue + body, headers={"content-type": "text/xml"})
