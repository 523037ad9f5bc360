"""The one place of the version."""

__version__ = "2.0.0"
