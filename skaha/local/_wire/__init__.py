"""The wire: routes, parameters, texts and headers as the real platform's server has them."""

from skaha.local._wire._application import application
from skaha.local._wire._gate import Gate
from skaha.local._wire._platform import Platform

__all__ = ["Gate", "Platform", "application"]
