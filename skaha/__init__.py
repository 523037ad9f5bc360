"""Run containers on a Skaha science platform: one session, or a thousand replicas.

The names below are imported when they are first used, which keeps `import skaha` light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha._lazy import importing
from skaha._version import __version__

if TYPE_CHECKING:
    from skaha import auth as auth
    from skaha import client as client
    from skaha import config as config
    from skaha import context as context
    from skaha import errors as errors
    from skaha import helpers as helpers
    from skaha import images as images
    from skaha import models as models
    from skaha import overview as overview
    from skaha import records as records
    from skaha import results as results
    from skaha import retry as retry
    from skaha import session as session
    from skaha.auth import login, logout
    from skaha.client import SkahaClient
    from skaha.context import AsyncContext, Context
    from skaha.images import AsyncImages, Images
    from skaha.models import ContainerRegistry
    from skaha.overview import AsyncOverview, Overview
    from skaha.retry import Retry
    from skaha.session import AsyncSession, Session

__all__ = [
    "AsyncContext",
    "AsyncImages",
    "AsyncOverview",
    "AsyncSession",
    "ContainerRegistry",
    "Context",
    "Images",
    "Overview",
    "Retry",
    "Session",
    "SkahaClient",
    "__version__",
    "login",
    "logout",
]

# A type checker must not take every name for a name of this module.
if not TYPE_CHECKING:
    __getattr__, __dir__ = importing(
        __name__,
        {
            "AsyncContext": "skaha.context",
            "AsyncImages": "skaha.images",
            "AsyncOverview": "skaha.overview",
            "AsyncSession": "skaha.session",
            "ContainerRegistry": "skaha.models",
            "Context": "skaha.context",
            "Images": "skaha.images",
            "Overview": "skaha.overview",
            "Retry": "skaha.retry",
            "Session": "skaha.session",
            "SkahaClient": "skaha.client",
            "login": "skaha.auth",
            "logout": "skaha.auth",
            # Modules: messages name functions such as `skaha.records.succeeded`. The modules that
            # need an extra are missing, because `help` imports all names.
            "auth": "skaha.auth",
            "client": "skaha.client",
            "config": "skaha.config",
            "context": "skaha.context",
            "errors": "skaha.errors",
            "helpers": "skaha.helpers",
            "images": "skaha.images",
            "models": "skaha.models",
            "overview": "skaha.overview",
            "records": "skaha.records",
            "results": "skaha.results",
            "retry": "skaha.retry",
            "session": "skaha.session",
        },
    )
