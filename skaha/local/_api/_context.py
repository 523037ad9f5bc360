"""The endpoint `context`: defaults, limits and options of a session."""

from starlette.responses import Response

from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._serializers import context_response


async def get(request: ApiRequest) -> Response:
    """Return the defaults, limits and options of a session."""
    return context_response(request.platform)
