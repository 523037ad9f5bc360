"""The web page with the sessions of the platform.

The page shares no code with the API. Its routes lie below `/page/`, a path that a real platform
does not have.
"""

from skaha.local._page._routes import create_page

__all__ = ["create_page"]
