"""The endpoints of the IVOA's VOSI standard: capabilities, availability and log control."""

from http import HTTPStatus

from starlette.responses import Response

from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._responses import error_page, xml_response

_PUBLIC_STANDARDS = {
    "ivo://ivoa.net/std/VOSI#capabilities": "/capabilities",
    "ivo://ivoa.net/std/VOSI#availability": "/availability",
}
_OPERATOR_STANDARDS = {"vos://cadc.nrc.ca~vospace/CADC/std/Logging#control-1.0": "/logControl"}
# The v1 server still announces v0, although it does not serve v0 any more.
_V0_STANDARDS = {"vos://cadc.nrc.ca~vospace/CADC/std/Proc#sessions-1.0": "/v0"}
_V1_STANDARDS = {
    "http://www.opencadc.org/std/platform#session-1": "/v1/session",
    "http://www.opencadc.org/std/platform#context-1": "/v1/context",
    "http://www.opencadc.org/std/platform#image-1": "/v1/image",
    "http://www.opencadc.org/std/platform#repository-1": "/v1/repository",
}
_NOTE = (
    "Skaha Service Available.\n\nEnabled Experimental Features:\n"
    " ExperimentalFeatures{featureGates={}}"
)
_NOTE_V0 = "skaha service is available."
_BEARER_METHOD = '<securityMethod standardID="ivo://ivoa.net/sso#token"/>'


async def get_capabilities(request: ApiRequest) -> Response:
    """Return the list of endpoints and their security methods."""
    entries = [
        _capability(name, request.base_url + path, [""], "", "full")
        for name, path in _PUBLIC_STANDARDS.items()
    ]
    entries += [
        _capability(name, request.base_url + path, [""], ' version="1.0"', "base")
        for name, path in _OPERATOR_STANDARDS.items()
    ]
    # The server has an interface for each security method. It names only the token method, which is
    # also the only method that this platform accepts.
    protected = _V0_STANDARDS | ({} if request.platform.profile.is_v0 else _V1_STANDARDS)
    entries += [
        _capability(
            name, request.base_url + path, ["", "", _BEARER_METHOD], ' version="1.0"', "base"
        )
        for name, path in protected.items()
    ]
    response = xml_response(
        '<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"'
        ' xmlns:vr="http://www.ivoa.net/xml/VOResource/v1.0"'
        ' xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"{''.join(entries)}</vosi:capabilities>\n"
    )
    response.headers["server"] = "OpenCADC/cadc-rest + cadc-vosi-1.4"
    if request.method == "HEAD":
        del response.headers["content-type"]
    return response


async def get_availability(request: ApiRequest) -> Response:
    """Return that the service is available."""
    if request.parameters.first("detail") == "min":
        return Response()
    note = _NOTE_V0 if request.platform.profile.is_v0 else _NOTE
    return xml_response(
        '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">\n'
        "  <vosi:available>true</vosi:available>\n"
        f"  <vosi:note>{note}</vosi:note>\n"
        "  <!--<clientip>127.0.0.1</clientip>-->\n"
        "</vosi:availability>\n"
    )


async def redirect_to_itself(request: ApiRequest) -> Response:
    """Redirect an operator who changed the state of the service; nothing changes here."""
    location = {"location": f"{request.base_url}/availability"}
    return Response(status_code=HTTPStatus.FOUND, headers=location)


async def refuse_method(request: ApiRequest) -> Response:
    """Refuse a method that this endpoint does not know."""
    message = f"HTTP method {request.method} is not supported by this URL"
    response = error_page(HTTPStatus.METHOD_NOT_ALLOWED, message)
    response.headers["allow"] = "GET, HEAD, POST, OPTIONS"
    return response


async def forbid(request: ApiRequest) -> Response:  # noqa: ARG001 - it is a handler
    """Refuse a request that only operators may send; this platform has no operators."""
    return Response(status_code=HTTPStatus.FORBIDDEN)


def _capability(standard: str, url: str, methods: list[str], version: str, use: str) -> str:
    interfaces = "".join(
        f'    <interface xsi:type="vs:ParamHTTP" role="std"{version}>\n'
        f'      <accessURL use="{use}">{url}</accessURL>{method}\n'
        "    </interface>\n"
        for method in methods
    )
    return f'  <capability standardID="{standard}">\n{interfaces}  </capability>\n'
