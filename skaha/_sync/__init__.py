# Made from skaha/_async/__init__.py by scripts/regenerate.py: edit that one.
"""The async variant of the facade, and the source of the sync variant."""
