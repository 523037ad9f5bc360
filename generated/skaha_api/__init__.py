"""A client library for accessing Skaha science platform"""

from .client import AuthenticatedClient, Client

__version__ = "1.0.0+openapi-python-client.0.29.1"
"""Version of the description, and name and version of the generator"""

__all__ = (
    "AuthenticatedClient",
    "Client",
)
