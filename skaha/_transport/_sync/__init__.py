# Made from skaha/_transport/_async/__init__.py by scripts/regenerate.py: edit that one.
"""The asynchronous colour, and the source of the synchronous one."""
