# Generated from skaha/_async/__init__.py by scripts/regenerate.py. Edit that file instead.
"""The async variant of the facade, and the source of the sync variant."""
