# Generated from skaha/_transport/_async/__init__.py by scripts/regenerate.py. Edit that file instead.
"""The async variant of the transport, and the source of the sync variant."""
