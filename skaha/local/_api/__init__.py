"""The REST API of the platform: routes, parameters, texts and headers of the real server."""

from skaha.local._api._middleware import LimitsMiddleware
from skaha.local._api._platform import Platform
from skaha.local._api._routes import create_app

__all__ = ["LimitsMiddleware", "Platform", "create_app"]
