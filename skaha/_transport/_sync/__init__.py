# Made from skaha/_transport/_async/__init__.py by scripts/regenerate.py: edit that one.
"""The async variant of the transport, and the source of the sync variant."""
